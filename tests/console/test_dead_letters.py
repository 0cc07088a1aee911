"""Dead letters in the console: found, understood, and handed back."""

import uuid
from typing import Any

import pytest
from django.db import OperationalError

from payments_project.events.consumers import Consumer, register_consumer
from payments_project.events.dead_letters import set_aside, set_aside_content
from payments_project.events.models import DeadLetter
from tests.api_client import Api
from tests.console import test_bulk as many
from tests.console.acting import REASON, act, audit_of, do
from tests.console.test_pages import list_of, page_of
from tests.merchants.webhooks.sending import events_after

LETTER = "payments_project.deadletter"
CAUSE = "KeyError in shop.orders.take, line 12"


class Hands:
    """A consumer's handler that fails as it is told to, and notes what it has handled."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.handled: list[Any] = []

    def __call__(self, events: Any) -> None:
        if self.error is not None:
            raise self.error
        self.handled += [event.id for event in events]


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def consumer(hands: Hands) -> Consumer:
    made = Consumer(name=f"letters_{uuid.uuid4().hex[:8]}", handle=hands)
    register_consumer(made)
    return made


def letters(api: Api, consumer: Consumer, count: int = 1) -> list[DeadLetter]:
    """Set aside for the consumer, oldest first."""
    while len(events_after(api.scope.merchant_id)) < count:
        api.paid()
    for event in events_after(api.scope.merchant_id)[:count]:
        set_aside(consumer=consumer.name, event=event, cause=CAUSE)
    return list(DeadLetter.objects.filter(consumer=consumer.name).order_by("pk"))


def test_a_replayed_letter_is_handled(superuser, api, consumer, hands):
    (letter,) = letters(api, consumer)

    text = do(superuser, LETTER, letter.pk, "replay")

    assert f"{consumer.name} has handled it." in text
    assert hands.handled == [letter.event_id]
    letter.refresh_from_db()
    assert letter.handled_at is not None
    assert letter.attempts == 2
    (entry,) = audit_of(letter.pk)
    assert (entry.action, entry.reason, entry.staff_user_id, entry.merchant_id) == (
        "dead_letter.replayed", REASON, superuser.user.pk, api.scope.merchant_id,
    )  # fmt: skip
    assert entry.before == {"handled": False, "cause": CAUSE, "attempts": 1}
    assert entry.after == {"handled": True, "cause": "", "attempts": 2}


def test_what_fails_again_stays_with_its_new_cause_and_on_record(superuser, api, consumer, hands):
    (letter,) = letters(api, consumer)
    hands.error = ValueError("4242 4242 4242 4242")

    text = do(superuser, LETTER, letter.pk, "replay")

    assert "It failed again: ValueError in tests.console.test_dead_letters.__call__" in text
    assert "4242 4242" not in text
    letter.refresh_from_db()
    assert (letter.handled_at, letter.attempts) == (None, 2)
    assert letter.cause.startswith("ValueError in tests.console")
    (entry,) = audit_of(letter.pk)
    assert entry.after == {"handled": False, "cause": letter.cause, "attempts": 2}


def test_while_an_engine_is_away_nothing_is_noted(superuser, api, consumer, hands):
    (letter,) = letters(api, consumer)
    hands.error = OperationalError("the connection is lost")

    text = do(superuser, LETTER, letter.pk, "replay")

    assert "An engine is away. Nothing was done; try again later." in text
    letter.refresh_from_db()
    assert (letter.handled_at, letter.attempts, letter.cause) == (None, 1, CAUSE)
    assert audit_of(letter.pk) == []


def test_many_are_replayed_each_with_its_own_result(superuser, api, consumer, hands):
    first, second, third = letters(api, consumer, 3)
    do(superuser, LETTER, second.pk, "replay")
    set_aside_content(consumer=consumer.name, source="t/0/1", content=b"{}", cause="no event")
    odd = DeadLetter.objects.get(consumer=consumer.name, source="t/0/1")

    page = many.do(
        superuser, LETTER, "replay", [str(one.pk) for one in (first, second, third, odd)]
    )

    words = f"{consumer.name} has handled it."
    assert many.results_of(page) == {
        str(first.pk): ("done", words),
        str(second.pk): ("refused", "It is handled already."),
        str(third.pk): ("done", words),
        str(odd.pk): ("refused", "It is no event of ours: there is nothing to hand back."),
    }
    assert sorted(hands.handled) == sorted([first.event_id, second.event_id, third.event_id])
    assert [len(audit_of(one.pk)) for one in (first, second, third, odd)] == [1, 1, 1, 0]


def test_a_handled_letter_is_not_replayed(superuser, api, consumer, hands):
    (letter,) = letters(api, consumer)
    do(superuser, LETTER, letter.pk, "replay")
    text = do(superuser, LETTER, letter.pk, "replay")
    assert "its state does not allow that any more" in text
    assert len(hands.handled) == len(audit_of(letter.pk)) == 1


def test_replaying_needs_a_right_of_its_own(staff_with, api, consumer, hands):
    (letter,) = letters(api, consumer)
    viewer = staff_with("payments_project.view_deadletter")
    address = act(LETTER, letter.pk, "replay")
    assert address not in viewer.get(page_of(LETTER, letter.pk)).content.decode()
    assert viewer.get(address).status_code == 403
    assert viewer.post(address, {"reason": REASON}).status_code == 403
    assert many.ask(viewer, LETTER, "replay", [str(letter.pk)]).status_code == 403
    assert (hands.handled, audit_of(letter.pk)) == ([], [])


def test_letters_are_found_by_consumer_and_by_whether_they_are_handled(superuser, api, consumer):
    first, second = letters(api, consumer, 2)
    do(superuser, LETTER, first.pk, "replay")

    def found(**filters: str) -> list[Any]:
        page = superuser.get(list_of(LETTER), {"consumer": consumer.name, **filters})
        return [row.pk for row in page.context["cl"].result_list]

    assert found() == [second.pk, first.pk]
    assert found(handled_at="yes") == [first.pk]
    assert found(handled_at="no") == [second.pk]
    text = superuser.get(list_of(LETTER), {"consumer": consumer.name}).content.decode()
    assert CAUSE in text
    assert page_of("payments_project.event", second.event_id) in text


def test_a_letters_page_leads_to_its_event(superuser, api, consumer):
    (letter,) = letters(api, consumer)
    text = superuser.get(page_of(LETTER, letter.pk)).content.decode()
    assert page_of("payments_project.event", letter.event_id) in text
    assert CAUSE in text


def test_what_is_no_event_of_ours_shows_its_size_and_not_what_it_says(superuser, consumer):
    content = b'{"name": "Ada Byron"}'
    set_aside_content(consumer=consumer.name, source="t/1/9", content=content, cause="no event")
    letter = DeadLetter.objects.get(consumer=consumer.name)
    text = superuser.get(page_of(LETTER, letter.pk)).content.decode()
    assert "21 bytes" in text
    assert "Ada" not in text


def test_the_home_page_counts_them(superuser, api, consumer):
    def shown() -> int:
        page = superuser.get("/admin/")
        (tile,) = (one for one in page.context["queue_tiles"] if one.label == "Dead letters")
        assert tile.url == f"{list_of(LETTER)}?handled_at=no"
        return int(tile.value)

    before = shown()
    (letter,) = letters(api, consumer)
    assert shown() == before + 1
    do(superuser, LETTER, letter.pk, "replay")
    assert shown() == before
