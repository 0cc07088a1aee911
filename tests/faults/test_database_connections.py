"""PostgreSQL's connections cut, between requests and within them, and PostgreSQL away for a while:
no request is lost that was answered, and the next one works."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db.models.functions import Now

from disputes.services.audit_books import audit_books
from payments_project.models import IdempotencyKey
from tests.api_client import Api, new_key
from tests.faults.crashing_wsgi import AFTER_GATEWAY, BEFORE_GATEWAY
from tests.faults.engines import Door, wait_until, waits_for_a_lock
from tests.merchants.making import MadeMerchant, client_of
from tests.schema.rows import APPLICATION, OWNER, connect
from tests.server import Server, start_server
from transactions.balances import fold_balances
from transactions.models import GatewayOperation, SimulatorCharge, Transaction

PROCESS = "payments-cut"


@pytest.fixture(scope="module")
def cut_server(django_db_setup: None) -> Iterator[Server]:
    """A server whose connections can be told from all others."""
    with start_server(
        application="tests.faults.crashing_wsgi:application",
        PROCESS_NAME=PROCESS,
        GATEWAY_TIMEOUT_SECONDS="60",
    ) as running:
        yield running


@pytest.fixture
def cut_api(cut_server: Server, merchant: MadeMerchant) -> Iterator[Api]:
    with client_of(cut_server, merchant, "test") as client:
        yield client


def cut_connections(condition: str = "true") -> int:
    """Ends the server's connections, as PostgreSQL does when it is restarted; returns how many."""
    with connect(APPLICATION, autocommit=True) as other:
        ended = other.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            f" WHERE application_name = %s AND {condition}",
            [PROCESS],
        ).fetchone()
        assert ended is not None
        return int(ended[0])


def test_connections_cut_between_requests_cost_no_request(cut_api: Api) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": cut_api.card()}
    with ThreadPoolExecutor(8) as clients:
        list(clients.map(lambda _: cut_api.post("/v1/transactions", body), range(32)))
    assert cut_connections() >= 2

    statuses = [cut_api.post("/v1/transactions", body).status_code for _ in range(12)]

    assert statuses == [201] * 12
    assert cut_api.balance()["pending"] == 44 * 941


def test_connection_cut_while_a_request_waits_is_a_503_and_changes_nothing(cut_api: Api) -> None:
    transaction = cut_api.paid(amount=1000, capture=False)
    path = f"/v1/transactions/{transaction['id']}/capture"
    key = new_key()
    with connect(OWNER) as holder, ThreadPoolExecutor(1) as client:
        holder.execute("SELECT 1 FROM transactions WHERE id = %s FOR UPDATE", [transaction["id"]])
        waiting = client.submit(cut_api.post, path, {"amount": 600}, key=key)
        wait_until(lambda: waits_for_a_lock(PROCESS), "the capture waits for the row")
        assert cut_connections("wait_event_type = 'Lock'") == 1
        response = waiting.result()

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert cut_api.transaction(transaction["id"]) == transaction
    assert not GatewayOperation.objects.filter(transaction_id=transaction["id"]).exists()
    again = cut_api.post(path, {"amount": 600}, key=key)
    assert again.status_code == 200
    assert again.json()["captured_amount"] == 600


@pytest.mark.parametrize("at", [BEFORE_GATEWAY, AFTER_GATEWAY])
def test_connection_cut_around_the_gateways_call_is_finished_by_the_retry(
    cut_api: Api, at: str
) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": cut_api.card()}
    key = new_key()
    headers = {"Idempotency-Key": key, "Cut-At": at}

    response = cut_api.http.post("/v1/transactions", json=body, headers=headers)

    # Never "try again": the gateway may have charged.
    assert (response.status_code, response.json()["status"]) == (201, "pending")
    (transaction,) = Transaction.objects.filter(payment_method_token=body["payment_method"])
    assert (str(transaction.pk), transaction.status) == (response.json()["id"], "pending")
    cut_api.error(cut_api.post("/v1/transactions", body, key=key), 409, "idempotency_key_in_use")
    IdempotencyKey.objects.filter(key=key).update(locked_until=Now())
    late = cut_api.post("/v1/transactions", body, key=key)
    charge = SimulatorCharge.objects.get(reference=transaction.pk)
    if at == BEFORE_GATEWAY:
        cut_api.error(late, 503, "gateway_unavailable")
        assert charge.status == "voided"
    else:
        assert late.json()["id"] == str(transaction.pk)
        assert late.json()["status"] == "succeeded"
        assert (charge.status, charge.captured_amount) == ("captured", 1000)
    fold_balances()
    assert audit_books() == []


@pytest.mark.parametrize("act", ["capture", "cancel", "refund"])
def test_connection_cut_after_an_acts_call_is_finished_by_the_retry(cut_api: Api, act: str) -> None:
    payment = cut_api.paid(amount=1000, capture=act == "refund")["id"]
    path, body = f"/v1/transactions/{payment}/{act}", {}
    if act == "refund":
        path, body = "/v1/refunds", {"transaction": payment, "amount": 400}
    key = new_key()
    headers = {"Idempotency-Key": key, "Cut-At": AFTER_GATEWAY}

    response = cut_api.http.post(path, json=body, headers=headers)

    told = (201, "pending") if act == "refund" else (200, "authorized")
    assert (response.status_code, response.json()["status"]) == told
    cut_api.error(cut_api.post(path, body, key=key), 409, "idempotency_key_in_use")
    IdempotencyKey.objects.filter(key=key).update(locked_until=Now())
    late = cut_api.post(path, body, key=key)
    assert late.json()["id"] == response.json()["id"]
    assert late.json()["status"] == ("cancelled" if act == "cancel" else "succeeded")
    fold_balances()
    assert audit_books() == []


@pytest.mark.slow
def test_postgresql_away_is_a_503_and_its_return_is_noticed(
    merchant: MadeMerchant, django_db_setup: None
) -> None:
    database = settings.DATABASES["default"]
    door = Door((database["HOST"], int(database["PORT"])))
    door.open()
    url = (
        f"postgres://{database['USER']}:{database['PASSWORD']}@127.0.0.1:{door.port}/"
        + database["NAME"].rpartition("_test_")[0]
    )
    with (
        start_server(DATABASE_URL=url) as running,
        client_of(running, merchant, "test") as api,
    ):
        body = {"amount": 1000, "currency": "USD", "payment_method": api.card()}
        assert api.post("/v1/transactions", body).status_code == 201

        door.shut()
        refused = api.post("/v1/transactions", body, key="away")
        ready = httpx.get(f"{running.url}/readyz", timeout=30)
        alive = httpx.get(f"{running.url}/healthz")
        door.open()

        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert alive.status_code == 200
        wait_until(
            lambda: httpx.get(f"{running.url}/readyz", timeout=30).status_code == 200,
            "the server is ready again",
        )
        assert api.post("/v1/transactions", body, key="away").status_code == 201
        assert api.balance()["pending"] == 2 * 941
        door.shut()


def test_database_that_hangs_up_in_a_thread_of_ours_is_noticed(merchant: MadeMerchant) -> None:
    """The same in a worker's or a command's process: its next statement finds a live connection."""
    from django.db import connection

    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    connection.close()
    with connect(APPLICATION, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    assert Transaction.objects.filter(merchant_id=merchant.id).count() == 0
    assert connection.connection.info.backend_pid != pid
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.connection.execute("SELECT 1 FROM no_such_table")
