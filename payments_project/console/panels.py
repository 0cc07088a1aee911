"""What an object's page shows below its facts: tables, timelines, texts.

An app on the left of the import order adds to pages of an app on its right (refunds stand on the
payment's page, though payments know nothing of refunds): it registers a function that makes a
panel.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString

# The first tab of a page that has several; panels without a tab stand there.
OVERVIEW = "Overview"
DASHBOARD = "Dashboard"
# The order of tabs, whoever registers them; others stand behind these.
TABS = (
    OVERVIEW,
    DASHBOARD,
    "Payments",
    "Disputes",
    "Payouts",
    "API keys",
    "Webhooks",
    "Onboarding",
    "History",
)
TAB_PARAMETER = "tab"
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

    ``is_narrow`` puts it into the column of facts beside the main one; ``is_bare`` shows its body
    without a frame and a title.
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
    is_bare: bool = False
    # Buttons of acts whose ``section`` is the title; the page puts them here.
    acts: Sequence[Mapping[str, Any]] = ()

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
    tab: str
    make: PanelMaker


_panels: dict[str, list[_Registered]] = {}


def panel(
    label: str, *, permission: str, tab: str = OVERVIEW
) -> Callable[[PanelMaker], PanelMaker]:
    """Adds a panel to a tab of the page of ``label`` (``app.model``), for staff with
    ``permission``."""

    def register(make: PanelMaker) -> PanelMaker:
        _panels.setdefault(label.lower(), []).append(_Registered(permission, tab, make))
        return make

    return register


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link from an object's page to one that is about it, as a button beside the acts."""

    title: str
    icon: str
    permission: str
    make_url: Callable[[Any], str]


_links: dict[str, list[PageLink]] = {}


def link_page(label: str, link: PageLink) -> None:
    """Has every page of ``label`` (``app.model``) lead to ``link``, for staff with its permission."""
    _links.setdefault(label.lower(), []).append(link)


def links_of(request: HttpRequest, instance: Model) -> list[dict[str, str]]:
    """The links of an object's page that the user may follow."""
    return [
        {"title": link.title, "icon": link.icon, "url": link.make_url(instance)}
        for link in _links.get(instance._meta.label_lower, ())
        if request.user.has_perm(link.permission)
    ]


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of a page, with an address of its own."""

    name: str
    url: str
    is_current: bool


def tabs_of(request: HttpRequest, instance: Model) -> list[Tab]:
    """The tabs of an object's page that the user may see, the first one first; none where all of
    it stands on one."""
    names = {OVERVIEW: True}
    for registered in _panels.get(instance._meta.label_lower, ()):
        if registered.tab not in names and request.user.has_perm(registered.permission):
            names[registered.tab] = True
    if len(names) == 1:
        return []
    asked = request.GET.get(TAB_PARAMETER)
    current = asked if asked in names else OVERVIEW
    places = {name: place for place, name in enumerate(TABS)}
    ordered = sorted(names, key=lambda name: (places.get(name, len(TABS)), name))
    return [
        Tab(
            name,
            "?" + urlencode({TAB_PARAMETER: name}) if name != OVERVIEW else "?",
            name == current,
        )
        for name in ordered
    ]


def panels_of(request: HttpRequest, instance: Model, *, tab: str = OVERVIEW) -> list[Panel]:
    """The panels of a tab of an object's page that the user may see, in their order. Those of
    other tabs are not made, so that each costs only its own queries."""
    made: Iterable[Panel | None] = (
        registered.make(request, instance)
        for registered in _panels.get(instance._meta.label_lower, ())
        if registered.tab == tab and request.user.has_perm(registered.permission)
    )
    return sorted((panel for panel in made if panel is not None), key=lambda panel: panel.order)
