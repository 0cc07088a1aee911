"""The limits that PostgreSQL keeps for the application, whoever connects and however."""

import time

import pytest
from django.db import OperationalError, connection

from payments_project.database.transaction_manager import run_in_transaction, sqlstate
from tests.api_client import Api, new_key
from tests.schema.rows import APPLICATION, OWNER, connect, one
from transactions.models import GatewayOperation

LIMITS = {
    "lock_timeout": "5s",
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "15s",
    "transaction_timeout": "1min",
    "TimeZone": "UTC",
}


def show(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize(("name", "value"), LIMITS.items())
def test_limit_holds_on_every_connection_of_the_application(name: str, value: str) -> None:
    # A connection of the product's pool, and one that no code of ours has touched.
    with connect(APPLICATION) as bare:
        assert (show(name), one(bare, f"SHOW {name}")) == (value, value)
        source = one(bare, "SELECT source FROM pg_settings WHERE name = %s", [name])
    assert source == "user"


def test_limit_that_is_raised_for_one_transaction_is_back_after_it() -> None:
    def work() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '1s'")
        return show("lock_timeout")

    assert run_in_transaction(work) == "1s"
    assert show("lock_timeout") == "5s"


def test_lock_that_is_not_given_back_is_a_503_after_five_seconds_and_changes_nothing(
    api: Api,
) -> None:
    transaction = api.paid(amount=1000, capture=False)
    path = f"/v1/transactions/{transaction['id']}/capture"
    key = new_key()
    with connect(OWNER) as holder:
        holder.execute("SELECT 1 FROM transactions WHERE id = %s FOR UPDATE", [transaction["id"]])
        began = time.monotonic()
        response = api.post(path, {"amount": 600}, key=key)
        seconds = time.monotonic() - began
        # Neither the other payments nor the reading of this one wait.
        assert api.pay(amount=1000).status_code == 201
        assert api.transaction(transaction["id"]) == transaction

    assert response.status_code == 503, response.text
    assert response.headers["Retry-After"] == "1"
    assert response.json()["error"]["message"] == "The service is busy; try again."
    assert 5 <= seconds < 9
    assert not GatewayOperation.objects.filter(transaction_id=transaction["id"]).exists()
    # What was refused left no key behind: the same call does the work.
    again = api.post(path, {"amount": 600}, key=key)
    assert (again.status_code, again.json()["captured_amount"]) == (200, 600)


def test_statement_that_takes_too_long_is_ended_by_the_server() -> None:
    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '50ms'")
            cursor.execute("SELECT pg_sleep(60)")

    began = time.monotonic()
    with pytest.raises(OperationalError, match="statement timeout") as ended:
        run_in_transaction(work)

    assert sqlstate(ended.value) == "57014"
    assert time.monotonic() - began < 5
    assert show("statement_timeout") == "15s"
