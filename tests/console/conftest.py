"""Staff with browsers, and one merchant's business for them to look at.

The business is made once a session through the merchant API, so that every list has rows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client

from analytics.demo.history import write_history
from analytics.models import DailyTransactionSummary, SearchIndex
from disputes.models import Dispute
from merchants.models import Customer
from merchants.services.create_customer import create_customer
from merchants.terms import get_terms
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.dead_letters import set_aside
from payments_project.jobs.record import record_end
from payments_project.staff.models import StaffUser
from tests.api_client import Api
from tests.console.acting import do
from tests.console.signing_in import signed_in, staff
from tests.disputes.disputing import uploaded
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import MadeMerchant, client_of, make_merchant
from tests.merchants.webhooks.sending import events_after, make_endpoint
from tests.payouts.making import (
    export,
    give,
    let_bank_work,
    make_account,
    pay_out,
    pay_out_by_file,
)
from tests.server import Server
from transactions.balances import fold_balances
from transactions.services.settle import settle_due
from vault.models import PaymentMethod


@dataclass(frozen=True)
class Business:
    """A merchant with payments of every kind; ``paid`` is refunded in part."""

    merchant: MadeMerchant
    customer: str
    email: str
    paid: dict[str, Any]
    declined: dict[str, Any]
    disputed: str


def _staff_user(**details: Any) -> StaffUser:
    user = StaffUser.objects.create_user(
        username=uuid4().hex, password=uuid4().hex, is_staff=True, **details
    )
    # The database gives the id.
    return StaffUser.objects.get(username=user.username)


def _browser_of(user: StaffUser) -> Client:
    return signed_in(user)


@pytest.fixture(autouse=True)
def retired_index() -> SearchIndex:
    """A search index that was replaced. For each test: tests of search delete all that there are."""
    at = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
    index, _ = SearchIndex.objects.get_or_create(
        name="console-transactions-20261001-093000-000000",
        defaults={
            "state": SearchIndex.RETIRED,
            "copied_count": 1_234,
            "expected_count": 1_200,
            "live_at": at,
            "retired_at": at + timedelta(days=30),
        },
    )
    return index


@pytest.fixture
def superuser() -> Client:
    """A superuser's browser."""
    return _browser_of(_staff_user(is_superuser=True))


@pytest.fixture
def staff_with() -> Callable[..., Client]:
    """The browser of somebody with exactly the named rights (``app.codename``)."""

    def make(*names: str) -> Client:
        user = _staff_user()
        for name in names:
            app, _, codename = name.partition(".")
            permission = Permission.objects.get(content_type__app_label=app, codename=codename)
            user.user_permissions.add(permission)
        return _browser_of(user)

    return make


@pytest.fixture
def second_factor_required(settings: Any) -> None:
    """Nobody reaches the console without a second factor."""
    settings.STAFF_SECOND_FACTOR = "required"


@pytest.fixture
def second_factor_optional(settings: Any) -> None:
    """Those alone are asked for one who have enrolled."""
    settings.STAFF_SECOND_FACTOR = "optional"


@pytest.fixture
def user() -> StaffUser:
    """A superuser whose password is ``signing_in.PASSWORD``."""
    return staff()


@pytest.fixture(scope="session")
def business(server: Server, django_db_blocker: Any) -> Iterator[Business]:
    """Payments by API, and sixty days of history beside them."""
    with django_db_blocker.unblock():
        merchant = make_merchant()
        with client_of(server, merchant, "live") as api:
            yield _do_business(api, merchant)


def _ask_colleagues(staff: Client, api: Api) -> None:
    """A review, a refund that waits for a second person, and a limit that no other test uses."""
    large = api.paid(amount=500_000)["id"]
    do(staff, "transactions.transaction", large, "refund", amount="5000", cause="other")
    do(staff, "transactions.transaction", large, "review")
    limit = {"action": "refund", "currency": "BHD", "amount": "1000"}
    assert staff.post("/admin/payments_project/approvallimit/add/", limit).status_code == 302


def _pay_out(api: Api) -> None:
    """A payout by call and one in a file for the bank, of money that an adjustment gave."""
    make_account(api.scope, "EUR")
    # More than the history's refunds have taken.
    give(api.scope, 1_000_000, "EUR")
    pay_out(api, 2_000, "EUR")
    pay_out_by_file(api.scope, 1_000)
    export()
    let_bank_work()


def _webhooks(api: Api) -> None:
    """An endpoint with a test event on its way, and an event that a consumer could not handle."""
    endpoint = make_endpoint(api, "https://shop.example/hooks")
    assert api.post(f"/v1/webhook_endpoints/{endpoint['id']}/test").status_code < 300
    event = events_after(api.scope.merchant_id)[-1]
    set_aside(consumer="webhooks", event=event, cause="KeyError in hooks.handle, line 7")


def _do_business(api: Api, merchant: MadeMerchant) -> Business:
    email = f"{uuid4()}@example.org"
    personal = {"name": "Ada Byron", "phone": "+1 555 0100", "address": {"city": "Portland"}}
    created = api.post("/v1/customers", {"email": email, **personal})
    assert created.status_code == 201, created.text
    customer = created.json()["id"]
    token = api.card(customer=customer)
    response = api.post(
        "/v1/transactions",
        {"amount": 4200, "currency": "USD", "payment_method": token, "customer": customer},
        key=str(uuid4()),
    )
    assert response.status_code == 201, response.text
    paid = response.json()
    refund = api.post("/v1/refunds", {"transaction": paid["id"], "amount": 1200})
    assert refund.status_code == 201, refund.text
    authorized = api.paid(amount=900, capture=False)
    captured = api.post(f"/v1/transactions/{authorized['id']}/capture")
    assert captured.status_code == 200, captured.text
    declined = api.pay("4000000000009995", amount=990).json()["error"]["transaction"]
    scope = merchant.scope("live")
    buyer = run_in_transaction(lambda: create_customer(scope=scope, actor=SYSTEM))
    method = PaymentMethod.objects.get(pk=token)
    run_in_transaction(
        lambda: write_history(
            scope=scope,
            terms=get_terms(merchant.id),
            payers=[(Customer.objects.get(pk=buyer.pk), method)],
            payments=120,
            seed=7,
        )
    )
    settle_due()
    _pay_out(api)
    fold_balances()
    # Disputes that the gateway tells by a callback; one is answered with a file.
    api.paid("4000000000000259", amount=700)
    deliver_gateway_messages()
    answered = api.paid("4000000000002685", amount=800)
    deliver_gateway_messages()
    (dispute,) = api.get("/v1/disputes", transaction=answered["id"]).json()["data"]
    evidence = {"receipt": uploaded(api), "customer_name": "Bea Byron"}
    api.post(f"/v1/disputes/{dispute['id']}", {"evidence": evidence, "submit": True})
    DailyTransactionSummary.objects.create(
        merchant_id=merchant.id,
        environment="live",
        summary_date=date(2026, 1, 31),
        currency="USD",
        transaction_count=4,
        successful_count=3,
    )
    Group.objects.create(name=str(uuid4()))
    record_end(task="transactions.fold_balances", outcome="succeeded", seconds=0.01)
    _webhooks(api)
    staff = _browser_of(_staff_user(is_superuser=True))
    do(staff, "merchants.customer", customer, "reveal")
    _ask_colleagues(staff, api)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE transactions")
    (disputed,) = Dispute.objects.filter(merchant_id=merchant.id, amount=700).values_list(
        "pk", flat=True
    )
    return Business(merchant, customer, email, paid, declined, str(disputed))
