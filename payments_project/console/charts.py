"""Charts: columns, lines and rankings, drawn as SVG on the server, without a script.

A chart has no size of its own: across, places are per cent of its box, so that it fits any screen
and its words keep their size; upward they are pixels. What each column says stands in its
``title``, which a pointer shows. Colours are classes of ``static/console/console.css`` that light
and dark pages, and people who see few colours, tell apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any

from babel.numbers import format_compact_decimal

from payments_project.money import format_compact

# The colours of what is drawn; see the style sheet.
MAIN, BAD, REST, BACK, WARN = "main", "bad", "rest", "back", "warn"

# Pixels: where the scale begins and ends; below it stand the labels.
_TOP, _LABELS = 6, 22
_HEIGHT, _TALL = 140, 184
# So many steps a scale has at most.
_STEPS_MAX = 4
# What is there is seen, however little it is.
_LEAST_SEEN = 1.5
# Beyond this columns would look like blocks: per cent of the chart.
_WIDTH_MAX = 9.0
# How many characters fit below a chart of half the page, of all of it, and on a phone.
_CHARACTERS, _CHARACTERS_WIDE, _CHARACTERS_PHONE = 56, 112, 46
# Where points stand closer, they have no dots.
_DOTS_MAX = 40


@dataclass(frozen=True, slots=True)
class Series:
    """What one part of each column stands for, and its colour."""

    words: str
    tone: str = MAIN


@dataclass(frozen=True, slots=True)
class Bar:
    """One column: its label, what it says, the value of each series, from the bottom up, and where
    a click leads."""

    label: str
    title: str
    values: tuple[int, ...]
    url: str = ""


def count_tick(count: int) -> str:
    """A number of things on a scale: ``250``, ``2.5K``."""
    return f"{count:,}" if count < 1_000 else format_compact_decimal(count, fraction_digits=2)


def money_tick(currency: str) -> Callable[[int], str]:
    """How amounts of minor units stand on a scale: ``$2.5K``."""
    return lambda amount: format_compact(amount, currency)


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns side by side from zero up. ``tick`` writes a value of the scale.

    ``total`` stands beside the title; ``empty`` in place of columns that are all zero.
    """

    title: str
    bars: Sequence[Bar]
    series: Sequence[Series] = (Series(""),)
    tick: Callable[[int], str] = count_tick
    total: str = ""
    note: str = ""
    empty: str = "Nothing yet."
    order: int = 10
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a line: a share between 0 and 1, or None where there is none."""

    label: str
    title: str
    share: float | None


@dataclass(frozen=True, slots=True)
class LineChart:
    """Shares over time. The scale ends at 100 % and begins where the lowest point needs it."""

    title: str
    points: Sequence[Point]
    total: str = ""
    note: str = ""
    empty: str = "Nothing yet."
    order: int = 10
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row of a ranking."""

    label: str
    value: str
    amount: float
    url: str = ""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What is most, with a bar for each."""

    title: str
    rows: Sequence[Ranked]
    empty: str
    note: str = ""
    order: int = 10
    tone: str = BAD
    is_wide: bool = False


AnyChart = Chart | LineChart | Ranking


def drawn(chart: AnyChart) -> dict[str, Any]:
    """The chart and the places of its shapes, for ``admin/console/chart.html``."""
    if isinstance(chart, Ranking):
        most = max((row.amount for row in chart.rows), default=0) or 1
        rows = [(row, max(0.8, round(100 * row.amount / most, 1))) for row in chart.rows]
        return {"chart": chart, "kind": "ranking", "rows": rows}
    height = _TALL if chart.is_wide else _HEIGHT
    base = _TOP + height
    labels = chart.bars if isinstance(chart, Chart) else chart.points
    drawing = {
        "chart": chart,
        "base": base,
        "height": base + _LABELS,
        "labels_y": base + _LABELS - 4,
        "labels": _labels([one.label for one in labels], is_wide=chart.is_wide),
    }
    if isinstance(chart, LineChart):
        return drawing | {"kind": "line", **_line(chart, height)}
    return drawing | {"kind": "columns", **_columns(chart, height)}


def round_ticks(most: int) -> list[int]:
    """A scale from 0 to ``most`` or a little more: at most five round whole numbers, even steps."""
    if most <= 0:
        return [0, 1]
    power = floor(log10(most)) - 1
    while True:
        for tenths in (10, 20, 25, 50):
            step = tenths * 10**power / 10
            if step >= 1 and step == int(step) and most <= step * _STEPS_MAX:
                return [place * int(step) for place in range(ceil(most / step) + 1)]
        power += 1


def share_ticks(least: float) -> list[float]:
    """A scale of shares from ``least`` or a little less up to 1, in steps that people expect."""
    for step in (0.05, 0.1, 0.25):
        steps = ceil(round((1 - least) / step, 6))
        if steps <= _STEPS_MAX:
            break
    return [1 - place * step for place in range(max(1, steps), -1, -1)]


def _columns(chart: Chart, height: int) -> dict[str, Any]:
    tallest = max((sum(bar.values) for bar in chart.bars), default=0)
    ticks = round_ticks(tallest)
    step = 100 / max(1, len(chart.bars))
    width = min(step * 0.76, _WIDTH_MAX)
    columns = []
    for place, bar in enumerate(chart.bars):
        parts, top = [], float(_TOP + height)
        for series, value in zip(chart.series, bar.values, strict=True):
            size = max(_LEAST_SEEN, value / ticks[-1] * height) if value > 0 else 0.0
            top -= size
            if size:
                parts.append({"y": round(top, 2), "height": round(size, 2), "tone": series.tone})
        columns.append(
            {
                "x": round(place * step + (step - width) / 2, 3),
                "hit_x": round(place * step, 3),
                "title": bar.title,
                "url": bar.url,
                "parts": parts,
            }
        )
    return {
        "is_empty": not tallest,
        "columns": columns,
        "step": round(step, 3),
        "width": round(width, 3),
        "scale": [chart.tick(tick) for tick in reversed(ticks)],
        "gridlines": _gridlines(len(ticks), height),
        "legend": [series for series in chart.series if series.words],
    }


def _line(chart: LineChart, height: int) -> dict[str, Any]:
    shares = [point.share for point in chart.points if point.share is not None]
    ticks = share_ticks(min(shares, default=0))
    step = 100 / max(1, len(chart.points))
    dots: list[dict[str, Any] | None] = [
        None
        if point.share is None
        else {
            "x": round(place * step + step / 2, 3),
            "hit_x": round(place * step, 3),
            "y": round(_TOP + (1 - point.share) / (1 - ticks[0]) * height, 2),
            "title": point.title,
        }
        for place, point in enumerate(chart.points)
    ]
    pairs = pairwise(dots)
    return {
        "is_empty": not shares,
        "dots": [dot for dot in dots if dot],
        "radius": 3 if len(dots) <= _DOTS_MAX else 1.5,
        "lines": [(first, last) for first, last in pairs if first and last],
        "step": round(step, 3),
        "scale": [f"{tick:.0%}" for tick in reversed(ticks)],
        "gridlines": _gridlines(len(ticks), height),
    }


def _gridlines(count: int, height: int) -> list[float]:
    """Where the scale's values stand, without the lowest, from the top down."""
    return [round(_TOP + place * height / (count - 1), 2) for place in range(count - 1)]


def _labels(words: Sequence[str], *, is_wide: bool) -> list[dict[str, Any]]:
    """As many labels as have room, the last one among them; ``is_minor`` has none on a phone."""
    longest = max(map(len, words), default=0) + 2
    step = 100 / max(1, len(words))
    every = ceil(len(words) * longest / (_CHARACTERS_WIDE if is_wide else _CHARACTERS)) or 1
    shown = ceil(len(words) / every)
    every_on_phone = ceil(shown * longest / _CHARACTERS_PHONE) or 1
    labels = []
    for back, place in enumerate(range(len(words) - 1, -1, -every)):
        labels.append(
            {
                "words": words[place],
                "x": round(place * step + step / 2, 3),
                "is_minor": bool(back % every_on_phone),
            }
        )
    return labels
