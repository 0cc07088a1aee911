"""Dead letters in the console: what a consumer could not handle, and handing it back."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest

from payments_project.console import display
from payments_project.console.acts import Act, Done
from payments_project.console.filters import ConsoleFilter, CreatedFilter, flag_filter
from payments_project.console.home import Counted, HomeParts, home_part, queue_tile
from payments_project.console.presented import Cell
from payments_project.console.search import ID
from payments_project.errors import Conflict, Unavailable
from payments_project.events.consumers import consumers
from payments_project.events.errors import Postponed
from payments_project.events.models import DeadLetter
from payments_project.events.replay import replay_dead_letter
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from payments_project.staff.audit import record_audit


class ConsumerFilter(ConsoleFilter):
    """The consumers that are registered."""

    title = "consumer"
    parameters = ("consumer",)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        yield self.select(each.name for each in consumers())

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        chosen = self.used_parameters.get("consumer")
        return queryset if chosen is None else queryset.filter(consumer=chosen)


def _replay(request: HttpRequest, letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    """Raises ``Conflict`` with the new cause if it failed again, and ``Unavailable``."""
    causes: list[str] = []

    def within(cause: str) -> None:
        causes.append(cause)
        record_audit(
            request=request,
            action="dead_letter.replayed",
            obj=letter,
            before={"handled": False, "cause": letter.cause, "attempts": letter.attempts},
            after={"handled": not cause, "cause": cause, "attempts": letter.attempts + 1},
            reason=values["reason"],
        )

    try:
        worked = replay_dead_letter(letter, within=within)
    except Postponed as error:
        raise Unavailable("An engine is away. Nothing was done; try again later.") from error
    if not worked:
        raise Conflict(f"It failed again: {causes[0]}. The letter stays.")
    return Done(f"{letter.consumer} has handled it.")


def _is_waiting(letter: DeadLetter) -> bool:
    return letter.handled_at is None and letter.event_id is not None


def _why_not(letter: DeadLetter) -> str:
    if letter.handled_at is not None:
        return "It is handled already."
    return "It is no event of ours: there is nothing to hand back."


REPLAY = Act(
    name="replay",
    title="Replay",
    icon="replay",
    permission="payments_project.replay_deadletter",
    explanation="The consumer is handed the event again, as the log has it, and tries it once. "
    "If it fails again, the letter stays with its new cause.",
    perform=_replay,
    is_offered=_is_waiting,
    why_not=_why_not,
    is_bulk=True,
    # The consumer commits its own effect.
    in_transaction=False,
)


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    """What was set aside, newest first."""

    list_display = (
        "created_at", "consumer", "event_type_link", "cause_text", "attempts", "state",
    )  # fmt: skip
    export_fields = (
        "id", "created_at", "consumer", "source", "event_id", "event_type", "merchant_id", "cause",
        "attempts", "last_attempt_at", "handled_at",
    )  # fmt: skip
    list_filter = (
        ConsumerFilter,
        flag_filter("handled_at", title="handled"),
        CreatedFilter,
    )
    search_by = {ID: ("pk", "event_id")}
    # What is no event of ours may hold anything.
    hidden = ("content",)
    codes = ("source",)
    acts = (REPLAY,)
    labels = {
        "created_at": "Set aside",
        "last_attempt_at": "Last attempt",
        "handled_at": "Handled",
        "merchant_id": "Merchant",
        "source": "Read at",
    }
    fieldsets: Fieldsets = (
        (
            "Dead letter",
            {"fields": ("id", "consumer", "event", "event_type", "merchant_id", "source")},
        ),
        ("Cause", {"fields": ("cause",)}),
        ("Course", {"fields": ("attempts", "created_at", "last_attempt_at", "handled_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Fieldsets:
        if obj is None or obj.event_id is not None:
            return self.fieldsets
        return [
            ("Dead letter", {"fields": ("id", "consumer", "source", "kept")}),
            *self.fieldsets[1:],
        ]

    def headline(self, instance: DeadLetter) -> Cell:  # type: ignore[override]
        return f"{instance.event_type or 'unreadable message'} for {instance.consumer}"

    def found_as(self, instance: DeadLetter) -> str:  # type: ignore[override]
        return str(self.headline(instance))

    def badges_of(self, instance: DeadLetter) -> list[Cell]:  # type: ignore[override]
        return [self.state(instance)]

    @admin.display(description="Type")
    def event_type_link(self, letter: DeadLetter) -> Cell:
        if letter.event_id is None:
            return display.badge("no event of ours", display.GREY)
        return display.object_link("payments_project.Event", letter.event_id, letter.event_type)

    @admin.display(description="Cause")
    def cause_text(self, letter: DeadLetter) -> Cell:
        return display.clip(letter.cause, is_long=True)

    @admin.display(description="State")
    def state(self, letter: DeadLetter) -> Cell:
        if letter.handled_at is not None:
            return display.badge("handled", display.GREEN)
        return display.badge("waits", display.AMBER)

    @admin.display(description="Event")
    def event(self, letter: DeadLetter) -> Cell:
        if letter.event_id is None:
            return ""
        return display.object_link(
            "payments_project.Event", letter.event_id, display.code(letter.event_id)
        )

    @admin.display(description="Kept of it")
    def kept(self, letter: DeadLetter) -> str:
        """How much there is; what it says is for engineers at the database."""
        rows = DeadLetter.objects.filter(pk=letter.pk)
        return f"{rows.values_list(Length('content'), flat=True)[0] or 0:,} bytes"


@home_part(permission="payments_project.view_deadletter")
def dead_letters(request: HttpRequest, environment: str) -> HomeParts:
    """What waits for somebody, of both environments."""
    (count,) = yield Counted([DeadLetter.objects.filter(handled_at__isnull=True)])
    yield queue_tile(
        label="Dead letters",
        icon="unsubscribe",
        count=count,
        hint="events not handled",
        url=display.list_url("payments_project.deadletter", handled_at="no"),
        order=53,
    )
