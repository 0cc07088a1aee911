"""Worker and beat killed with -9: what they were at is done again, once, and the clock goes on."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from kombu import Connection

from disputes.services.audit_books import audit_books
from payments_project.celery import app
from tests.api_client import Api
from tests.faults.engines import Celery, OwnRedis, own_redis, wait_until
from tests.schema.rows import APPLICATION, OWNER, connect
from transactions.balances import fold_balances
from transactions.models import LedgerEntry, MerchantPendingDay

READY = "ready."
SETTLED = "Task transactions.settle_due"


@pytest.fixture(scope="module")
def own() -> Iterator[OwnRedis]:
    with own_redis() as engine:
        yield engine


@pytest.fixture
def workers(own: OwnRedis) -> Iterator[list[Celery]]:
    """Workers that a test starts; none outlives it."""
    started: list[Celery] = []
    own.client.flushall()
    yield started
    for worker in started:
        worker.kill()


def start_worker(workers: list[Celery], own: OwnRedis, *, name: str) -> Celery:
    worker = Celery(
        "worker", "--concurrency=1", "--loglevel=INFO", f"--hostname={name}@payments",
        REDIS_URL=own.url, CELERY_BROKER_URL=own.url, PROCESS_NAME=f"worker-{name}",
    )  # fmt: skip
    workers.append(worker)
    wait_until(lambda: worker.says(READY), "the worker is ready")
    return worker


def send(own: OwnRedis, task: str) -> None:
    with Connection(own.url) as broker:
        app.send_task(task, connection=broker)


def due_yesterday(api: Api) -> None:
    """A payment whose money became available yesterday, folded, so that settlement takes it."""
    api.paid(amount=1000)
    fold_balances()
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with connect(OWNER, autocommit=True) as owner:
        owner.execute(
            "UPDATE ledger_entries SET available_on = %s WHERE merchant_id = %s",
            [yesterday, api.scope.merchant_id],
        )
    MerchantPendingDay.objects.filter(merchant_id=api.scope.merchant_id).update(
        available_on=yesterday
    )


def waits_for_a_lock(name: str) -> bool:
    # As the worker's own role: another's sessions show no waiting.
    with connect(APPLICATION, autocommit=True) as observer:
        found = observer.execute(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = %s"
            " AND wait_event_type = 'Lock'",
            [f"worker-{name}"],
        ).fetchone()
        return found is not None


def settlements(api: Api) -> list[int]:
    entries = LedgerEntry.objects.filter(merchant_id=api.scope.merchant_id, type="settlement")
    return [entry.amount for entry in entries]


def lock_of(api: Api) -> str:
    return (
        f"SELECT 1 FROM merchant_balances WHERE merchant_id = '{api.scope.merchant_id}' FOR UPDATE"
    )


def test_task_whose_process_died_is_done_again(
    api: Api, own: OwnRedis, workers: list[Celery]
) -> None:
    due_yesterday(api)
    worker = start_worker(workers, own, name="first")
    with connect(OWNER) as holder:
        holder.execute(lock_of(api))
        send(own, "transactions.settle_due")
        wait_until(lambda: waits_for_a_lock("first"), "the task is in the middle of it")
        (child,) = worker.children()
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: worker.children() not in ([child], []), "the worker has a new process")

    wait_until(lambda: settlements(api) == [941], "the task was done again")
    assert api.balance() == {"pending": 0, "available": 941, "reserved": 0}
    fold_balances()
    assert audit_books() == []


def test_work_of_a_worker_that_died_whole_is_done_by_the_next(
    api: Api, own: OwnRedis, workers: list[Celery]
) -> None:
    due_yesterday(api)
    first = start_worker(workers, own, name="first")
    with connect(OWNER) as holder:
        holder.execute(lock_of(api))
        send(own, "transactions.settle_due")
        wait_until(lambda: waits_for_a_lock("first"), "the task is in the middle of it")
        first.kill()
    assert settlements(api) == []

    start_worker(workers, own, name="second")
    send(own, "transactions.settle_due")  # As beat does, every five minutes.

    wait_until(lambda: settlements(api) == [941], "the next worker has done it")
    fold_balances()
    assert audit_books() == []


def test_messages_wait_in_redis_while_no_worker_runs(
    api: Api, own: OwnRedis, workers: list[Celery]
) -> None:
    due_yesterday(api)
    send(own, "transactions.settle_due")
    own.kill()
    own.start()

    start_worker(workers, own, name="late")

    wait_until(lambda: settlements(api) == [941], "what had waited is done")


def test_worker_goes_on_when_redis_comes_back(
    api: Api, own: OwnRedis, workers: list[Celery]
) -> None:
    due_yesterday(api)
    start_worker(workers, own, name="patient")

    own.kill()
    own.start()
    send(own, "transactions.settle_due")

    wait_until(lambda: settlements(api) == [941], "the worker has found Redis again")


@pytest.mark.slow
def test_second_beat_takes_over_when_the_first_is_killed(
    own: OwnRedis, workers: list[Celery]
) -> None:
    queue = "celery"
    beats = [
        Celery(
            "beat", "--scheduler=redbeat.RedBeatScheduler", "--loglevel=INFO", "--pidfile=",
            REDIS_URL=own.url, CELERY_BROKER_URL=own.url,
        )
        for _ in range(2)
    ]  # fmt: skip
    workers += beats
    wait_until(lambda: own.client.llen(queue) >= 3, "a beat sends")
    sending = next(beat for beat in beats if "Sending due task" in beat.log.read_text())
    (waiting,) = [beat for beat in beats if beat is not sending]
    assert "Sending due task" not in waiting.log.read_text()

    sending.kill()
    own.client.delete(queue)

    wait_until(lambda: waiting.says("Sending due task"), "the other beat has taken over")
    wait_until(lambda: own.client.llen(queue) >= 3, "it sends")
