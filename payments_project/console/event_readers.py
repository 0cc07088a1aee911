"""Event readers in the console: who reads the log, how far each is, and what holds them back."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from payments_project.console import display
from payments_project.console.panels import Column, Panel
from payments_project.console.presented import Cell
from payments_project.events import lag as lags
from payments_project.events.consumers import consumers
from payments_project.events.errors import Postponed
from payments_project.events.lag import (
    ReaderLag,
    missing_readers,
    oldest_transaction_seconds,
    read_lag,
)
from payments_project.events.models import EventCursor
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin

TONES = {
    lags.WORKING: display.GREEN,
    lags.WAITING: display.GREEN,
    lags.BEHIND: display.AMBER,
    lags.STOPPED: display.RED,
    lags.UNUSED: display.GREY,
}
# A transaction that is open for longer than this is no payment's: somebody has left it open.
LONG_TRANSACTION_SECONDS = 60

_WHAT = {
    lags.WAITING: "has read everything",
    lags.WORKING: "is reading",
    lags.BEHIND: "reads, but what it has to read is older than it should be",
    lags.STOPPED: "no process works as it",
    lags.UNUSED: "this installation's settings need it no longer",
}


@admin.register(EventCursor)
class EventCursorAdmin(ReadOnlyAdmin):
    """How far each reader of the log, and of the ledger, has come."""

    list_display = ("name", "state", "unread", "behind", "updated_at")
    export_fields = ("name", "updated_at", "snapshot")
    codes = ("snapshot", "target", "system_identifier")
    labels = {"updated_at": "Last moved", "behind": "Lag", "reads": "Table"}
    fieldsets: Fieldsets = (
        ("Reader", {"fields": ("name", "state", "meaning", "unread", "behind", "updated_at")}),
        ("Cursor", {"fields": ("reads", "position", "snapshot", "target", "system_identifier")}),
    )

    def badges_of(self, instance: EventCursor) -> list[Cell]:  # type: ignore[override]
        return [self.state(instance)]

    def complete(self, rows: list[EventCursor]) -> None:
        found = {lag.name: lag for lag in read_lag()}
        for row in rows:
            row.console_lag = found.get(row.pk)  # type: ignore[attr-defined]

    def list_panels(self, request: HttpRequest) -> list[Panel]:
        return [panel for panel in (_groups_panel(), _missing_panel(), _held_panel()) if panel]

    @admin.display(description="State")
    def state(self, cursor: EventCursor) -> Cell:
        lag = self._lag(cursor)
        return display.EMPTY if lag is None else state_badge(lag.state)

    @admin.display(description="Which means")
    def meaning(self, cursor: EventCursor) -> str:
        lag = self._lag(cursor)
        if lag is None:
            return ""
        if not lag.is_of_this_cluster:
            return "its cursor is of another cluster: see docs/database.md"
        return _WHAT[lag.state]

    @admin.display(description="Unread")
    def unread(self, cursor: EventCursor) -> Cell:
        lag = self._lag(cursor)
        return "" if lag is None or lag.state == lags.UNUSED else lag.unread_words

    @admin.display(description="Lag")
    def behind(self, cursor: EventCursor) -> Cell:
        lag = self._lag(cursor)
        if lag is None or lag.state == lags.UNUSED:
            return ""
        return duration(lag.seconds) if lag.unread else "none"

    def _lag(self, cursor: EventCursor) -> ReaderLag | None:
        if not hasattr(cursor, "console_lag"):
            self.complete([cursor])
        found: ReaderLag | None = cursor.console_lag  # type: ignore[attr-defined]
        return found


def state_badge(state: str) -> Cell:
    """A reader's state in its colour."""
    return display.badge(state, TONES[state])


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``5 min``, ``3 h``, ``2 days``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _groups_panel() -> Panel | None:
    """Consumers are groups in Kafka where there is one."""
    if not settings.KAFKA_BOOTSTRAP_SERVERS:
        return None
    from payments_project.events.kafka.lag import read_group_lag

    columns = [Column("Group"), Column("State"), Column("Unread", is_number=True)]
    try:
        found = read_group_lag(consumers())
    except Postponed:
        return Panel(
            title="Consumer groups in Kafka",
            icon="hub",
            empty="Kafka is away. What is written waits in the log, and nothing is lost.",
        )
    return Panel(
        title="Consumer groups in Kafka",
        icon="hub",
        columns=columns,
        rows=[[lag.group, state_badge(lag.state), f"{lag.events:,}"] for lag in found],
        empty="No consumer is registered.",
    )


def _missing_panel() -> Panel | None:
    """Readers that should run and have never done so: they have no cursor, and so no row above."""
    missing = missing_readers()
    if not missing:
        return None
    return Panel(
        title="Never ran",
        icon="block",
        note="They should run by this installation's settings, and have read nothing yet.",
        columns=[Column("Name"), Column("State")],
        rows=[[name, state_badge(lags.STOPPED)] for name in missing],
    )


def _held_panel() -> Panel:
    """The oldest transaction that writes: no reader passes what it may still write."""
    seconds = oldest_transaction_seconds()
    words = "None is open." if not seconds else f"Open for {duration(seconds)}."
    tone = display.AMBER if seconds >= LONG_TRANSACTION_SECONDS else display.GREY
    return Panel(
        title="Oldest transaction",
        icon="hourglass_top",
        note="Readers see an event once no older transaction can still write one. Of other"
        " roles' sessions PostgreSQL tells it to members of pg_read_all_stats alone.",
        body=format_html('<p class="c-empty">{}</p>', display.badge(words, tone)),
    )
