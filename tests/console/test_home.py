"""The figures on the home page."""

from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.selectors import read_today
from merchants.services.create_merchant import create_merchant
from payments_project.actor import SYSTEM
from payments_project.console import home
from tests.api_client import Api
from tests.console.conftest import Business
from tests.gateway_messages import deliver_gateway_messages
from transactions.admin import home as payments_home
from transactions.models import Transaction


def figures_around(transaction: str) -> tuple[int, int, int]:
    """Succeeded, amount captured and count of the test payments on the day of ``transaction``."""
    created = Transaction.objects.get(pk=transaction).created_at.astimezone(UTC)
    slices, is_all = read_today(environment="test", now=created)
    assert is_all
    return (
        sum(part.succeeded for part in slices),
        sum(part.captured for part in slices),
        sum(part.count for part in slices),
    )


def test_a_payment_that_waits_for_its_confirmation_is_no_success_yet(api: Api) -> None:
    first = api.paid(amount=700)["id"]
    succeeded, captured, count = figures_around(first)

    waiting = api.pay("4000000000006033", amount=900).json()

    assert waiting["status"] == "captured"
    assert figures_around(first) == (succeeded, captured, count + 1)

    api.paid(amount=800)

    assert figures_around(first) == (succeeded + 1, captured + 800, count + 2)


def questions_of(client: Client, environment: str) -> list[str]:
    address = f"/admin/?environment={environment}"
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return [one["sql"] for one in captured]


def test_the_home_page_asks_few_questions_with_every_queue_filled(
    superuser: Client, business: Business, live_api: Api, monkeypatch: Any
) -> None:
    create_merchant(actor=SYSTEM, business_name="Waiting", email=f"{uuid4()}@example.org")
    # One whose gateway does not answer, as if it had been asked minutes ago.
    assert live_api.pay("4000000000006009", amount=900).json()["status"] == "pending"
    monkeypatch.setattr(payments_home, "IN_DOUBT_AFTER", timedelta(0))
    asked = questions_of(superuser, "live")
    assert len(asked) <= 15, "\n".join(asked)
    # Numbers of all queues are one question, names of all rows another.
    assert sum("SELECT (SELECT count(*)" in one for one in asked) == 1
    assert sum("business_name" in one and "IN (" in one for one in asked) == 1
    text = superuser.get("/admin/?environment=live").content.decode()
    for words in (
        "Payments in doubt, oldest first",
        "Merchants to approve",
        "Disputes by deadline",
    ):
        assert words in text


def test_queues_are_counted_up_to_a_limit(superuser: Client, api: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr(home, "COUNT_MAX", 1)
    for _ in range(3):
        api.paid("4000000000000259", amount=700)
    deliver_gateway_messages()
    page = superuser.get("/admin/?environment=test")
    (tile,) = (one for one in page.context["queue_tiles"] if one.label == "Open disputes")
    assert tile.value == "1+"
