"""Relay, consumers and webhook workers killed with -9: nothing is lost, nothing overtaken."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings as django_settings

from bench.storm import Storm, weather
from merchants.services.sweep_webhooks import sweep_webhooks
from merchants.webhook_models import WebhookDelivery
from merchants.webhooks.dispatch import ask_for_delivery
from payments_project.events.kafka.relay import relay_cursor
from payments_project.events.kafka.topics import GROUPS
from payments_project.local.folder import DataFolder
from tests.api_client import Api
from tests.faults.engines import Celery, OwnRedis, own_redis, wait_until
from tests.merchants.webhooks.receiver import Receiver, Reply, receiving
from tests.merchants.webhooks.sending import attempts, deliveries, fan_out_all, make_endpoint
from tests.payments_project.events.reading import born_now
from tests.schema.rows import APPLICATION, connect
from tests.server import ROOT
from transactions.services.total_customers import CUSTOMER_TOTALS


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnRedis]:
    """A broker of the test's own, which this process sends its tasks to."""
    with own_redis() as engine:
        monkeypatch.setitem(current_app.conf, "broker_url", engine.url)
        # It makes its connections anew.
        current_app._after_fork()
        yield engine
    monkeypatch.undo()
    current_app._after_fork()


def database_url() -> str:
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"{base}/{django_settings.DATABASES['default']['NAME']}"


def start_webhook_worker(own: OwnRedis, name: str) -> Celery:
    worker = Celery(
        "worker", "--queues=webhooks", "--pool=threads", "--concurrency=4", "--loglevel=INFO",
        f"--hostname={name}@payments",
        REDIS_URL=own.url, CELERY_BROKER_URL=own.url,
    )  # fmt: skip
    wait_until(lambda: worker.says("ready."), "the worker is ready")
    return worker


@pytest.mark.stack
@pytest.mark.slow
def test_relays_killed_and_a_broker_away_lose_nothing(tmp_path: Path) -> None:
    """A short storm; ``./dev bench storm`` is the long one."""
    folder = DataFolder.named(f".local-test-storm-{os.getpid()}")
    folder.make()
    for group in GROUPS:
        born_now(relay_cursor(group))
    storm = Storm(
        database_url=database_url(),
        # The tests' own settings would look for the database of a test process.
        environment={"DJANGO_SETTINGS_MODULE": "payments_project.settings.local"},
        folder=folder,
        events=2_000,
        kills=4,
        away_seconds=5,
        seed=7,
    )

    outcome = weather(storm)

    assert outcome.written >= 2_000
    assert (outcome.lost, outcome.out_of_order, outcome.strange) == (0, 0, 0)
    assert outcome.kills == 4
    folder.empty()


def test_a_webhook_whose_worker_is_killed_is_sent_by_the_next(
    api: Api, own: OwnRedis, receiver: Receiver
) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    receiver.reply = lambda _got: Reply(after=30)
    worker = start_webhook_worker(own, "first")
    try:
        api.paid()
        fan_out_all(api)
        receiver.wait_for(1)
    finally:
        worker.kill()
    receiver.reply = lambda _got: Reply()
    (delivery,) = deliveries(api, endpoint)
    assert (delivery["status"], delivery["attempt"]) == ("pending", 0)

    with connect(APPLICATION, autocommit=True) as database:
        database.execute(
            "UPDATE webhook_deliveries SET leased_until = now() - interval '1 second'"
            " WHERE endpoint_id = %s AND leased_until IS NOT NULL",
            [endpoint["id"]],
        )
    worker = start_webhook_worker(own, "second")
    try:
        sweep_webhooks()
        first, second = receiver.wait_for(2, seconds=40)
        wait_until(lambda: deliveries(api, endpoint)[0]["status"] == "succeeded", "it is recorded")
    finally:
        worker.kill()

    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_while_redis_is_away_webhooks_wait_for_the_sweep(
    api: Api, own: OwnRedis, receiver: Receiver
) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    own.kill()
    payment = api.paid()["id"]
    began = time.monotonic()
    fan_out_all(api)
    ask_for_delivery([WebhookDelivery.objects.get(endpoint=endpoint["id"]).endpoint_id])
    assert time.monotonic() - began < 3

    own.start()
    worker = start_webhook_worker(own, "later")
    try:
        sweep_webhooks()
        (got,) = receiver.wait_for(1, seconds=40)
    finally:
        worker.kill()

    assert json.loads(got.body)["data"]["object"]["id"] == payment
    assert len(attempts(api, deliveries(api, endpoint)[0])) <= 1


@contextmanager
def consuming(name: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "consume", name],
        cwd=ROOT,
        env=os.environ | {"KAFKA_BOOTSTRAP_SERVERS": ""},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_consumer_killed_again_and_again_counts_every_payment_once(api: Api) -> None:
    born_now(CUSTOMER_TOTALS.cursor)
    customer = api.post("/v1/customers", {"email": "often@shop.test"}).json()["id"]
    card = api.card(customer=customer)

    def pay() -> dict[str, Any]:
        made: dict[str, Any] = api.post(
            "/v1/transactions", {"amount": 100, "currency": "USD", "payment_method": card}
        ).json()
        return made

    for _ in range(3):
        with consuming("customer_totals"):
            for _ in range(4):
                pay()
            time.sleep(2.5)
    with consuming("customer_totals") as last:
        pay()
        wait_until(
            lambda: api.get(f"/v1/customers/{customer}").json()["total_transactions"] == 13,
            "all are counted",
        )
        last.send_signal(signal.SIGTERM)
        assert last.wait(20) == 0, "told to stop, it ends in peace"

    told = api.get(f"/v1/customers/{customer}").json()
    assert told["total_amounts"] == {"USD": 1300}
