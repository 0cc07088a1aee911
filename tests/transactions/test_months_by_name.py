"""Payments whose month is not the one that this process's clock tells.

The product's view in this process, with another clock for the names of months.
"""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from payments_project.database import partitions
from tests.api_client import Api
from tests.payments_project.event_making import told
from transactions.models import LedgerEntry, Transaction


def _homes(payment: str) -> set[str]:
    """The partitions that hold the payment, its events and its ledger entries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM transactions WHERE id = %(id)s"
            " UNION SELECT tableoid::regclass::text FROM events WHERE aggregateid = %(id)s::text"
            " UNION SELECT tableoid::regclass::text FROM ledger_entries"
            " WHERE transaction_id = %(id)s",
            {"id": payment},
        )
        return {home for (home,) in cursor.fetchall()}


@pytest.mark.parametrize("days", [0, 40, -40, 4_000], ids=["this", "next", "last", "none made"])
def test_payment_lies_in_its_own_month_whatever_this_clock_says(
    api: Api, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    card = api.card()
    clock = time.time() + timedelta(days=days).total_seconds()
    monkeypatch.setattr(partitions.time, "time", lambda: clock)
    tried = partitions.into_this_month("INSERT INTO events (id)")

    response = Client().post(
        "/v1/transactions",
        {"amount": 1000, "currency": "USD", "payment_method": card},
        content_type="application/json",
        headers={"Authorization": f"Bearer {api.key}", "Idempotency-Key": f"months{days}"},
    )

    assert tried == f"INSERT INTO events_{datetime.fromtimestamp(clock, UTC):%Y_%m} (id)"
    assert response.status_code == 201, response.text
    payment = response.json()["id"]
    month = f"{Transaction.objects.get(pk=payment).created_at:%Y_%m}"
    assert _homes(payment) == {
        f"transactions_{month}",
        f"events_{month}",
        f"ledger_entries_{month}",
    }
    assert told(payment) == ["transaction.created", "transaction.succeeded"]
    assert LedgerEntry.objects.filter(transaction_id=payment).count() == 2
