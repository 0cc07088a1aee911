"""Handing dead letters back to their consumers."""

from collections.abc import Callable

from django.db import transaction

from payments_project.events.consumers import consumer_named, handle_once
from payments_project.events.dead_letters import mark_failed, mark_handled, read_event
from payments_project.events.errors import Postponed
from payments_project.events.models import DeadLetter
from payments_project.events.run_reader import cause_of


def replay_dead_letter(letter: DeadLetter, *, within: Callable[[str], None] | None = None) -> bool:
    """Has the letter's consumer handle its event, as the log has it; whether that worked.

    What failed is noted with its cause. ``within`` is called in the transaction that notes the
    outcome, with that cause, or with nothing if it worked. A letter that is no event of ours, or
    whose event's month was dropped, or whose consumer is no more, can't be handled. Raises
    ``Postponed`` while an engine is away: nothing is noted then.
    """
    cause = _handle(letter)
    with transaction.atomic():
        if cause:
            mark_failed(letter, cause=cause)
        else:
            mark_handled(letter)
        if within is not None:
            within(cause)
    return not cause


def _handle(letter: DeadLetter) -> str:
    """Why it failed; nothing if it did not. Raises ``Postponed``."""
    event = None if letter.event_id is None else read_event(letter.event_id)
    if event is None:
        return "the log has no such event"
    try:
        handle_once(consumer_named(letter.consumer), event)
    except Postponed:
        raise
    except Exception as error:
        return cause_of(error)
    return ""
