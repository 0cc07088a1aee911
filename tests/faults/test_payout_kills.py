"""Kill -9 of the worker around the bank's call: a payout is paid once, or its money comes back."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from kombu import Connection

from disputes.services.audit_books import audit_books
from payments_project.celery import app
from tests.api_client import Api
from tests.faults.crashing_wsgi import AFTER_GATEWAY, BEFORE_GATEWAY
from tests.faults.engines import MortalCelery, OwnRedis, own_redis, wait_until
from tests.gateway_messages import deliver_gateway_messages
from tests.payouts.making import events, give, lease_is_over, make_account, pay_out, payout
from transactions.balances import fold_balances
from transactions.payout_models import BankSimulatorTransfer, Payout
from transactions.services.resolve_payouts import resolve_payouts
from transactions.services.send_payouts import send_payouts


@pytest.fixture
def own() -> Iterator[OwnRedis]:
    """One for each test: who is killed leaves the job's lock in it for a minute."""
    with own_redis() as engine:
        yield engine


def let_a_worker_die(own: OwnRedis, *, at: str) -> None:
    """Has a worker send what waits; returns when its process was killed and a new one has looked."""
    worker = MortalCelery(
        "worker", "--concurrency=1", "--loglevel=INFO",
        REDIS_URL=own.url, CELERY_BROKER_URL=own.url, CRASH_AT=at,
    )  # fmt: skip
    try:
        wait_until(lambda: worker.says("ready."), "the worker is ready")
        (first,) = worker.children()
        with Connection(own.url) as broker:
            app.send_task("transactions.send_payouts", connection=broker)
        wait_until(lambda: worker.children() not in ([first], []), "its process was killed")
        wait_until(
            lambda: worker.says("Task transactions.send_payouts") and worker.says("succeeded"),
            "the new process has done the task",
        )
    finally:
        worker.kill()


@pytest.mark.parametrize(
    ("at", "status", "theirs", "available"),
    [
        (BEFORE_GATEWAY, "failed", ("barred", 0), 1000),
        (AFTER_GATEWAY, "paid", ("paid", 400), 600),
    ],
)
def test_payout_whose_sender_was_killed_is_resolved(
    api: Api, own: OwnRedis, at: str, status: str, theirs: tuple[str, int], available: int
) -> None:
    give(api.scope, 1000)
    make_account(api.scope)
    made = pay_out(api, 400)

    let_a_worker_die(own, at=at)

    assert Payout.objects.get(pk=made["id"]).sent_at is not None
    # The tests' lease is shorter than a worker's death takes.
    Payout.objects.filter(pk=made["id"]).update(sent_at=datetime.now(UTC))
    send_payouts()  # It is not sent again.
    resolve_payouts()  # Nor asked about within the lease.
    assert events(made["id"]) == ["payout.created"]
    lease_is_over(made["id"])
    resolve_payouts()
    deliver_gateway_messages()
    assert events(made["id"]) == ["payout.created", f"payout.{status}"]
    assert payout(api, made["id"])["status"] == status
    transfer = BankSimulatorTransfer.objects.get(pk=made["id"])
    assert (transfer.status, transfer.amount) == theirs
    assert Payout.objects.get(pk=made["id"]).failure_code == (
        "bank_unavailable" if at == BEFORE_GATEWAY else None
    )
    assert api.balance() == {"pending": 0, "available": available, "reserved": 0}
    fold_balances()
    assert audit_books() == []
