"""What an object's page shows below its facts: tables, timelines, texts.

An app on the left of the import order adds to pages of an app on its right (refunds stand on the
payment's page, though payments know nothing of refunds): it registers a function that makes a
panel.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString

# More of a kind than this on one page is a list of its own, which the panel links to.
ROWS_MAX = 25
COLUMNS_ON_A_PHONE = 3


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading; ``is_number`` puts it to the right, ``is_minor`` off a phone's screen, and
    ``is_text`` lets it run over several lines."""

    title: str
    is_number: bool = False
    is_minor: bool = False
    is_text: bool = False

    @property
    def css(self) -> str:
        """The classes of its cells."""
        classes = {"c-right": self.is_number, "c-minor": self.is_minor, "c-text": self.is_text}
        return " ".join(name for name, is_on in classes.items() if is_on)


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of a timeline."""

    title: SafeString | str
    at: SafeString
    tone: str = "grey"
    detail: SafeString | str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A titled block: a table (``columns`` and ``rows``), a timeline (``steps``) or ``body``.

    ``is_narrow`` puts it into the column of facts beside the main one.
    """

    title: str
    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[SafeString | str]] = ()
    steps: Sequence[Step] = ()
    body: SafeString | str = ""
    empty: str = "None."
    note: str = ""
    icon: str = ""
    more_url: str = ""
    more_text: str = "All of them"
    order: int = 50
    is_narrow: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.rows or self.steps or self.body)

    @property
    def is_wide(self) -> bool:
        """Whether a phone shows each row as a block, since its columns don't fit side by side."""
        return sum(not column.is_minor for column in self.columns) > COLUMNS_ON_A_PHONE

    @property
    def cells(self) -> list[list[tuple[SafeString | str, Column]]]:
        """Rows with each cell's column, for the template."""
        return [list(zip(row, self.columns, strict=True)) for row in self.rows]


def first_of_many(rows: Sequence[object]) -> str:
    """A panel's note where its oldest ``ROWS_MAX`` rows may not be all."""
    return f"The first {ROWS_MAX}." if len(rows) >= ROWS_MAX else ""


PanelMaker = Callable[[HttpRequest, Any], Panel | None]


@dataclass(frozen=True, slots=True)
class _Registered:
    permission: str
    make: PanelMaker


_panels: dict[str, list[_Registered]] = {}


def panel(label: str, *, permission: str) -> Callable[[PanelMaker], PanelMaker]:
    """Adds a panel to the page of ``label`` (``app.model``), for staff with ``permission``."""

    def register(make: PanelMaker) -> PanelMaker:
        _panels.setdefault(label.lower(), []).append(_Registered(permission, make))
        return make

    return register


def panels_of(request: HttpRequest, instance: Model) -> list[Panel]:
    """The panels of an object's page that the user may see, in their order."""
    label = instance._meta.label_lower
    made: Iterable[Panel | None] = (
        registered.make(request, instance)
        for registered in _panels.get(label, ())
        if request.user.has_perm(registered.permission)
    )
    return sorted((panel for panel in made if panel is not None), key=lambda panel: panel.order)
