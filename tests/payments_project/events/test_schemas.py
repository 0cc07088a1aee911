"""Schemas of events: what is published is what the catalogue says, and what is really written."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from jsonschema import Draft202012Validator

from disputes.models import Dispute
from disputes.services.remind_of_disputes import remind_of_disputes
from merchants.services import create_customer
from merchants.services.change_status import change_merchant_status
from merchants.services.update_merchant import update_merchant
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.catalogue import (
    EventType,
    event_type,
    event_types,
    event_versions,
    register_event_types,
)
from payments_project.events.models import Event
from payments_project.events.schemas import FOLDER, event_schema, file_name, schema_text
from tests.api_client import VISA, Api
from tests.gateway_messages import deliver_gateway_messages, told
from tests.merchants.making import MadeMerchant, make_merchant
from tests.payments_project.event_making import (
    CARD,
    NOTE,
    RECORD,
    TYPES,
    Undone,
    close,
    disputed,
    taken,
)
from tests.payments_project.events.holding import faults_in, faults_of
from tests.payouts.making import give, let_bank_work, make_account, pay_out
from transactions import states as transaction_states
from transactions.event_types import TransactionSnapshot
from transactions.services.review import decide_review, open_review
from vault.services.tell_of_expiring_cards import tell_of_expiring_cards

ROOT = Path(__file__).resolve().parents[3]
NAMED = {f"{kind}.{act}" for kind, acts in TYPES.items() for act in acts.split()}


# What is published


def test_the_catalogue_has_the_types_that_the_contract_names_and_no_other() -> None:
    names = [item.name for item in event_types()]

    assert names == sorted(NAMED)


@pytest.mark.parametrize("item", event_versions(), ids=file_name)
def test_every_file_is_what_the_catalogue_says(item: EventType) -> None:
    text = (ROOT / FOLDER / file_name(item)).read_text()

    assert text == schema_text(item)
    assert text.endswith("}\n")
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{item.name}.v{item.version}.json"
    assert (schema["title"], schema["x-event-type"], schema["x-schema-version"]) == (
        item.name,
        item.name,
        item.version,
    )
    # A sentence for people.
    assert schema["description"].endswith(".")
    assert schema["description"][0].isupper()


def test_no_file_is_of_a_type_that_is_not_there() -> None:
    files = {path.name for path in (ROOT / FOLDER).glob("*.json")}

    assert files == {file_name(item) for item in event_versions()}


def test_readers_may_meet_fields_that_the_schema_does_not_name() -> None:
    for item in event_versions():
        assert "additionalProperties" not in json.dumps(event_schema(item)), item.name


def test_closed_form_names_every_field_at_every_depth() -> None:
    for item in event_versions():
        objects = list(_objects(event_schema(item, is_closed=True)))
        assert len(objects) >= 2
        assert all(schema["additionalProperties"] is False for schema in objects), item.name


def test_schema_of_a_transaction_says_what_it_holds() -> None:
    schema = event_schema(event_type("transaction.updated"))
    held = schema["properties"]["object"]["properties"]

    assert schema["required"] == ["object"]
    assert held["id"] == {"type": "string", "format": "uuid"}
    assert held["object"] == {"type": "string", "const": "transaction"}
    assert held["status"] == {"type": "string", "enum": list(transaction_states.STATES)}
    assert held["captured_amount"]["type"] == ["integer", "null"]
    assert held["failure"]["type"] == ["object", "null"]
    assert held["risk"]["properties"]["level"]["enum"] == ["low", "medium", "high", None]
    assert set(schema["properties"]["object"]["required"]) == set(held)
    previous = schema["properties"]["previous_attributes"]
    assert previous["properties"] == {"compliance_status": held["compliance_status"]}


def _objects(schema: dict[str, Any]) -> Any:
    if "properties" in schema:
        yield schema
    for inner in schema.get("properties", {}).values():
        yield from _objects(inner)


# The catalogue


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({"name": "transaction"}, "no object\\.verb"),
        ({"version": 0}, "no object\\.verb"),
        ({"name": "refund.created"}, "not the refund's model"),
        ({"previous": ("status", "colour")}, "has no colour"),
    ],
)
def test_type_that_contradicts_itself_is_refused(details: dict[str, Any], told: str) -> None:
    given = {"name": "transaction.made", "version": 1, "object": TransactionSnapshot, **details}

    with pytest.raises(ValueError, match=told):
        EventType(description="A payment was made.", **given)


def test_version_is_registered_once() -> None:
    with pytest.raises(ValueError, match=r"refund\.created\.v1 is registered twice"):
        register_event_types(event_type("refund.created"))


def test_unknown_type_is_not_in_the_catalogue() -> None:
    with pytest.raises(KeyError, match=r"refund\.lost"):
        event_type("refund.lost")


# What is written


def test_every_event_that_is_written_is_as_its_schema_says(api: Api, live_api: Api) -> None:
    """All acts that tell something, over HTTP and by services; then every row of the merchant's."""
    _change_account(api)
    _change_customers_and_cards(api)
    _pay(api)
    _pay(live_api)
    _refund(api)
    _dispute(api)
    _pay_out(api)
    _manage_webhooks(api)

    merchants = [api.scope.merchant_id, _apply()]
    events = list(Event.objects.filter(merchant_id__in=merchants))
    assert {event.type for event in events} == NAMED
    assert faults_in(events) == set()
    # Each field that may be told as it was before, was.
    before = {(e.type, name) for e in events for name in e.payload.get("previous_attributes", {})}
    may = {(item.name, name) for item in event_types() for name in item.previous}
    assert may <= before


def _manage_webhooks(api: Api) -> None:
    made = taken(api, "webhook_endpoints", {"url": "https://shop.example/hooks"})
    place = f"webhook_endpoints/{made['id']}"
    taken(api, f"{place}/test")
    for change in (
        {"enabled_events": ["refund.*"]},
        {"status": "disabled"},
        {"status": "enabled"},
    ):
        assert api.patch(f"/v1/{place}", change).status_code == 200
    taken(api, f"{place}/rotate_secret")


def _apply() -> UUID:
    """An account whose currency is changed, as it can be before it is active."""
    merchant = make_merchant(status="pending").id
    changes = {"settlement_currency": "EUR"}
    run_in_transaction(lambda: update_merchant(merchant_id=merchant, changes=changes, actor=SYSTEM))
    return merchant


def _change_account(api: Api) -> None:
    merchant = api.scope.merchant_id

    def change() -> None:
        for status in ("suspended", "active"):
            change_merchant_status(merchant_id=merchant, status=status, actor=SYSTEM)
        changes = {"business_name": "Shop", "settlement_delay_days": 3, "tax_id": "7"}
        update_merchant(merchant_id=merchant, changes=changes, actor=SYSTEM)

    run_in_transaction(change)
    expiring = {
        "name": "till",
        "type": "secret",
        "permissions": ["balance:read"],
        "expires_at": (datetime.now(UTC) + timedelta(days=9)).isoformat(),
    }
    key = taken(api, "api_keys", expiring)["id"]
    taken(api, f"api_keys/{key}/rotate", {"overlap_seconds": 60})
    taken(api, f"api_keys/{key}/revoke")
    taken(api, "api_keys", {"name": "page", "type": "publishable", "permissions": []})


def _change_customers_and_cards(api: Api) -> None:
    customer = taken(api, "customers", {"name": "Ada", "external_customer_id": "7"})["id"]
    api.patch(f"/v1/customers/{customer}", {"name": "Ada King"})
    token = api.card()
    taken(api, f"payment_methods/{token}/attach", {"customer": customer})
    for month in (11, 12):
        card = {"number": VISA, "exp_month": month, "exp_year": 2035}
        taken(api, "payment_methods", {"type": "card", "card": card, "customer": customer})
        tell_of_expiring_cards(today=date(2035, month, 28))
        taken(api, f"payment_methods/{token}/detach")
    api.pay(customer=customer)
    taken(api, "payment_methods", {**CARD, "customer": customer})
    # Detaches the card as well.
    assert api.delete(f"/v1/customers/{customer}").status_code == 200


def _pay(api: Api) -> None:
    for number in (
        VISA,
        "4000000000000002",
        "4100000000000019",
        "4000000000004954",
        "4000000000006009",
        "4000000000006025",
        "4000000000006033",
    ):
        api.pay(number)
    captured, voided = (api.paid(capture=False)["id"] for _ in range(2))
    taken(api, f"transactions/{captured}/capture", {"amount": 600})
    taken(api, f"transactions/{voided}/cancel")
    api.patch(f"/v1/transactions/{captured}", NOTE)
    for status in (transaction_states.CLEARED, transaction_states.REJECTED):
        run_in_transaction(lambda status=status: _review(captured, status))  # type: ignore[misc]
    deliver_gateway_messages()


def _review(transaction: Any, status: str) -> None:
    review = open_review(transaction_id=transaction, reason="tests", actor=SYSTEM)
    decide_review(review_id=review.pk, status=status, reason="tests", actor=SYSTEM)


def _refund(api: Api) -> None:
    for number in (VISA, "4000000000007726", "4000000000005126"):
        payment = api.paid(number)["id"]
        taken(api, "refunds", {"transaction": payment})
    pending = taken(api, "refunds", {"transaction": api.paid("4000000000007726")["id"]})["id"]
    assert taken(api, f"refunds/{pending}/cancel")["status"] == "cancelled"
    taken(api, "transactions/record", {**RECORD, "fee_amount": 9})
    back = {"amount": 1000, "reason": "broken"}
    taken(api, "transactions/record", {**RECORD, "external_reference": "8", "refund": back})
    deliver_gateway_messages()


def _dispute(api: Api) -> None:
    for outcome in ("winning_evidence", "losing_evidence"):
        _, dispute = disputed(api, "4000000000000259")
        day = datetime.now(UTC).date() + timedelta(days=3)
        Dispute.objects.filter(pk=dispute).update(due_date=day)
        remind_of_disputes()
        taken(api, f"disputes/{dispute}", {"evidence": {"customer_name": "Ada"}, "submit": False})
        evidence = {"uncategorized_text": outcome}
        taken(api, f"disputes/{dispute}", {"evidence": evidence, "submit": True})
        deliver_gateway_messages()
    _, inquiry = disputed(api, "4000000000001976")
    evidence = {"uncategorized_text": "escalate_inquiry_evidence"}
    taken(api, f"disputes/{inquiry}", {"evidence": evidence, "submit": True})
    deliver_gateway_messages()
    _, inquiry = disputed(api, "4000000000001976")
    name = Dispute.objects.get(pk=inquiry).gateway_dispute_id
    day = datetime.now(UTC).date() + timedelta(days=20)
    told("dispute.updated", dispute=name, due_date=day.isoformat(), reason="other")
    close(inquiry, "warning_closed")


def _pay_out(api: Api) -> None:
    give(api.scope, 1_000_000)
    give(api.scope, -1)
    make_account(api.scope)
    cancelled = pay_out(api, 500)["id"]
    taken(api, f"payouts/{cancelled}/cancel")
    for amount in (1000, 90002, 90003, 90004):
        pay_out(api, amount)
    let_bank_work()
    let_bank_work()


# Whatever is otherwise is found

PAYOUT = {
    "id": "01991d5c-6f0a-7c3e-9d5b-2f6a1c0e8b47",
    "object": "payout",
    "environment": "test",
    "amount": 1000,
    "currency": "EUR",
    "status": "paid",
    "failure_code": None,
    "paid_at": "2026-01-31T12:00:00.123456+00:00",
}


def _payout(**changes: Any) -> dict[str, Any]:
    return {"object": {**PAYOUT, **changes}, "previous_attributes": {"status": "pending"}}


def _payout_without(name: str) -> dict[str, Any]:
    return {"object": {key: value for key, value in PAYOUT.items() if key != name}}


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (_payout(colour="red"), "$.object: "),
        (_payout(id="7"), "$.object.id: "),
        (_payout(object="refund"), "$.object.object: "),
        (_payout(environment="prod"), "$.object.environment: "),
        (_payout(amount="1000"), "$.object.amount: "),
        (_payout(amount=1000.5), "$.object.amount: "),
        (_payout(amount=-1), "$.object.amount: "),
        (_payout(currency="eur"), "$.object.currency: "),
        (_payout(status="lost"), "$.object.status: "),
        (_payout(status=None), "$.object.status: "),
        (_payout(paid_at="2026-01-31"), "$.object.paid_at: "),
        (_payout_without("failure_code"), "$.object: "),
        ({**_payout(), "request": None}, "$: "),
        ({**_payout(), "previous_attributes": {"amount": 1}}, "$.previous_attributes: "),
        ({**_payout(), "previous_attributes": {"status": 1}}, "$.previous_attributes.status: "),
        ({}, "$: "),
    ],
)
def test_whatever_is_not_as_the_schema_says_is_found(data: dict[str, Any], place: str) -> None:
    assert faults_of("payout.paid", _payout()) == []
    (fault, *_) = faults_of("payout.paid", data)
    assert fault.startswith(f"payout.paid {place}")


def test_fault_of_a_written_event_is_found(
    merchant: MadeMerchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same check, on a snapshot that tells more than its model says; and nothing is kept."""
    honest = create_customer.customer_snapshot
    monkeypatch.setattr(
        create_customer, "customer_snapshot", lambda row: {**honest(row), "mood": "good"}
    )

    def write_and_undo() -> None:
        with transaction.atomic():
            made = create_customer.create_customer(scope=merchant.scope(), actor=SYSTEM)
            assert faults_in(Event.objects.filter(aggregateid=str(made.pk))) == {
                "customer.created $.object: Additional properties are not allowed"
                " ('mood' was unexpected)"
            }
            raise Undone

    with pytest.raises(Undone):
        write_and_undo()
