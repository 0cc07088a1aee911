"""What runs by the clock: every entry names a task that runs, and may run twice."""

import itertools
import uuid
from datetime import UTC, date, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Task
from celery.schedules import crontab

from analytics.services.refresh_monthly_stats import TIMEOUT_SECONDS
from disputes.services.audit_books import audit_books
from merchants.webhooks import dispatch
from payments_project import tasks
from payments_project.celery import app
from payments_project.database.partitions import MONTHS_AHEAD, months_ahead
from payments_project.database.uuid7 import uuid7_floor
from payments_project.idempotency.keys import delete_old_keys
from payments_project.models import IdempotencyKey
from payments_project.schedule import SCHEDULE
from payments_project.tasks import (
    DELETING_SECONDS_MAX,
    delete_old_idempotency_keys,
    make_partitions,
)
from tests.api_client import Api, new_key
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import MadeMerchant
from tests.schema.rows import OWNER, connect, partitions
from tests.threads import at_once
from transactions.balances import fold_balances

APPS = ("analytics", "disputes", "merchants", "payments_project", "transactions", "vault")


def task_of(entry: str) -> Task:
    app.loader.import_default_modules()
    task: Task = app.tasks[SCHEDULE[entry]["task"]]
    return task


def state(api: Api) -> dict[str, Any]:
    """What a merchant sees of its money."""
    return {
        path: api.get(f"/v1/{path}").json()["data"]
        for path in ("transactions", "refunds", "disputes", "balance/entries")
    } | {"balance": api.get("/v1/balance").json()}


@pytest.fixture
def busy_api(api: Api) -> Api:
    """A merchant that every task has something to do for."""
    api.paid(amount=1000)
    api.paid("4000000000006033", amount=1000)
    api.paid("4000000000006009", amount=1000)
    api.paid("4000000000000259", amount=1000)
    api.paid(amount=1000, capture=False)
    refunded = api.paid("4000000000007726", amount=1000)
    api.post("/v1/refunds", {"transaction": refunded["id"]})
    return api


@pytest.mark.usefixtures("runs_at_once")
@pytest.mark.parametrize("entry", SCHEDULE)
def test_entry_names_a_task_that_runs_and_may_run_again(
    busy_api: Api, entry: str, settings: Any
) -> None:
    settings.GATEWAY_TIMEOUT_SECONDS = settings.GATEWAY_LEASE_MARGIN_SECONDS = 0
    settings.GATEWAY_MESSAGE_OVERDUE_SECONDS = 0
    settings.PUBLIC_URL = str(busy_api.http.base_url).rstrip("/")
    task = task_of(entry)
    task.apply(throw=True)
    once = state(busy_api)

    task.apply(throw=True)
    at_once(3, lambda _: task.apply(throw=True))

    assert state(busy_api) == once
    deliver_gateway_messages()
    fold_balances()
    assert audit_books() == []


def test_every_task_of_ours_runs_by_the_clock() -> None:
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if name.partition(".")[0] in APPS}

    # Events ask for it, and the sweep does.
    assert ours - {dispatch.TASK} == {entry["task"] for entry in SCHEDULE.values()}


@pytest.mark.parametrize("entry", SCHEDULE)
def test_entry_that_comes_every_few_seconds_does_not_pile_up(entry: str) -> None:
    """While no worker runs, what was sent is out of date before there is much of it."""
    every = SCHEDULE[entry]["schedule"]
    if isinstance(every, crontab):
        return
    assert task_of(entry).expires is not None
    assert task_of(entry).expires <= max(10 * every, 600)


def test_no_task_comes_back_while_it_may_still_run() -> None:
    from django.conf import settings

    app.loader.import_default_modules()
    limits = [app.tasks[entry["task"]].time_limit for entry in SCHEDULE.values()]
    longest = max(limit or settings.CELERY_TASK_TIME_LIMIT for limit in limits)

    assert task_of("refresh the monthly view").time_limit > TIMEOUT_SECONDS
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] > longest


def test_times_of_the_daily_entries_are_utcs() -> None:
    from django.conf import settings

    assert settings.CELERY_TIMEZONE == "UTC"
    view = SCHEDULE["refresh the monthly view"]["schedule"]
    assert (view.hour, view.minute) == ({2}, {0})


def test_months_ahead_are_made_for_every_monthly_table() -> None:
    with connect(OWNER, autocommit=True) as owner:
        last = f"{month_after(datetime.now(UTC).date().replace(day=1), MONTHS_AHEAD):%Y_%m}"
        for table in ("transactions", "events", "ledger_entries"):
            owner.execute(f"ALTER TABLE {table} DETACH PARTITION {table}_{last}")
            owner.execute(f"DROP TABLE {table}_{last}")
    assert months_ahead() == MONTHS_AHEAD - 1

    made = make_partitions()
    make_partitions()

    assert {"events", "ledger_entries", "transactions"} <= set(made)
    assert months_ahead() == MONTHS_AHEAD
    with connect(OWNER) as owner:
        for table in ("transactions", "events", "ledger_entries"):
            assert f"{table}_{last}" in partitions(owner, table)


def month_after(month: date, count: int) -> date:
    for _ in range(count):
        month = (month + timedelta(days=32)).replace(day=1)
    return month


@pytest.mark.parametrize(
    ("age", "recovery_point", "is_kept"),
    [
        (timedelta(hours=23, minutes=59), "finished", True),
        (timedelta(hours=24, minutes=1), "finished", False),
        (timedelta(days=29), "started", True),
        (timedelta(days=31), "started", False),
    ],
)
def test_finished_keys_are_kept_for_a_day_and_started_ones_for_a_month(
    merchant: MadeMerchant, age: timedelta, recovery_point: str, is_kept: bool
) -> None:
    key = IdempotencyKey.objects.create(
        id=uuid7_floor(datetime.now(UTC) - age),
        merchant_id=merchant.id,
        environment="test",
        key=str(uuid.uuid4()),
        request_path="POST /v1/transactions",
        request_fingerprint="0" * 64,
        recovery_point=recovery_point,
        response_status=200 if recovery_point == "finished" else None,
        response_body="{}" if recovery_point == "finished" else None,
    )

    delete_old_idempotency_keys()

    assert IdempotencyKey.objects.filter(pk=key.pk).exists() == is_kept
    IdempotencyKey.objects.filter(pk=key.pk).delete()


def test_key_that_was_deleted_can_be_used_anew(api: Api) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": api.card()}
    key = new_key()
    first = api.post("/v1/transactions", body, key=key).json()["id"]
    IdempotencyKey.objects.filter(key=key).update(
        id=uuid7_floor(datetime.now(UTC) - timedelta(hours=25))
    )

    assert delete_old_idempotency_keys() >= 1
    again = api.post("/v1/transactions", body, key=key)

    assert again.status_code == 201
    assert again.json()["id"] != first


def make_old_keys(merchant: MadeMerchant, count: int) -> None:
    with connect(OWNER) as owner:
        owner.execute(
            "INSERT INTO idempotency_keys (id, merchant_id, environment, key, request_path,"
            " request_fingerprint, recovery_point, response_status, response_body)"
            " SELECT uuidv7(interval '-2 days'), %s, 'test', place::text, '/', '0', 'finished',"
            " 200, '{}'"
            " FROM generate_series(1, %s) AS place",
            [merchant.id, count],
        )


def old_keys_left(merchant: MadeMerchant) -> int:
    return IdempotencyKey.objects.filter(merchant_id=merchant.id).count()


def test_more_keys_than_a_batch_are_deleted_in_one_run(merchant: MadeMerchant) -> None:
    make_old_keys(merchant, 6000)

    assert delete_old_idempotency_keys() >= 6000

    assert old_keys_left(merchant) == 0


def test_keys_are_deleted_until_none_is_left_however_many_batches(
    merchant: MadeMerchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old_keys(merchant, 250)
    monkeypatch.setattr(tasks, "delete_old_keys", partial(delete_old_keys, batch=1))

    assert delete_old_idempotency_keys() >= 250

    assert old_keys_left(merchant) == 0


def test_deleting_keys_ends_in_time_and_the_next_run_goes_on(
    merchant: MadeMerchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old_keys(merchant, 5)
    ticks = itertools.count()
    monkeypatch.setattr(tasks, "delete_old_keys", partial(delete_old_keys, batch=1))
    monkeypatch.setattr(tasks, "time", SimpleNamespace(monotonic=lambda: next(ticks) * 100))

    assert delete_old_idempotency_keys() == 2

    monkeypatch.undo()
    delete_old_idempotency_keys()
    assert old_keys_left(merchant) == 0
    limit = app.conf.task_time_limit
    assert limit is not None
    assert limit > DELETING_SECONDS_MAX + 15
