"""The home page's parts. Apps register theirs; each is one or two queries that an index bounds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from payments_project.console.panels import Panel
from payments_project.tenancy import ENVIRONMENTS, LIVE

# Beyond this a number says "many", and counting on would cost more with every row.
COUNT_MAX = 500


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with a word and a link; ``tone`` colours it when somebody should look."""

    label: str
    value: str
    hint: str = ""
    icon: str = ""
    tone: str = ""
    url: str = ""
    order: int = 50


@dataclass(frozen=True, slots=True)
class Bar:
    """One column of a chart: its label and its parts, in units of the tallest one's height."""

    label: str
    title: str
    good: float
    bad: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns side by side, drawn as SVG without a script."""

    title: str
    bars: Sequence[Bar]
    legend: tuple[str, str]
    note: str = ""
    order: int = 10


HomePart = Tile | Chart | Panel
HomeMaker = Callable[[HttpRequest, str], Iterable[HomePart]]

_makers: list[tuple[str, HomeMaker]] = []


def home_part(*, permission: str) -> Callable[[HomeMaker], HomeMaker]:
    """Registers parts of the home page for staff with ``permission``.

    The function is given the request and the environment that the page shows.
    """

    def register(make: HomeMaker) -> HomeMaker:
        _makers.append((permission, make))
        return make

    return register


def count_some(rows: QuerySet) -> int:
    """How many rows there are, up to ``COUNT_MAX`` + 1, which stands for "more"."""
    return len(rows.values_list("pk")[: COUNT_MAX + 1])


def count_words(count: int) -> str:
    """A number from ``count_some`` for people."""
    return f"{COUNT_MAX}+" if count > COUNT_MAX else str(count)


def home_context(request: HttpRequest) -> dict[str, Any]:
    """What the home page's template shows."""
    asked = request.GET.get("environment")
    environment = asked if asked in ENVIRONMENTS else LIVE
    parts = [
        part
        for permission, make in _makers
        if request.user.has_perm(permission)
        for part in make(request, environment)
    ]
    parts.sort(key=lambda part: part.order)
    return {
        "environment_shown": environment,
        "environments": ENVIRONMENTS,
        "now": timezone.now(),
        "tiles": [part for part in parts if isinstance(part, Tile)],
        "charts": [_drawn(part) for part in parts if isinstance(part, Chart)],
        "queues": [part for part in parts if isinstance(part, Panel)],
    }


_WIDTH, _HEIGHT, _BASE = 720, 190, 166


def _drawn(chart: Chart) -> dict[str, Any]:
    """The chart with its rectangles' places, in the SVG's own units."""
    step = _WIDTH / max(1, len(chart.bars))
    tallest = max((bar.good + bar.bad for bar in chart.bars), default=0) or 1
    columns = []
    for place, bar in enumerate(chart.bars):
        good = bar.good / tallest * (_BASE - 12)
        bad = bar.bad / tallest * (_BASE - 12)
        columns.append(
            {
                "x": round(place * step + step * 0.14, 2),
                "width": round(step * 0.72, 2),
                "middle": round(place * step + step / 2, 2),
                "good_y": round(_BASE - good, 2),
                "good": round(good, 2),
                "bad_y": round(_BASE - good - bad, 2),
                "bad": round(bad, 2),
                "label": bar.label,
                "title": bar.title,
            }
        )
    return {"chart": chart, "columns": columns, "width": _WIDTH, "height": _HEIGHT, "base": _BASE}
