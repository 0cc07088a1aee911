"""Fees by the day on which they were charged."""

from typing import Any

import pytest

from merchants.models import Merchant
from tests.analytics.reports.reading import backdate, days_ago, file_of, report, rows
from tests.api_client import Api
from tests.merchants.making import FEES
from tests.stories.story import Story

COUNTED = (
    "payment_count", "volume_amount", "payment_fee_amount", "dispute_count", "dispute_fee_amount",
    "returned_fee_amount", "fee_amount", "effective_rate",
)  # fmt: skip


@pytest.fixture
def story(api: Api) -> Story:
    return Story(api)


def fees(api: Api, **query: Any) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        (row["day"], row["currency"]): tuple(row[name] for name in COUNTED)
        for row in rows(api, "fees", **query)
    }


def test_payments_pay_a_share_and_a_fixed_amount(api: Api) -> None:
    api.paid(amount=1000)
    api.paid(amount=20_000)
    api.pay("4000000000000002", amount=700)
    api.paid(amount=500, currency="JPY")
    api.paid(amount=10_000, currency="KWD")

    assert fees(api) == {
        (days_ago(0), "JPY"): (1, 500, 15, 0, 0, 0, 15, 0.03),
        (days_ago(0), "KWD"): (1, 10_000, 290, 0, 0, 0, 290, 0.029),
        (days_ago(0), "USD"): (2, 21_000, 59 + 610, 0, 0, 0, 669, 0.031857),
    }
    (row,) = rows(api, "fees", currency="JPY")
    assert (row["id"], row["object"]) == (f"{days_ago(0)}-JPY", "daily_fees")
    assert row["created_at"] == f"{days_ago(0)}T00:00:00.000000Z"


def test_refunds_return_no_fee(api: Api) -> None:
    paid = api.paid(amount=1000)
    api.post("/v1/refunds", {"transaction": paid["id"]})

    assert fees(api)[days_ago(0), "USD"] == (1, 1000, 59, 0, 0, 0, 59, 0.059)


def test_disputes_are_charged_when_they_open_and_returned_when_won(story: Story) -> None:
    lost = story.disputed(story.paid(2000), 2000)
    won = story.disputed(story.paid(4000), 4000)
    story.disputed(story.paid(1000), 1000, kind="inquiry")
    opened = fees(story.api)[days_ago(0), "USD"]
    story.decided(lost, "lost")
    story.decided(won, "won")

    assert opened == (3, 7000, 88 + 146 + 59, 2, 3000, 0, 3293, 0.470429)
    assert fees(story.api)[days_ago(0), "USD"] == (3, 7000, 293, 2, 3000, 1500, 1793, 0.256143)


def test_a_hold_that_grows_is_charged_once(story: Story) -> None:
    paid = story.paid(2000, card="4000000000005126")
    story.post("refunds", {"transaction": paid["id"], "amount": 500})
    dispute = story.disputed(paid, 2000)
    # The refund has failed by now, and what it leaves is held too.
    assert story.dispute(dispute["id"])["status"] == "open"

    assert fees(story.api)[days_ago(0), "USD"][3:5] == (1, 1500)


def test_a_fee_that_is_kept_is_not_returned(story: Story) -> None:
    Merchant.objects.filter(pk=story.api.scope.merchant_id).update(
        fee_structure=FEES | {"dispute_fee_returned": False}
    )
    won = story.disputed(story.paid(4000), 4000)
    story.decided(won, "won")

    assert fees(story.api)[days_ago(0), "USD"] == (1, 4000, 146, 1, 1500, 0, 1646, 0.4115)


def test_days_without_volume_have_no_rate(story: Story) -> None:
    paid = story.paid(1000)
    backdate(story.api, 2)
    story.disputed(paid, 1000)
    backdate(story.api, 1)

    assert fees(story.api) == {
        (days_ago(1), "USD"): (0, 0, 0, 1, 1500, 0, 1500, None),
        (days_ago(2), "USD"): (1, 1000, 59, 0, 0, 0, 59, 0.059),
    }


def test_days_are_filtered_and_paged(api: Api) -> None:
    for days in range(30, -1, -1):
        api.paid(amount=1000 + days)
        backdate(api, days)
    whole = rows(api, "fees")
    assert [row["day"] for row in whole] == [days_ago(days) for days in range(30)]

    assert rows(api, "fees", from_=days_ago(30), to=days_ago(29))[0] == whole[-1]
    first = report(api, "fees")
    second = report(api, "fees", starting_after=first["data"][-1]["id"])
    back = report(api, "fees", ending_before=second["data"][0]["id"])
    assert first["data"] + second["data"] == whole[:20]
    assert (back["data"], back["has_more"]) == (whole[:10], False)
    last = report(api, "fees", starting_after=second["data"][-1]["id"])
    assert (last["data"], last["has_more"]) == (whole[20:], False)


def test_other_merchants_and_environments_are_not_told(
    api: Api, live_api: Api, other_api: Api
) -> None:
    Story(api).disputed(Story(api).paid(1000), 1000)
    live_api.paid(amount=2000)

    assert fees(live_api) == {(days_ago(0), "USD"): (1, 2000, 88, 0, 0, 0, 88, 0.044)}
    assert fees(other_api) == {}


def test_a_file_has_rates_in_full(story: Story) -> None:
    paid = story.paid(1000)
    backdate(story.api, 2)
    story.disputed(paid, 1000)
    backdate(story.api, 1)
    story.paid(10_000, currency="KWD")
    today, before = days_ago(0), days_ago(1)

    assert file_of(story.api, "fees", from_=before).text == (
        "id,environment,created_at,currency,day,payment_count,volume_amount,volume_amount_decimal,"
        "payment_fee_amount,payment_fee_amount_decimal,dispute_count,dispute_fee_amount,"
        "dispute_fee_amount_decimal,returned_fee_amount,returned_fee_amount_decimal,fee_amount,"
        "fee_amount_decimal,effective_rate\n"
        f"{today}-KWD,test,{today}T00:00:00.000000Z,KWD,{today},1,10000,10.000,290,0.290,0,"
        "0,0.000,0,0.000,290,0.290,0.029000\n"
        f"{before}-USD,test,{before}T00:00:00.000000Z,USD,{before},0,0,0.00,0,0.00,1,"
        "1500,15.00,0,0.00,1500,15.00,\n"
    )
