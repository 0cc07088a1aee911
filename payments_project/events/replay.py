"""Handing dead letters back to their consumers."""

from payments_project.events.consumers import consumer_named, handle_once
from payments_project.events.dead_letters import mark_failed, mark_handled, read_event
from payments_project.events.errors import Postponed
from payments_project.events.models import DeadLetter
from payments_project.events.run_reader import cause_of


def replay_dead_letter(letter: DeadLetter) -> bool:
    """Has the letter's consumer handle its event, as the log has it; whether that worked.

    What failed is noted with its cause. A letter that is no event of ours, or whose event's month
    was dropped, or whose consumer is no more, can't be handled. Raises ``Postponed`` while an
    engine is away.
    """
    event = None if letter.event_id is None else read_event(letter.event_id)
    if event is None:
        mark_failed(letter, cause="the log has no such event")
        return False
    try:
        consumer = consumer_named(letter.consumer)
        handle_once(consumer, event)
    except Postponed:
        raise
    except Exception as error:
        mark_failed(letter, cause=cause_of(error))
        return False
    mark_handled(letter)
    return True
