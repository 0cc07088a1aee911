"""After any history, all that tells of it agrees: summaries, months, ledger, reports and search.

A history that fails is made shorter and shown as its acts, which can be played again as they stand
(the other tests here are such), with what came of each.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.analytics.histories import reckoning
from tests.analytics.histories.acts import (
    Answer,
    Decide,
    DeleteCustomer,
    DisputePart,
    GatewayTells,
    GiveReason,
    Handle,
    Look,
    MoveCustomer,
    NewCustomer,
    Pay,
    Record,
    RefundPart,
    RunJob,
    moment,
)
from tests.analytics.histories.agreement import everything_agrees
from tests.analytics.histories.drawing import histories
from tests.analytics.histories.failure import failure
from tests.analytics.histories.shorten import shortened
from tests.analytics.histories.world import DOCUMENTS, SUMMARIES, WORDS, Act, World, new_world
from tests.analytics.search.searching import ids, search
from tests.analytics.summaries import NOTHING, summaries
from tests.api_client import Api
from tests.server import Server

# Of some seconds each; more for a night (docs/testing.md).
EXAMPLES = int(os.environ.get("PAYMENTS_TEST_HISTORIES", "16"))
ACTS_MAX = 100


class Play(Protocol):
    """Plays a history, and says what does not agree after it."""

    def __call__(self, history: list[Act], seed: int) -> str | None: ...


@pytest.fixture
def play(searched_server: Server, engine: str) -> Play:
    """Hypothesis shows what a failing test was given: this by its name, and no server's secrets."""

    def played_there(history: list[Act], seed: int) -> str | None:
        return failure(searched_server, engine, history, seed)

    return played_there


@pytest.mark.slow
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    # Shortening is ours (``shortened``).
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    # Each makes merchants of its own, and takes its time.
    suppress_health_check=list(HealthCheck),
)
@given(history=histories(longest=ACTS_MAX), seed=st.integers(0, 1000))
def test_all_agrees_after_any_history(play: Play, history: list[Act], seed: int) -> None:
    wrong = play(history, seed)
    if wrong is not None:
        raise AssertionError(wrong)


@contextmanager
def played(server: Server, engine: str, *acts: Act) -> Iterator[World]:
    """The world after these acts, of which all that tells agrees."""
    with new_world(server, engine) as world:
        world.play(acts)
        everything_agrees(world)
        yield world


def only_summary(api: Api) -> dict[str, Any]:
    """The merchant's one row, without what is zero, its day and its currency aside."""
    [(_, row)] = summaries(api.scope).items()
    return {name: value for name, value in row.items() if value}


def test_a_refund_that_fails_after_all_leaves_the_money_with_the_merchant(
    searched_server: Server, engine: str
) -> None:
    acts = [
        Pay(card="refund fails", amount=1000),
        Handle(SUMMARIES),
        RefundPart(0, 100),
        Handle(SUMMARIES, times=2),
        RunJob("roll up due days"),
        GatewayTells(),
    ]
    with played(searched_server, engine, *acts) as world:
        api = world.apis[0]

        # 2.9 % and 30 cents.
        assert only_summary(api) == {
            "transaction_count": 1,
            "successful_count": 1,
            "gross_amount": 1000,
            "fee_amount": 59,
            "net_amount": 941,
        }
        assert reckoning.entries(api.scope) == {("USD", "payment"): 1000, ("USD", "fee"): 59}
        assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}
        assert api.transaction(world.payments[0].id)["status"] == "succeeded"


def test_a_chargeback_that_is_lost_takes_what_was_not_refunded_and_its_fee(
    searched_server: Server, engine: str
) -> None:
    acts = [
        Pay(card="available at once", amount=1000),
        RefundPart(0, 30),
        RunJob("roll up due days"),
        DisputePart(0, 100, reason="10.4"),
        GatewayTells(),
        Handle(SUMMARIES, newest_first=True, batch=1),
        Decide(0, is_won=False),
        GatewayTells(),
    ]
    with played(searched_server, engine, *acts) as world:
        api = world.apis[0]

        assert only_summary(api) == {
            "transaction_count": 1,
            "successful_count": 1,
            "refunded_count": 1,
            "gross_amount": 1000,
            "fee_amount": 59,
            "net_amount": 941,
            "refunded_amount": 300,
            "dispute_count": 1,
            "fraud_count": 1,
        }
        # 7.00 that were left, and 15.00 for the dispute.
        assert reckoning.entries(api.scope) == {
            ("USD", "payment"): 1000,
            ("USD", "fee"): 59,
            ("USD", "refund"): 300,
            ("USD", "dispute_hold"): 2200,
            ("USD", "dispute_loss"): 2200,
        }
        assert api.balance() == {"pending": 0, "available": 941 - 300 - 2200, "reserved": 0}


def test_a_chargeback_that_is_told_to_be_fraud_counts_as_fraud_from_then_on(
    searched_server: Server, engine: str
) -> None:
    acts = [
        Pay(card="not received", amount=1000),
        GatewayTells(),
        Look(),
        GiveReason(0, "10.4"),
    ]
    with played(searched_server, engine, *acts) as world:
        assert only_summary(world.apis[0]) == {
            "transaction_count": 1,
            "successful_count": 1,
            "gross_amount": 1000,
            "fee_amount": 59,
            "net_amount": 941,
            "dispute_count": 1,
            "fraud_count": 1,
        }


def test_a_won_chargeback_gives_back_all_but_a_fee_that_is_kept(
    searched_server: Server, engine: str
) -> None:
    acts = [
        Pay(shop=2, card="inquiry", amount=5000),
        GatewayTells(),
        Answer(0, "escalate_inquiry_evidence"),
        GatewayTells(),
        Handle(SUMMARIES, part="odd"),
        RunJob("roll up due days"),
        Answer(0, "winning_evidence"),
        GatewayTells(),
    ]
    with played(searched_server, engine, *acts) as world:
        api = world.apis[2]

        # 1.45 and 30 cents.
        assert only_summary(api) == {
            "transaction_count": 1,
            "successful_count": 1,
            "gross_amount": 5000,
            "fee_amount": 175,
            "net_amount": 4825,
            "dispute_count": 1,
            "fraud_count": 1,
        }
        assert reckoning.entries(api.scope) == {
            ("USD", "payment"): 5000,
            ("USD", "fee"): 175,
            ("USD", "dispute_hold"): 6500,
            ("USD", "dispute_release"): 5000,
            ("USD", "dispute_loss"): 1500,
        }
        assert api.balance() == {"pending": 4825, "available": -1500, "reserved": 0}


@pytest.mark.parametrize(("shop", "left", "reversed_amount"), [(0, -25, 1250), (2, 1225, 0)])
def test_a_payment_of_long_ago_in_thousandths_counts_on_its_day(
    searched_server: Server, engine: str, shop: int, left: int, reversed_amount: int
) -> None:
    acts = [
        Record(shop, "long ago", amount=2500, currency="KWD", fee=25, refund=30),
        Handle(SUMMARIES),
        RunJob("roll up due days"),
        RefundPart(0, 20),
    ]
    with played(searched_server, engine, *acts) as world:
        api = world.apis[shop]

        assert summaries(api.scope) == {
            (f"{moment('long ago'):%Y-%m-%d}", "KWD"): NOTHING
            | {
                "transaction_count": 1,
                "successful_count": 1,
                "refunded_count": 1,
                "gross_amount": 2500,
                "fee_amount": 25,
                "net_amount": 2475,
                "refunded_amount": 1250,
            }
        }
        # Of the first merchant's money none came to us.
        assert reckoning.entries(api.scope) == {
            ("KWD", "payment"): 2500,
            ("KWD", "fee"): 25,
            ("KWD", "refund"): 1250,
        } | ({("KWD", "taken elsewhere"): reversed_amount} if reversed_amount else {})
        assert api.balance("KWD") == {"pending": 0, "available": left, "reserved": 0}


def test_a_customer_who_moved_and_was_erased_is_found_by_no_address(
    searched_server: Server, engine: str
) -> None:
    acts = [
        NewCustomer(0, "ann@before.test"),
        Pay(customer=0, description="Kettle"),
        Handle(WORDS),
        MoveCustomer(0, "zoe@heron.test"),
        Handle(DOCUMENTS, newest_first=True, batch=1, times=2),
        DeleteCustomer(0),
    ]
    with played(searched_server, engine, *acts) as world:
        api = world.apis[0]

        assert ids(search(api, q="kettle")) == [world.payments[0].id]
        for address in ("ann@before.test", "zoe@heron.test"):
            assert search(api, q=address)["total"] == 0


def test_what_fails_is_shortened_to_what_it_fails_for() -> None:
    def fails(items: Sequence[int]) -> bool:
        return {3, 41} <= set(items)

    assert shortened(range(50), fails, seconds_max=5) == [3, 41]
    assert shortened([3, 41], fails, seconds_max=5) == [3, 41]
    assert shortened(range(50), lambda _: True, seconds_max=5) == []
    assert shortened(range(50), fails, seconds_max=0) == list(range(50))
