"""Settlements: what became available on which day, and how that explains what was paid out."""

from datetime import timedelta
from typing import Any

import pytest

from tests.analytics.reports.reading import (
    backdate,
    days_ago,
    file_of,
    lines,
    report,
    rows,
    today,
)
from tests.api_client import Api
from tests.payouts.making import give, let_bank_work, make_account, pay_out
from tests.stories.story import Story
from transactions.balances import fold_balances
from transactions.services.settle import settle_due

FAILING_PAYOUT = 90_003
NOTHING = {
    "payment_count": 0,
    "gross_amount": 0,
    "fee_amount": 0,
    "refunded_amount": 0,
    "disputed_amount": 0,
    "adjusted_amount": 0,
    "net_amount": 0,
    "settled_amount": 0,
    "pending_amount": 0,
    "is_settled": True,
    "payout_count": 0,
    "payout_amount": 0,
}


@pytest.fixture
def story(api: Api) -> Story:
    return Story(api)


def day(days: int) -> str:
    """Some days from now."""
    return (today() + timedelta(days=days)).isoformat()


def settlements(api: Api, **query: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """What is not nothing of each row, by day and currency."""
    return {
        (row["day"], row["currency"]): {
            name: row[name] for name in NOTHING if row[name] != NOTHING[name]
        }
        for row in rows(api, "settlements", **query)
    }


def unpaid(api: Api, currency: str = "USD") -> int:
    """What all days add up to: net amounts less payouts."""
    found = [row for row in rows(api, "settlements") if row["currency"] == currency]
    return sum(row["net_amount"] - row["payout_amount"] for row in found)


def pending_and_available(api: Api, currency: str = "USD") -> int:
    balance = api.balance(currency)
    return balance["pending"] + balance["available"]


def test_payments_are_of_the_day_on_which_they_become_available(api: Api) -> None:
    api.paid(amount=1000)
    api.paid(amount=2000)
    waiting = {
        "payment_count": 2,
        "gross_amount": 3000,
        "fee_amount": 147,
        "net_amount": 2853,
        "pending_amount": 2853,
        "is_settled": False,
    }

    assert settlements(api) == {(day(2), "USD"): waiting}
    fold_balances()
    assert settlements(api) == {(day(2), "USD"): waiting}
    settle_due(today=today() + timedelta(days=2))
    # It was settled before its day, which no clock of ours does.
    settled = waiting | {"settled_amount": 2853}
    del settled["pending_amount"]
    assert settlements(api) == {(day(2), "USD"): settled}
    fold_balances()
    assert settlements(api) == {(day(2), "USD"): settled}


def test_a_day_that_has_come_is_settled_once_its_money_has_moved(api: Api) -> None:
    place = (day(0), "USD")
    api.paid(amount=10_000)
    backdate(api, 3, available_on=today())
    assert settlements(api)[place]["is_settled"] is False

    settle_due()
    # What comes late to a day is settled by the next run.
    api.paid(amount=500)
    backdate(api, 3, available_on=today())

    assert settlements(api) == {
        place: {
            "payment_count": 2,
            "gross_amount": 10_500,
            "fee_amount": 365,
            "net_amount": 10_135,
            "settled_amount": 9680,
            "pending_amount": 455,
            "is_settled": False,
        }
    }
    settle_due()
    assert settlements(api)[place] == {
        "payment_count": 2,
        "gross_amount": 10_500,
        "fee_amount": 365,
        "net_amount": 10_135,
        "settled_amount": 10_135,
    }


def test_what_moves_available_money_is_of_the_day_on_which_it_is_booked(story: Story) -> None:
    api = story.api
    make_account(api.scope)
    paid = story.paid(10_000)
    story.refunded(paid, 3000)
    story.decided(story.disputed(story.paid(2000), 2000), "lost")
    story.decided(story.disputed(story.paid(4000), 4000), "won")
    give(api.scope, 100_000)
    pay_out(api, 5000)
    pay_out(api, 2500)
    pay_out(api, FAILING_PAYOUT)
    let_bank_work()
    api.paid(amount=1000)

    assert settlements(api) == {
        (day(2), "USD"): {
            "payment_count": 1,
            "gross_amount": 1000,
            "fee_amount": 59,
            "net_amount": 941,
            "pending_amount": 941,
            "is_settled": False,
        },
        (day(0), "USD"): {
            "payment_count": 3,
            "gross_amount": 16_000,
            "fee_amount": 320 + 88 + 146,
            "refunded_amount": 3000,
            "disputed_amount": 3500,
            "adjusted_amount": 100_000,
            "net_amount": 108_946,
            "payout_count": 3,
            "payout_amount": 7500,
        },
    }
    assert unpaid(api) == pending_and_available(api) == 108_946 + 941 - 7500
    settle_due(today=today() + timedelta(days=2))
    assert unpaid(api) == pending_and_available(api) == 108_946 + 941 - 7500


def test_payments_taken_elsewhere_are_told_and_taken_off_again(api: Api) -> None:
    sale = {
        "amount": 5000,
        "currency": "USD",
        "payment_method_type": "cash",
        "external_reference": "till-1",
        "fee_amount": 25,
        "refund": {"amount": 2000},
    }
    assert api.post("/v1/transactions/record", sale).status_code == 201

    assert settlements(api) == {
        (day(0), "USD"): {
            "payment_count": 1,
            "gross_amount": 5000,
            "fee_amount": 25,
            "refunded_amount": 2000,
            "adjusted_amount": -3000,
            "net_amount": -25,
        }
    }
    assert unpaid(api) == pending_and_available(api) == -25


def test_the_longest_delay_is_looked_back_for(api: Api) -> None:
    api.paid(amount=7000)
    backdate(api, 90, available_on=today())
    api.paid(amount=500)
    backdate(api, 60, available_on=today() - timedelta(days=30))

    assert list(settlements(api)) == [(day(0), "USD")]
    assert settlements(api, from_=day(0), to=day(0))[day(0), "USD"]["gross_amount"] == 7000
    assert list(settlements(api, from_=day(-30), to=day(-30))) == [(day(-30), "USD")]


def test_days_are_filtered_and_paged(api: Api) -> None:
    for days in range(4, -1, -1):
        for currency in ("USD", "JPY"):
            give(api.scope, 100 + days, currency)
        backdate(api, days)
    whole = rows(api, "settlements")
    assert [(row["day"], row["currency"]) for row in whole] == [
        (days_ago(days), currency) for days in range(5) for currency in ("JPY", "USD")
    ]

    assert rows(api, "settlements", from_=days_ago(3), to=days_ago(2)) == whole[4:8]
    assert rows(api, "settlements", currency="jpy") == whole[::2]
    page = report(api, "settlements", limit=3)
    seen: list[dict[str, Any]] = page["data"]
    while page["has_more"]:
        page = report(api, "settlements", limit=3, starting_after=seen[-1]["id"])
        seen += page["data"]
    assert seen == whole
    back = report(api, "settlements", limit=3, ending_before=whole[5]["id"])
    assert (back["data"], back["has_more"]) == (whole[2:5], True)
    for cursor in (f"{days_ago(0)}-EUR", f"{days_ago(5)}-USD", days_ago(0), "x"):
        response = api.get("/v1/reports/settlements", ending_before=cursor)
        assert api.error(response, 400, "resource_missing")["param"] == "ending_before"


def test_other_merchants_and_environments_are_not_told(
    api: Api, live_api: Api, other_api: Api
) -> None:
    for caller, amount in ((api, 100), (live_api, 200), (other_api, 300)):
        caller.paid(amount=amount)

    for caller, amount in ((api, 100), (live_api, 200), (other_api, 300)):
        assert [row["gross_amount"] for row in rows(caller, "settlements")] == [amount]


def test_a_file_has_amounts_in_both_units(api: Api) -> None:
    api.paid("4000000000000077", amount=12_345, currency="KWD")
    api.paid("4000000000000077", amount=500, currency="JPY")
    begin = day(0)

    heading, yen, dinars = file_of(api, "settlements").text.splitlines()

    assert heading == (
        "id,environment,created_at,currency,day,payment_count,gross_amount,gross_amount_decimal,"
        "fee_amount,fee_amount_decimal,refunded_amount,refunded_amount_decimal,disputed_amount,"
        "disputed_amount_decimal,adjusted_amount,adjusted_amount_decimal,net_amount,"
        "net_amount_decimal,settled_amount,settled_amount_decimal,pending_amount,"
        "pending_amount_decimal,is_settled,payout_count,payout_amount,payout_amount_decimal"
    )
    assert yen == (
        f"{begin}-JPY,test,{begin}T00:00:00.000000Z,JPY,{begin},1,500,500,15,15,0,0,0,0,0,0,"
        "485,485,0,0,0,0,true,0,0,0"
    )
    assert dinars == (
        f"{begin}-KWD,test,{begin}T00:00:00.000000Z,KWD,{begin},1,12345,12.345,358,0.358,"
        "0,0.000,0,0.000,0,0.000,11987,11.987,0,0.000,0,0.000,true,0,0,0.000"
    )
    assert [line["currency"] for line in lines(api, "settlements", currency="KWD")] == ["KWD"]
