"""A change and its event are committed together or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from psycopg import sql

from merchants.models import Customer
from merchants.services.create_customer import create_customer
from merchants.services.update_customer import update_customer
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.models import Event
from payments_project.events.record import record_event
from payments_project.models import IdempotencyKey
from tests.api_client import Api, new_key
from tests.merchants.making import MadeMerchant
from tests.payments_project.event_making import (
    CARD,
    NOTE,
    RECORD,
    Undone,
    close,
    disputed,
    events_of,
    taken,
    told,
)
from tests.schema.rows import (
    OWNER,
    connect,
)
from transactions.balances import fold_balances
from transactions.models import LedgerEntry
from transactions.services.settle import settle_merchant

# In the transaction of the change


def test_money_moves_in_the_transaction_that_tells_it(api: Api) -> None:
    """The balance is its ledger entries: each is written with the event that tells its cause."""
    payment, dispute = disputed(api, "4000000000000259")
    close(dispute, "won")
    refund = taken(api, "refunds", {"transaction": payment})["id"]

    def moved_with(identity: str, kind: str) -> set[str]:
        (event,) = (event for event in events_of(identity) if event.type == kind)
        return {entry.type for entry in entries if entry.xid == event.xid}

    entries = list(LedgerEntry.objects.filter(transaction_id=payment))
    paid = events_of(payment)[1]
    assert paid.type == "transaction.succeeded"
    assert {entry.type for entry in entries if entry.xid == paid.xid} == {"payment", "fee"}
    assert moved_with(dispute, "dispute.funds_withdrawn") == {"dispute_hold"}
    assert moved_with(dispute, "dispute.funds_reinstated") == {"dispute_release"}
    assert moved_with(refund, "refund.succeeded") == {"refund"}
    assert moved_with(refund, "refund.created") == set()
    xids = {event.xid for event in Event.objects.filter(merchant_id=api.scope.merchant_id)}
    assert {entry.xid for entry in entries} <= xids


def test_settlement_moves_money_and_tells_nothing(api: Api) -> None:
    """No event type stands for it: ``balance/entries`` tells when money becomes available."""
    api.paid(amount=1000)
    before = Event.objects.filter(merchant_id=api.scope.merchant_id).count()
    fold_balances()
    day = datetime.now(UTC).date() + timedelta(days=2)
    assert settle_merchant(scope=api.scope, currency="USD", today=day) == 1

    assert api.balance() == {"pending": 0, "available": 941, "reserved": 0}
    assert Event.objects.filter(merchant_id=api.scope.merchant_id).count() == before


@contextmanager
def refusing(api: Api, kind: str) -> Iterator[None]:
    """While it lasts, the log takes no event of that type from the merchant."""
    name = f"refuse_{uuid4().hex}"
    with connect(OWNER, autocommit=True) as owner:
        owner.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
            " AS $$ BEGIN RAISE EXCEPTION 'the log is full'; END $$"
        )
        owner.execute(
            sql.SQL(
                "CREATE TRIGGER {name} BEFORE INSERT ON events FOR EACH ROW"
                " WHEN (NEW.merchant_id = {merchant} AND NEW.type = {kind})"
                " EXECUTE FUNCTION {name}()"
            ).format(
                name=sql.Identifier(name),
                merchant=sql.Literal(str(api.scope.merchant_id)),
                kind=sql.Literal(kind),
            )
        )
        try:
            yield
        finally:
            owner.execute(f"DROP TRIGGER {name} ON events")
            owner.execute(f"DROP FUNCTION {name}()")


def test_change_that_cannot_be_told_is_not_made(api: Api) -> None:
    customer = taken(api, "customers", {"name": "Ada"})
    key = taken(api, "api_keys", {"name": "n", "type": "secret", "permissions": ["balance:read"]})
    token = api.card()
    payment = api.paid()
    customer_path, key_path = f"/v1/customers/{customer['id']}", f"/v1/api_keys/{key['id']}"
    acts: list[tuple[str, Callable[[], Any]]] = [
        ("customer.created", lambda: api.post("/v1/customers", {})),
        ("customer.updated", lambda: api.patch(customer_path, {"name": "Eve"})),
        ("customer.deleted", lambda: api.delete(customer_path)),
        ("api_key.created", lambda: api.post(f"{key_path}/rotate")),
        ("api_key.rotated", lambda: api.post(f"{key_path}/rotate")),
        ("api_key.revoked", lambda: api.post(f"{key_path}/revoke")),
        ("payment_method.created", lambda: api.post("/v1/payment_methods", CARD)),
        ("payment_method.detached", lambda: api.post(f"/v1/payment_methods/{token}/detach")),
        ("transaction.updated", lambda: api.patch(f"/v1/transactions/{payment['id']}", NOTE)),
        ("refund.created", lambda: api.post("/v1/refunds", {"transaction": payment["id"]})),
        ("transaction.created", lambda: api.post("/v1/transactions/record", RECORD)),
        ("transaction.succeeded", lambda: api.post("/v1/transactions/record", RECORD)),
    ]
    lists = ("customers", "api_keys", "payment_methods", "transactions", "refunds")
    entries = LedgerEntry.objects.filter(merchant_id=api.scope.merchant_id)

    def everything() -> list[Any]:
        return [
            *(api.get(f"/v1/{name}", limit=100).json()["data"] for name in lists),
            api.balance(),
            entries.count(),
            Event.objects.filter(merchant_id=api.scope.merchant_id).count(),
        ]

    before = everything()
    for kind, act in acts:
        with refusing(api, kind):
            api.error(act(), 500, "internal_error")
        assert everything() == before, kind


def test_payment_that_cannot_be_told_is_not_begun(api: Api) -> None:
    key = new_key()
    with refusing(api, "transaction.created"):
        api.error(api.pay(key=key), 500, "internal_error")

    assert api.get("/v1/transactions").json()["data"] == []
    assert not IdempotencyKey.objects.filter(key=key).exists()


def test_outcome_that_cannot_be_told_is_left_to_be_found_out(api: Api) -> None:
    key = new_key()
    with refusing(api, "transaction.succeeded"):
        response = api.pay(key=key)

    assert (response.status_code, response.json()["status"]) == (201, "pending")
    (payment,) = api.get("/v1/transactions").json()["data"]
    assert payment["status"] == "pending"
    assert not LedgerEntry.objects.filter(transaction_id=payment["id"]).exists()
    assert IdempotencyKey.objects.get(key=key).recovery_point == "started"
    assert told(payment["id"]) == ["transaction.created"]


def test_rolled_back_change_leaves_no_event_and_no_gap(merchant: MadeMerchant) -> None:
    scope = merchant.scope()
    customer = run_in_transaction(lambda: create_customer(scope=scope, actor=SYSTEM))

    def change(email: str, *, number: int) -> None:
        changed = update_customer(
            scope=scope, customer_id=customer.pk, changes={"email": email}, actor=SYSTEM
        )
        assert changed.event_sequence == number

    def change_in_vain(*, number: int) -> None:
        with transaction.atomic():
            change("undone@shop.test", number=number)
            raise Undone

    for _ in range(3):
        with pytest.raises(Undone):
            change_in_vain(number=2)
    with transaction.atomic():
        change("kept@shop.test", number=2)
        with pytest.raises(Undone):
            change_in_vain(number=3)
    run_in_transaction(lambda: change("last@shop.test", number=3))

    assert told(customer.pk) == ["customer.created", "customer.updated", "customer.updated"]
    assert Customer.objects.get(pk=customer.pk).event_sequence == 3


def test_event_outside_a_transaction_or_of_nothing_is_refused(merchant: MadeMerchant) -> None:
    customer = run_in_transaction(lambda: create_customer(scope=merchant.scope(), actor=SYSTEM))
    nobody = Customer(id=uuid4(), merchant_id=merchant.id, environment="test")

    with pytest.raises(RuntimeError, match="in the transaction of the change"):
        record_event(aggregate=customer, type="customer.updated", data={}, actor=SYSTEM)
    with pytest.raises(RuntimeError, match="not in the database"), transaction.atomic():
        record_event(aggregate=nobody, type="customer.updated", data={}, actor=SYSTEM)

    assert told(customer.pk) == ["customer.created"]
    assert told(nobody.pk) == []
