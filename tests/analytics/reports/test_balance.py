"""The balance report: opening balance and changes are the closing balance, to the unit."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from analytics.errors import ReportTooLarge
from analytics.reports.balance import read_balance_report
from payments_project.api.exception_handler import error_parts
from tests.analytics.reports.reading import backdate, days_ago, file_of, lines, report, today
from tests.api_client import Api
from tests.payouts.making import give, make_account, pay_out
from tests.schema.rows import OWNER, connect
from tests.stories.story import Story
from tests.threads import at_once
from transactions.balances import fold_balances
from transactions.services.settle import settle_due

BUCKETS = ("pending", "available", "reserved")


@pytest.fixture
def story(api: Api) -> Story:
    return Story(api)


def buckets(api: Api, **query: Any) -> dict[tuple[str, str], tuple[int, dict[str, int], int]]:
    """Opening balance, changes that are not zero, and closing balance, by currency and bucket."""
    found = {}
    for row in report(api, "balance", **query)["balances"]:
        changes = {name: amount for name, amount in row["changes"].items() if amount}
        assert row["opening_balance"] + sum(changes.values()) == row["closing_balance"]
        assert len(row["changes"]) == 11
        place = row["currency"], row["bucket"]
        found[place] = row["opening_balance"], changes, row["closing_balance"]
    return found


def closing_is_the_balance(api: Api) -> None:
    told = {
        (row["currency"], name): row[name]
        for row in api.get("/v1/balance").json()["balances"]
        for name in BUCKETS
    }
    assert {place: closing for place, (_, _, closing) in buckets(api).items()} == told


def test_payments_refunds_disputes_and_payouts_explain_the_balance(story: Story) -> None:
    api = story.api
    make_account(api.scope)
    api.paid(amount=1000)
    direct = story.paid(10_000)
    story.refunded(direct, 3000)
    lost = story.disputed(story.paid(2000), 2000)
    story.decided(lost, "lost")
    won = story.disputed(story.paid(4000), 4000)
    story.decided(won, "won")
    pay_out(api, 500)

    closing_is_the_balance(api)
    fold_balances()
    closing_is_the_balance(api)
    assert buckets(api) == {
        ("USD", "pending"): (0, {"payment": 1000, "fee": -59}, 941),
        ("USD", "available"): (
            0,
            {
                "payment": 16_000,
                "fee": -320 - 88 - 146,
                "refund": -3000,
                "dispute_hold": -3500 - 5500,
                "dispute_release": 5500,
                "payout": -500,
            },
            8446,
        ),
        ("USD", "reserved"): (
            0,
            {"dispute_hold": 9000, "dispute_release": -5500, "dispute_loss": -3500},
            0,
        ),
    }


def test_settlement_moves_from_one_bucket_to_the_other(api: Api) -> None:
    api.paid(amount=1000)
    settle_due(today=today() + timedelta(days=2))

    assert buckets(api) == {
        ("USD", "pending"): (0, {"payment": 1000, "fee": -59, "settlement": -941}, 0),
        ("USD", "available"): (0, {"settlement": 941}, 941),
        ("USD", "reserved"): (0, {}, 0),
    }


def test_each_currency_is_told_in_its_own_units(api: Api) -> None:
    api.paid(amount=500, currency="JPY")
    api.paid(amount=1234, currency="KWD")

    found = buckets(api)

    assert found["JPY", "pending"] == (0, {"payment": 500, "fee": -15}, 485)
    assert found["KWD", "pending"] == (0, {"payment": 1234, "fee": -36}, 1198)
    assert list(found) == [(code, name) for code in ("JPY", "KWD") for name in BUCKETS]
    assert list(buckets(api, currency="kwd")) == [("KWD", name) for name in BUCKETS]
    by_cells = [
        (line["currency"], line["bucket"], line["closing_balance"], line["closing_balance_decimal"])
        for line in lines(api, "balance")
    ]
    assert by_cells[0] == ("JPY", "pending", "485", "485")
    assert by_cells[3] == ("KWD", "pending", "1198", "1.198")


def test_days_before_and_after_the_range_are_its_opening_and_not_in_it(story: Story) -> None:
    api = story.api
    make_account(api.scope)
    first = story.paid(10_000)
    backdate(api, 12)
    story.paid(3000)
    backdate(api, 10)
    story.disputed(first, 500)
    backdate(api, 9)
    pay_out(api, 2000)
    backdate(api, 8)

    found = buckets(api, from_=days_ago(10), to=days_ago(9))
    assert found["USD", "available"] == (
        9680, {"payment": 3000, "fee": -117, "dispute_hold": -2000}, 10_563,
    )  # fmt: skip
    assert found["USD", "reserved"] == (0, {"dispute_hold": 2000}, 2000)
    assert buckets(api, from_=days_ago(20), to=days_ago(13))["USD", "available"] == (0, {}, 0)
    assert buckets(api, from_=days_ago(7))["USD", "available"] == (8563, {}, 8563)
    closing_is_the_balance(api)


def test_a_days_closing_is_the_next_ones_opening(story: Story) -> None:
    api = story.api
    for days in range(6, -1, -1):
        story.paid(1000)
        backdate(api, days)
    fold_balances()

    closing = 0
    for days in range(7, -1, -1):
        opened, _, closed = buckets(api, from_=days_ago(days), to=days_ago(days))[
            "USD", "available"
        ]
        assert opened == closing
        closing = closed
    assert closing == api.balance()["available"] == 7 * 941


def test_thirty_days_are_told_by_default(api: Api) -> None:
    give(api.scope, 700)
    backdate(api, 30)
    give(api.scope, 50)
    backdate(api, 29)

    answer = report(api, "balance")

    assert (answer["object"], answer["environment"]) == ("balance_report", "test")
    assert (answer["first_day"], answer["last_day"]) == (days_ago(29), days_ago(0))
    assert buckets(api)["USD", "available"] == (700, {"adjustment": 50}, 750)
    assert buckets(api, to=days_ago(1))["USD", "available"] == (0, {"adjustment": 750}, 750)


def test_other_merchants_and_environments_are_not_told(
    api: Api, live_api: Api, other_api: Api
) -> None:
    api.paid(amount=1000)
    live_api.paid(amount=2000)

    assert buckets(api)["USD", "pending"] == (0, {"payment": 1000, "fee": -59}, 941)
    assert buckets(live_api)["USD", "pending"] == (0, {"payment": 2000, "fee": -88}, 1912)
    assert buckets(other_api) == {}


def test_a_file_has_a_line_for_each_bucket(api: Api) -> None:
    api.paid(amount=1000)
    response = file_of(api, "balance", from_="2026-01-01", to=days_ago(0))

    heading, pending, available, reserved = response.text.splitlines()

    names = [
        "payment", "fee", "refund", "refund_failure", "dispute_hold", "dispute_release",
        "dispute_loss", "settlement", "payout", "payout_failure", "adjustment",
    ]  # fmt: skip
    amounts = ["opening_balance", *names, "closing_balance"]
    assert heading.split(",") == [
        "first_day", "last_day", "environment", "currency", "bucket",
        *[column for name in amounts for column in (name, f"{name}_decimal")],
        "computed_at",
    ]  # fmt: skip
    zeros = "0,0.00," * 9
    begin = f"2026-01-01,{days_ago(0)},test,USD"
    assert pending.startswith(f"{begin},pending,0,0.00,1000,10.00,-59,-0.59,{zeros}941,9.41,20")
    assert available.startswith(f"{begin},available,0,0.00,0,0.00,")
    assert reserved.startswith(f"{begin},reserved,0,0.00,0,0.00,")
    name = f"balance_test_2026-01-01_{days_ago(0)}.csv"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_it_is_of_one_moment_while_money_moves_and_is_folded(api: Api) -> None:
    card = api.card("4000000000000077")
    body = {"amount": 1000, "currency": "USD", "payment_method": card}

    def work(number: int) -> None:
        for _ in range(10):
            if number == 0:
                fold_balances()
            elif number == 1:
                # All that there is came in these days: another moment's balance would be left over.
                assert {opening for opening, _, _ in buckets(api).values()} <= {0}
            else:
                assert api.post("/v1/transactions", body).status_code == 201

    at_once(5, work)

    assert buckets(api)["USD", "available"] == (0, {"payment": 30_000, "fee": -1770}, 28_230)
    closing_is_the_balance(api)


def test_a_report_that_takes_too_long_is_refused_and_not_an_error_of_ours(api: Api) -> None:
    with connect(OWNER) as owner, transaction.atomic(), connection.cursor() as cursor:
        owner.execute("LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SET LOCAL statement_timeout = '50ms'")
        with pytest.raises(ReportTooLarge) as refusal:
            read_balance_report(scope=api.scope, first=today(), last=today(), currency=None)
        transaction.set_rollback(True)

    status, content = error_parts(refusal.value, request_id="req_1")
    assert (status, content["error"]["code"]) == (400, "report_too_large")
