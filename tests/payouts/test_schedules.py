"""Payouts by the clock: one a day, of all that is available, whatever runs twice."""

from datetime import date, timedelta

import pytest

from merchants.models import Merchant
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import Scope
from tests.api_client import Api
from tests.payouts.making import give, make_account
from tests.threads import at_once
from transactions.payout_models import Payout, PayoutSchedule
from transactions.services.run_payout_schedules import run_payout_schedule, run_payout_schedules
from transactions.services.set_payout_schedule import set_payout_schedule

MONDAY = date(2031, 6, 2)


def schedule(scope: Scope, interval: str = "daily", **more: object) -> PayoutSchedule:
    values = {"currency": "USD", "weekday": None, "minimum_amount": 1, **more}
    return run_in_transaction(
        lambda: set_payout_schedule(scope=scope, interval=interval, **values)[0]
    )


def run(made: PayoutSchedule, day: date) -> bool:
    return run_payout_schedule(schedule_id=made.pk, today=day)


def amounts(api: Api) -> list[int]:
    return [row["amount"] for row in api.get("/v1/payouts").json()["data"]]


def test_daily_payout_takes_all_that_is_available_once_a_day(api: Api) -> None:
    make_account(api.scope)
    give(api.scope, 1_000)
    daily = schedule(api.scope)

    assert run(daily, MONDAY)
    give(api.scope, 300)
    assert not run(daily, MONDAY)
    assert run(daily, MONDAY + timedelta(days=1))

    assert amounts(api) == [300, 1_000]
    assert api.balance()["available"] == 0
    days = Payout.objects.filter(merchant_id=api.scope.merchant_id).order_by("id")
    assert [row.schedule_day for row in days] == [MONDAY, MONDAY + timedelta(days=1)]


def test_weekly_payout_waits_for_its_day(api: Api) -> None:
    make_account(api.scope)
    give(api.scope, 1_000)
    weekly = schedule(api.scope, "weekly", weekday=2)

    made = [run(weekly, MONDAY + timedelta(days=days)) for days in range(7)]

    assert made == [False, False, True, False, False, False, False]
    assert amounts(api) == [1_000]


def test_manual_is_no_schedule(api: Api) -> None:
    make_account(api.scope)
    give(api.scope, 1_000)
    assert not run(schedule(api.scope, "manual"), MONDAY)
    run_payout_schedules(today=MONDAY)
    assert amounts(api) == []


def test_less_than_the_minimum_waits(api: Api) -> None:
    make_account(api.scope)
    give(api.scope, 999)
    daily = schedule(api.scope, minimum_amount=1_000)

    assert not run(daily, MONDAY)
    give(api.scope, 1)
    # The same day: nothing was paid on it yet.
    assert run(daily, MONDAY)

    assert amounts(api) == [1_000]


def test_what_becomes_available_today_is_paid_today(api: Api) -> None:
    paid = api.paid(amount=1_000)
    make_account(api.scope)
    daily = schedule(api.scope)

    assert run(daily, MONDAY)

    assert amounts(api) == [paid["net_amount"]]


@pytest.mark.usefixtures("runs_at_once")
def test_runs_at_once_pay_once(api: Api) -> None:
    make_account(api.scope)
    daily = schedule(api.scope)
    for days in range(6):
        give(api.scope, 1_000)
        day = MONDAY + timedelta(days=days)

        made = at_once(6, lambda _, day=day: run(daily, day))

        assert sorted(made) == [False] * 5 + [True]
    assert amounts(api) == [1_000] * 6


def test_what_can_not_be_paid_is_noted_and_tried_again(live_api: Api) -> None:
    api = live_api
    give(api.scope, 1_000)
    daily = schedule(api.scope)

    assert not run(daily, MONDAY)

    daily.refresh_from_db()
    assert "no bank account" in daily.last_problem
    make_account(api.scope)
    assert run(daily, MONDAY)
    daily.refresh_from_db()
    assert daily.last_problem == ""


def test_money_of_a_suspended_merchant_stays(live_api: Api) -> None:
    make_account(live_api.scope)
    give(live_api.scope, 1_000)
    daily = schedule(live_api.scope)
    Merchant.objects.filter(pk=live_api.scope.merchant_id).update(status="suspended")

    assert not run(daily, MONDAY)

    daily.refresh_from_db()
    assert "suspended" in daily.last_problem
    assert live_api.balance()["available"] == 1_000


def test_one_merchant_does_not_stop_others(live_api: Api, other_api: Api) -> None:
    # Live money without a bank account stays where it is.
    for merchant in (live_api, other_api):
        give(merchant.scope, 1_000)
        schedule(merchant.scope)
    make_account(other_api.scope)

    run_payout_schedules(today=MONDAY)

    assert (amounts(live_api), amounts(other_api)) == ([], [1_000])


def test_one_schedule_a_currency(api: Api) -> None:
    first = schedule(api.scope)
    second = schedule(api.scope, "weekly", weekday=4, minimum_amount=5)

    assert first.pk == second.pk
    found = PayoutSchedule.objects.get(merchant_id=api.scope.merchant_id)
    assert (found.interval, found.weekday, found.minimum_amount) == ("weekly", 4, 5)
