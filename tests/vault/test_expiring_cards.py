"""Cards that expire soon are told of, once for each expiry date."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from payments_project.actor import SYSTEM
from payments_project.events.models import Event
from payments_project.tenancy import Scope
from tests.threads import at_once
from vault.cards import parse_card
from vault.models import PaymentMethod
from vault.services.detach import detach_payment_method
from vault.services.tell_of_expiring_cards import EXPIRING_DAYS, tell_of_expiring_cards
from vault.services.tokenise import tokenise_card
from vault.snapshot import payment_method_snapshot

# No other test has a card of that month: what these tell of is their own.
LAST_DAY = date(2043, 7, 31)
FIRST_TOLD = LAST_DAY - timedelta(days=EXPIRING_DAYS)


def card_of(scope: Scope, customer_id: UUID | None, *, exp_year: int = 2043) -> PaymentMethod:
    card = parse_card(number=SecretStr("4242424242424242"), exp_month=7, exp_year=exp_year)
    return tokenise_card(scope=scope, actor=SYSTEM, card=card, customer_id=customer_id)


def told_of(card: PaymentMethod) -> list[Event]:
    found = Event.objects.filter(aggregateid=card.token, type="payment_method.expiring")
    return list(found.order_by("sequence"))


def test_a_card_is_told_of_once_thirty_days_before_its_last(
    scope: Scope, customer_id: UUID
) -> None:
    card = card_of(scope, customer_id)

    counts = []
    for day in (-1, 0, 0, 1, EXPIRING_DAYS):
        tell_of_expiring_cards(today=FIRST_TOLD + timedelta(days=day))
        counts.append(len(told_of(card)))

    assert counts == [0, 1, 1, 1, 1]
    (event,) = told_of(card)
    stored = PaymentMethod.objects.get(token=card.token)
    assert (event.sequence, event.actor_kind) == (2, SYSTEM.kind)
    assert event.payload["object"] == {
        "id": card.token,
        "object": "payment_method",
        "environment": scope.environment,
        **payment_method_snapshot(stored),
    }


def test_a_run_that_was_missed_is_made_up_for_to_the_last_day(
    scope: Scope, customer_id: UUID
) -> None:
    card = card_of(scope, customer_id)

    tell_of_expiring_cards(today=LAST_DAY)

    assert len(told_of(card)) == 1


def test_a_card_with_a_new_date_is_told_of_again(scope: Scope, customer_id: UUID) -> None:
    card = card_of(scope, customer_id)
    tell_of_expiring_cards(today=FIRST_TOLD)
    card_of(scope, customer_id, exp_year=2044)

    tell_of_expiring_cards(today=FIRST_TOLD)
    assert len(told_of(card)) == 1
    tell_of_expiring_cards(today=FIRST_TOLD.replace(year=2044))
    assert [event.payload["object"]["card"]["exp_year"] for event in told_of(card)] == [2043, 2044]


@pytest.mark.parametrize("state", ["guest", "detached"])
def test_of_others_nothing_is_told(scope: Scope, customer_id: UUID, state: str) -> None:
    card = card_of(scope, None if state == "guest" else customer_id)
    if state == "detached":
        detach_payment_method(scope=scope, actor=SYSTEM, token=card.token)

    tell_of_expiring_cards(today=LAST_DAY)

    assert told_of(card) == []


def test_of_a_card_that_has_expired_nothing_is_told(scope: Scope, customer_id: UUID) -> None:
    card = card_of(scope, customer_id, exp_year=2042)

    tell_of_expiring_cards(today=date(2042, 8, 1))

    assert told_of(card) == []


def test_runs_at_once_tell_of_each_card_once(
    scope: Scope, make_customer: Callable[[Scope], UUID]
) -> None:
    cards = [card_of(scope, make_customer(scope)) for _ in range(25)]

    counts = at_once(4, lambda _: tell_of_expiring_cards(today=FIRST_TOLD))

    assert sum(counts) == len(cards)
    assert [len(told_of(card)) for card in cards] == [1] * len(cards)


def test_a_run_goes_on_where_the_last_one_had_its_fill(
    scope: Scope, make_customer: Callable[[Scope], UUID]
) -> None:
    cards = [card_of(scope, make_customer(scope)) for _ in range(3)]

    counts = [tell_of_expiring_cards(today=FIRST_TOLD, cards_max=2) for _ in range(3)]

    assert counts == [2, 1, 0]
    assert [len(told_of(card)) for card in cards] == [1, 1, 1]
