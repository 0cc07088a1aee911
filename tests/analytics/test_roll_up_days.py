"""Marks of days, and computing what is due: nothing lost, nothing computed in vain."""

import threading
import time
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection, transaction

from analytics.daily_summaries import WRITERS_LOCK, SummaryKey
from analytics.models import DailyTransactionSummary, SummaryDayDue
from analytics.services import roll_up_due_days as due_days
from analytics.services.mark_days_due import DAILY_SUMMARIES, mark_days_due
from analytics.services.roll_up_due_days import BUSY_PAYMENTS, BUSY_SECONDS, roll_up_due_days
from analytics.services.roll_up_whole_days import roll_up_day, roll_up_whole_days
from payments_project.tenancy import Scope
from tests.analytics.summaries import mark_all, rolled_up, summaries
from tests.analytics.test_daily_summaries import record
from tests.api_client import Api
from tests.payments_project.events.reading import born_now, consume_until
from tests.schema.rows import APPLICATION, OWNER, connect, id_at, insert_row
from tests.threads import at_once

TODAY = datetime.now(UTC).date()


def due(scope: Scope) -> list[tuple[date, str]]:
    """The merchant's marks that no run has taken."""
    rows = SummaryDayDue.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment
    )
    return sorted(rows.values_list("summary_date", "currency"))


def gross(scope: Scope) -> dict[str, int]:
    """By day."""
    return {day: row["gross_amount"] for (day, _), row in summaries(scope).items()}


def computed_at(scope: Scope, day: date) -> datetime:
    row = DailyTransactionSummary.objects.get(merchant_id=scope.merchant_id, summary_date=day)
    assert row.updated_at is not None
    return row.updated_at


def mark(scope: Scope, day: date) -> None:
    mark_days_due([SummaryKey(scope.merchant_id, scope.environment, day, "USD")])


def days_ago(count: int) -> datetime:
    return datetime.now(UTC).replace(hour=12) - timedelta(days=count)


def test_a_batch_of_events_marks_each_day_once(api: Api) -> None:
    for amount in (1000, 2000):
        paid = api.paid(amount=amount)
        api.post("/v1/refunds", {"transaction": paid["id"], "amount": 100})
    api.paid(amount=500, currency="EUR")
    old = days_ago(50)
    record(api, old, amount=70)

    mark_all(api.scope)

    days = {TODAY, datetime.now(UTC).date()}
    assert {day for day, _ in due(api.scope)} <= days | {old.date()}
    assert (old.date(), "USD") in due(api.scope)
    assert len(due(api.scope)) == len(set(due(api.scope)))


def test_a_refund_of_an_old_payment_marks_the_payments_day(api: Api) -> None:
    old = days_ago(60)
    payment = record(api, old, amount=1000)
    rolled_up(api.scope)
    assert api.post("/v1/refunds", {"transaction": payment, "amount": 400}).status_code == 201

    found = rolled_up(api.scope)

    assert list(found) == [(f"{old:%Y-%m-%d}", "USD")]
    assert found[f"{old:%Y-%m-%d}", "USD"]["refunded_amount"] == 400
    assert due(api.scope) == []


def test_the_consumer_marks_what_it_reads_in_the_log(api: Api) -> None:
    born_now(DAILY_SUMMARIES.cursor)
    api.paid(amount=1000)

    consume_until(DAILY_SUMMARIES, lambda: bool(due(api.scope)))
    roll_up_due_days()

    assert list(gross(api.scope).values()) == [1000]


def test_only_the_days_that_are_due_are_computed(api: Api) -> None:
    first, second = days_ago(21), days_ago(20)
    record(api, first, amount=10)
    record(api, second, amount=20)
    rolled_up(api.scope)
    before = computed_at(api.scope, first.date()), computed_at(api.scope, second.date())

    mark(api.scope, second.date())
    roll_up_due_days()

    assert computed_at(api.scope, first.date()) == before[0]
    assert computed_at(api.scope, second.date()) > before[1]


def test_a_summary_says_when_it_was_computed_even_where_nothing_changed(api: Api) -> None:
    api.paid(amount=10)
    rolled_up(api.scope)
    (row,) = DailyTransactionSummary.objects.filter(merchant_id=api.scope.merchant_id)
    asked = datetime.now(UTC)

    mark(api.scope, row.summary_date)
    roll_up_due_days()

    again = DailyTransactionSummary.objects.get(pk=row.pk)
    assert again.updated_at is not None
    assert asked - timedelta(seconds=1) < again.updated_at
    assert again.created_at == row.created_at


def test_a_day_without_payments_has_no_row_and_is_no_longer_due(api: Api) -> None:
    mark(api.scope, TODAY)

    roll_up_due_days()

    assert summaries(api.scope) == {}
    assert due(api.scope) == []


def test_runs_at_once_leave_what_is_true(api: Api) -> None:
    for amount in (100, 20, 3):
        api.paid(amount=amount)
        mark_all(api.scope)
        at_once(4, lambda _: roll_up_due_days())

    assert sum(gross(api.scope).values()) == 123
    assert due(api.scope) == []


def test_another_run_is_told_and_does_nothing(api: Api) -> None:
    api.paid(amount=100)
    mark_all(api.scope)
    with connect(APPLICATION) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('roll up due days', 0))")
        assert roll_up_due_days() is None
        assert due(api.scope)

    assert roll_up_due_days() is not None
    assert sum(gross(api.scope).values()) == 100


def test_a_change_during_a_computation_is_in_the_next_one(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of one batch has taken its marks and waits to count; a payment is made and marked."""
    monkeypatch.setattr(due_days, "RUN_SECONDS_MAX", 0.1)
    api.paid(amount=100)
    mark_all(api.scope)
    with connect(APPLICATION) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [WRITERS_LOCK])
        run = threading.Thread(target=run_and_close)
        run.start()
        wait_for_waiter(other)
        api.paid(amount=20)
        mark_all(api.scope)
        time.sleep(0.2)
        other.rollback()
        run.join(20)

    assert due(api.scope), "a mark that came later is not taken"
    monkeypatch.undo()
    roll_up_due_days()
    assert sum(gross(api.scope).values()) == 120


def test_a_run_that_is_cut_off_gives_its_marks_back(api: Api) -> None:
    """PostgreSQL loses the run between taking its marks and counting, as when its worker dies."""
    api.paid(amount=100)
    mark_all(api.scope)
    marked = due(api.scope)
    with connect(APPLICATION) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [WRITERS_LOCK])
        failures: list[Exception] = []
        run = threading.Thread(target=run_and_keep_failure, args=(failures,))
        run.start()
        wait_for_waiter(other)
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND NOT granted AND database = (SELECT oid FROM pg_database"
            " WHERE datname = current_database())"
        )
        run.join(20)

    assert [type(failure) for failure in failures] == [OperationalError]
    assert due(api.scope) == marked
    roll_up_due_days()
    assert sum(gross(api.scope).values()) == 100


def run_and_keep_failure(failures: list[Exception]) -> None:
    try:
        run_and_close()
    except Exception as error:
        failures.append(error)


def run_and_close() -> None:
    try:
        roll_up_due_days()
    finally:
        connection.close()


def wait_for_waiter(other: Any) -> None:
    for _ in range(500):
        (waiting,) = other.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
        if waiting:
            return
        other.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("the run does not wait")


def test_a_change_that_is_not_committed_yet_is_counted_once_it_is(api: Api) -> None:
    paid = api.paid(amount=100)
    with connect(APPLICATION) as other:
        other.execute("UPDATE transactions SET risk_level = 'high' WHERE id = %s", [paid["id"]])
        (row,) = rolled_up(api.scope).values()
        assert row["high_risk_count"] == 0
        other.commit()

    (row,) = rolled_up(api.scope).values()
    assert row["high_risk_count"] == 1


def test_marks_survive_a_run_that_fails(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.paid(amount=100)
    mark_all(api.scope)
    marked = due(api.scope)
    broken = due_days._COMPUTE.replace("transactions AS payment", "nothing_there AS payment")
    monkeypatch.setattr(due_days, "_COMPUTE", broken)

    with pytest.raises(DatabaseError):
        roll_up_due_days()

    assert due(api.scope) == marked
    monkeypatch.undo()
    roll_up_due_days()
    assert sum(gross(api.scope).values()) == 100


def test_marks_of_more_than_a_batch_are_computed_in_one_run(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_days, "BATCH_KEYS", 2)
    for count in range(5):
        record(api, days_ago(30 + count), amount=10)

    found = rolled_up(api.scope)

    assert len(found) == 5
    assert due(api.scope) == []


def test_a_batch_is_bounded_by_its_payments_and_takes_one_day_at_least(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count in range(3):
        record(api, days_ago(30 + count), amount=10)
    rolled_up(api.scope)
    monkeypatch.setattr(due_days, "BATCH_PAYMENTS", 1)
    monkeypatch.setattr(due_days, "RUN_SECONDS_MAX", 0)
    for count in range(3):
        mark(api.scope, days_ago(30 + count).date())

    with transaction.atomic():
        keys = due_days._roll_up_batch()
        transaction.set_rollback(True)

    assert keys is not None
    assert len(keys) == 1


def test_a_busy_day_is_left_due_until_its_summary_is_old_enough(api: Api) -> None:
    api.paid(amount=100)
    rolled_up(api.scope)
    row = DailyTransactionSummary.objects.filter(merchant_id=api.scope.merchant_id)
    row.update(transaction_count=BUSY_PAYMENTS + 1)
    day = row.get().summary_date
    mark(api.scope, day)

    roll_up_due_days()
    assert due(api.scope) == [(day, "USD")]
    assert row.get().transaction_count == BUSY_PAYMENTS + 1

    row.update(updated_at=datetime.now(UTC) - timedelta(seconds=BUSY_SECONDS + 1))
    roll_up_due_days()
    assert due(api.scope) == []
    assert row.get().transaction_count == 1


def test_whole_days_are_what_the_marks_would_have_made_of_them(api: Api, live_api: Api) -> None:
    for each in (api, live_api):
        paid = each.paid(amount=1000)
        each.post("/v1/refunds", {"transaction": paid["id"], "amount": 100})
        each.paid("4000000000000259", amount=300)
        each.paid(amount=50, currency="EUR")
        record(each, days_ago(45), amount=7)
    first = {each.key: rolled_up(each.scope) for each in (api, live_api)}
    assert len(first[api.key]) == 3

    DailyTransactionSummary.objects.filter(merchant_id=api.scope.merchant_id).delete()
    out = StringIO()
    call_command("backfill_summaries", stdout=out)
    call_command("backfill_summaries", stdout=StringIO())

    assert {each.key: summaries(each.scope) for each in (api, live_api)} == first
    assert f"{days_ago(45):%Y-%m-%d}  " in out.getvalue()


def test_a_payment_of_nobodys_keeps_no_other_from_being_counted(api: Api) -> None:
    moment, nobody = days_ago(95), Scope(uuid4(), "test")
    record(api, moment, amount=10)
    orphan = id_at(moment)
    with connect(OWNER) as owner:
        insert_row(
            owner, "transactions", id=orphan, merchant_id=nobody.merchant_id, status="pending"
        )
    try:
        mark(nobody, moment.date())
        first = rolled_up(api.scope)
        roll_up_day(moment.date())
    finally:
        with connect(OWNER) as owner:
            owner.execute("DELETE FROM transactions WHERE id = %s", [orphan])

    assert len(first) == 1
    assert summaries(api.scope) == first
    assert summaries(nobody) == {}


def test_a_range_of_days_is_computed_and_no_other(api: Api) -> None:
    for count in (71, 72, 73):
        record(api, days_ago(count), amount=count)
    day = f"{days_ago(72):%Y-%m-%d}"

    call_command("backfill_summaries", "--from", day, "--to", day, stdout=StringIO())

    assert gross(api.scope) == {day: 72}
    with pytest.raises(CommandError):
        call_command("backfill_summaries", "--from", "2026-01-02", "--to", "2026-01-01")


def test_whole_days_and_due_days_at_once_leave_what_is_true(api: Api) -> None:
    moment = days_ago(90)
    record(api, moment, amount=100)
    mark_all(api.scope)

    def work(number: int) -> None:
        if number % 2:
            roll_up_due_days()
        else:
            roll_up_day(moment.date())

    at_once(4, work)

    assert gross(api.scope) == {f"{moment:%Y-%m-%d}": 100}


def test_days_without_payments_are_passed_over(api: Api) -> None:
    record(api, days_ago(3000), amount=1)
    first = days_ago(3000).date()

    days = [done.day for done in roll_up_whole_days(first=first, last=first + timedelta(days=200))]

    assert first in days
    assert len(days) < 20
