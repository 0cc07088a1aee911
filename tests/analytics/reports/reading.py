"""Reports as their merchants read them, and rows of the tables that jobs fill."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from analytics.models import DailyTransactionSummary
from payments_project.tenancy import Scope
from tests.api_client import Api
from tests.schema.rows import APPLICATION, connect, make_months


def today() -> date:
    return datetime.now(UTC).date()


def days_ago(days: int) -> str:
    return (today() - timedelta(days=days)).isoformat()


def report(api: Api, name: str, **query: Any) -> Any:
    """The answer in JSON."""
    response = api.get(f"/v1/reports/{name}", **{_name(key): query[key] for key in query})
    assert response.status_code == 200, response.text
    return response.json()


def rows(api: Api, name: str, **query: Any) -> list[dict[str, Any]]:
    """The rows of a report that is a list, a hundred at most."""
    answer = report(api, name, limit=100, **query)
    assert (answer["object"], answer["url"]) == ("list", f"/v1/reports/{name}")
    found: list[dict[str, Any]] = answer["data"]
    return found


def file_of(api: Api, name: str, **query: Any) -> httpx.Response:
    """The answer as CSV."""
    query = {_name(key): query[key] for key in query}
    response = api.get(f"/v1/reports/{name}", format="csv", **query)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    return response


def lines(api: Api, name: str, **query: Any) -> list[dict[str, str]]:
    """The file's lines by their headings."""
    return list(csv.DictReader(io.StringIO(file_of(api, name, **query).text, newline="")))


def summary(scope: Scope, day: date | str, currency: str = "USD", **counts: Any) -> str:
    """A day's summary, as the job writes it; its id."""
    made = DailyTransactionSummary.objects.create(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        summary_date=day,
        currency=currency,
        **counts,
    )
    return str(made.pk)


def entered(api: Api, days: int, amount: int, currency: str = "USD", **more: Any) -> None:
    """A ledger entry of some days ago: a payment that is available at once, unless told otherwise
    (``type``, ``debit``, ``credit``, ``available_on``)."""
    entry = {"type": "payment", "debit": "gateway", "credit": "available", "available_on": None}
    entry |= more
    with connect(APPLICATION) as database:
        make_months(database, "ledger_entries", days_ago(days))
        database.execute(
            "INSERT INTO ledger_entries (id, merchant_id, environment, currency, amount, type,"
            " debit_account, credit_account, available_on, source_id)"
            " VALUES (uuidv7(make_interval(days => %s)), %s, %s, %s, %s, %s, %s, %s, %s, uuidv7())",
            [
                -days,
                api.scope.merchant_id,
                api.scope.environment,
                currency,
                amount,
                entry["type"],
                entry["debit"],
                entry["credit"],
                entry["available_on"],
            ],
        )


def _name(keyword: str) -> str:
    """``from_`` is ``from``, which Python keeps for itself."""
    return keyword.rstrip("_")
