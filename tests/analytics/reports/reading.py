"""Reports as their merchants read them, and rows of the tables that jobs fill."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import httpx

from analytics.models import DailyTransactionSummary
from payments_project.database.uuid7 import uuid7_floor
from payments_project.tenancy import Scope
from tests.api_client import Api
from tests.schema.rows import OWNER, connect, make_months


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


def backdate(api: Api, days: int, *, available_on: date | None = None) -> None:
    """Has what the merchant booked today happened some days ago; with ``available_on`` its pending
    money becomes available on that day. To be called before the entries are folded.

    Nobody but the tables' owner can. Entries keep their amounts and sources, so the books hold.
    """
    scope = api.scope
    with connect(OWNER) as owner:
        make_months(owner, "ledger_entries", days_ago(days))
        owner.execute(
            "UPDATE ledger_entries SET id = uuidv7(make_interval(days => %s)), available_on ="
            " CASE WHEN available_on IS NULL THEN NULL ELSE coalesce(%s, available_on) END"
            " WHERE merchant_id = %s AND environment = %s AND id >= %s",
            [-days, available_on, scope.merchant_id, scope.environment, ids_of_today()],
        )


def ids_of_today() -> UUID:
    """Where they begin."""
    return uuid7_floor(datetime.combine(today(), time.min, UTC))


def _name(keyword: str) -> str:
    """``from_`` is ``from``, which Python keeps for itself."""
    return keyword.rstrip("_")
