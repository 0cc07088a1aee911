"""Gateways' messages: believed by their signature alone, kept once, applied once, in any order."""

import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db.models.functions import Now

from disputes.models import Dispute, Refund
from disputes.services.finish_refund import finish_refund
from payments_project.actor import SYSTEM
from payments_project.idempotency.replies import NoReplies
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages, forget_contradictions
from tests.threads import at_once
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.simulator.callbacks import SIGNATURE_HEADER, sign
from transactions.models import (
    GatewayCallback,
    GatewayOperation,
    SimulatorCallback,
    SimulatorCharge,
    SimulatorRefund,
    Transaction,
)
from transactions.services.callbacks import apply_callbacks

PATH = "/v1/gateways/simulator/webhook"


def message(kind: str, **data: Any) -> dict[str, Any]:
    return {"id": f"test_{uuid4().hex}", "type": kind, "data": data}


def send(api: Api, content: Any, **headers: str) -> httpx.Response:
    """Sends a message as the simulator would; without the merchant's key, as a gateway has none."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return httpx.post(
        f"{api.http.base_url}{PATH}",
        content=body,
        headers={"Content-Type": "application/json", SIGNATURE_HEADER: sign(body), **headers},
        timeout=30,
    )


def kept(message_id: str) -> GatewayCallback | None:
    return GatewayCallback.objects.filter(message_id=message_id).first()


def confirmed_later(api: Api) -> str:
    """A captured payment whose confirmation the simulator will never send by itself."""
    transaction: str = api.paid("4000000000006033", amount=1000)["id"]
    SimulatorCallback.objects.filter(message__data__charge=transaction).delete()
    return transaction


def apply_callbacks_put_off() -> None:
    """As when the time that messages were put off for is over."""
    GatewayCallback.objects.filter(processed_at__isnull=True).update(next_attempt_at=Now())
    apply_callbacks()


def test_message_is_kept_and_answered_before_it_is_applied(api: Api) -> None:
    transaction = confirmed_later(api)
    told = message("charge.succeeded", charge=transaction)

    response = send(api, told)

    assert response.status_code == 200
    assert response.json() == {"received": True, "duplicate": False}
    assert kept(told["id"]).processed_at is None
    assert api.transaction(transaction)["status"] == "captured"
    apply_callbacks()
    assert kept(told["id"]).outcome == "transaction is succeeded"
    assert api.transaction(transaction)["status"] == "succeeded"


def test_message_sent_again_is_a_duplicate_and_moves_nothing(api: Api) -> None:
    transaction = confirmed_later(api)
    told = message("charge.succeeded", charge=transaction)
    send(api, told)
    apply_callbacks()

    again = send(api, told)
    apply_callbacks()

    assert again.json() == {"received": True, "duplicate": True}
    assert GatewayCallback.objects.filter(message_id=told["id"]).count() == 1
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}


def test_same_news_under_another_id_moves_nothing_either(api: Api) -> None:
    transaction = confirmed_later(api)
    for _ in range(3):
        send(api, message("charge.succeeded", charge=transaction))

    apply_callbacks()

    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}


def test_message_sent_many_times_at_once_is_kept_once(api: Api) -> None:
    transaction = confirmed_later(api)
    told = message("charge.succeeded", charge=transaction)

    answers = at_once(8, lambda _: send(api, told).json()["duplicate"])
    at_once(4, lambda _: apply_callbacks())

    assert sorted(answers) == [False] + [True] * 7
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}


def test_body_that_was_tampered_with_is_refused_and_not_kept(api: Api) -> None:
    told = message("charge.succeeded", charge=confirmed_later(api))
    body = json.dumps(told).encode()

    response = send(api, body.replace(b"succeeded", b"failed"), **{SIGNATURE_HEADER: sign(body)})

    api.error(response, 400, "signature_invalid")
    assert kept(told["id"]) is None


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=,v1=",
        "t=1",
        f"v1={'0' * 64}",
        f"t=abc,v1={'0' * 64}",
        f"t=-5,v1={'0' * 64}",
        f"t={'9' * 30},v1={'0' * 64}",
        f"t=1790000000,v1={'0' * 64}",
        "t=1790000000,v1=\xe9",
        "nonsense",
    ],
)
def test_signature_that_is_none_is_refused(api: Api, signature: str) -> None:
    told = message("charge.succeeded", charge=str(uuid4()))

    response = httpx.post(
        f"{api.http.base_url}{PATH}",
        json=told,
        headers=[(b"Simulator-Signature", signature.encode("latin-1"))],
    )

    api.error(response, 400, "signature_invalid")
    assert kept(told["id"]) is None


def test_message_without_a_signature_is_refused(api: Api) -> None:
    api.error(httpx.post(f"{api.http.base_url}{PATH}", json={}), 400, "signature_invalid")


@pytest.mark.parametrize("seconds", [-310, 310])
def test_old_and_future_signatures_are_refused(api: Api, seconds: int) -> None:
    told = message("charge.succeeded", charge=str(uuid4()))
    body = json.dumps(told).encode()
    stale = sign(body, timestamp=int(time.time()) + seconds)

    api.error(send(api, body, **{SIGNATURE_HEADER: stale}), 400, "signature_invalid")
    assert kept(told["id"]) is None


def test_signature_of_four_minutes_ago_is_believed(api: Api) -> None:
    body = json.dumps(message("weather.changed")).encode()
    recent = sign(body, timestamp=int(time.time()) - 240)

    assert send(api, body, **{SIGNATURE_HEADER: recent}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"id":"1","type":"charge.succeeded"}',
        b'{"id":7,"type":"charge.succeeded","data":{}}',
        b'{"id":"1","type":"charge.succeeded","data":[]}',
        b'{"id":"%s","type":"charge.succeeded","data":{}}' % (b"x" * 101),
        b'{"id":"a\\u0000b","type":"charge.succeeded","data":{}}',
        b'{"id":"ab","type":"charge.succeeded","data":{"charge":"\\ud800"}}',
        b"\xff\xfe",
    ],
)
def test_signed_nonsense_is_refused_and_not_kept(api: Api, body: bytes) -> None:
    before = GatewayCallback.objects.count()

    api.error(send(api, body), 400, "signature_invalid")

    assert GatewayCallback.objects.count() == before


def test_unknown_gateway_does_not_exist(api: Api) -> None:
    body = json.dumps(message("charge.succeeded")).encode()
    url = f"{api.http.base_url}/v1/gateways/acme/webhook"

    response = httpx.post(url, content=body, headers={SIGNATURE_HEADER: sign(body)})

    api.error(response, 404, "resource_missing")


def test_gateway_of_recorded_payments_has_no_messages(api: Api) -> None:
    url = f"{api.http.base_url}/v1/gateways/external/webhook"

    api.error(httpx.post(url, json={}), 400, "signature_invalid")


def test_other_methods_are_refused(api: Api) -> None:
    response = api.get(PATH)

    api.error(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"


def test_message_of_another_type_is_kept_and_ignored(api: Api) -> None:
    told = message("weather.changed", sunny=True)

    send(api, told)
    apply_callbacks()

    assert kept(told["id"]).outcome == "ignored: unknown type"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("charge.succeeded", {"charge": str(uuid4())}),
        ("charge.failed", {"charge": str(uuid4())}),
        ("refund.succeeded", {"refund": str(uuid4())}),
        ("refund.failed", {"refund": str(uuid4())}),
        (
            "dispute.created",
            {"charge": str(uuid4()), "dispute": "dp_1", "type": "chargeback", "amount": 5},
        ),
    ],
)
def test_message_about_what_is_not_ours_is_put_aside(
    api: Api, kind: str, data: dict[str, Any]
) -> None:
    told = message(kind, **data)

    send(api, told)
    apply_callbacks()

    aside = kept(told["id"])
    assert aside.processed_at is not None
    assert aside.outcome.startswith("ignored: ")


def test_message_that_can_not_be_applied_does_not_hold_up_the_others(api: Api) -> None:
    apply_callbacks()
    broken = [message("charge.succeeded", charge="no id") for _ in range(3)]
    for told in broken:
        send(api, told)
    apply_callbacks(batch=3)
    transaction = confirmed_later(api)
    send(api, message("charge.succeeded", charge=transaction))

    apply_callbacks(batch=1)

    assert api.transaction(transaction)["status"] == "succeeded"
    for told in broken:
        waiting = kept(told["id"])
        assert (waiting.processed_at, waiting.attempts) == (None, 1)
    GatewayCallback.objects.filter(message_id__in=[told["id"] for told in broken]).delete()


def test_dispute_that_comes_before_the_confirmation_waits_for_it(api: Api) -> None:
    transaction = confirmed_later(api)
    dispute = message(
        "dispute.created",
        charge=transaction,
        dispute=f"dp_{uuid4().hex}",
        type="chargeback",
        reason="fraudulent",
        amount=1000,
    )

    send(api, dispute)
    apply_callbacks()
    assert kept(dispute["id"]).processed_at is None
    assert not Dispute.objects.filter(transaction_id=transaction).exists()
    send(api, message("charge.succeeded", charge=transaction))
    apply_callbacks()
    apply_callbacks_put_off()

    assert api.transaction(transaction)["status"] == "disputed"
    assert Dispute.objects.get(transaction_id=transaction).held_amount == 1000


def test_messages_that_must_wait_do_not_hold_up_the_others(api: Api) -> None:
    apply_callbacks()
    early = [
        message("dispute.created", charge=confirmed_later(api), dispute=f"dp_{n}", type="inquiry",
                reason="fraudulent", amount=1000)
        for n in range(3)
    ]  # fmt: skip
    for told in early:
        send(api, told)
    apply_callbacks(batch=3)
    transaction = confirmed_later(api)
    send(api, message("charge.succeeded", charge=transaction))

    apply_callbacks(batch=1)

    assert api.transaction(transaction)["status"] == "succeeded"
    assert [kept(told["id"]).attempts for told in early] == [1, 1, 1]
    GatewayCallback.objects.filter(message_id__in=[told["id"] for told in early]).delete()


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(0, 1), (1, 2), (5, 32), (11, 2048), (12, 3600), (5000, 3600)]
)
def test_message_is_put_off_for_longer_each_time(api: Api, attempts: int, seconds: int) -> None:
    told = message("charge.succeeded", charge="no id")
    send(api, told)
    GatewayCallback.objects.filter(message_id=told["id"]).update(attempts=attempts)
    before = datetime.now(UTC)

    apply_callbacks()
    apply_callbacks()

    put_off = kept(told["id"])
    assert put_off.attempts == attempts + 1
    waits = (put_off.next_attempt_at - before).total_seconds()
    assert seconds - 0.1 <= waits <= seconds + 5
    put_off.delete()


def test_confirmation_waits_for_the_capture_that_it_is_about(api: Api) -> None:
    transaction = api.paid(amount=1000, capture=False)["id"]
    operation = GatewayOperation.objects.create(
        transaction_id=transaction, kind="capture", amount=1000, actor_kind="system"
    )
    told = message("charge.succeeded", charge=transaction)

    send(api, told)
    apply_callbacks()

    assert kept(told["id"]).processed_at is None
    operation.delete()
    apply_callbacks_put_off()
    assert kept(told["id"]).outcome == "transaction is authorized"


MOVING = [
    "charge.succeeded",
    "charge.failed",
    "refund.succeeded",
    "refund.failed",
    "dispute.created",
]


@pytest.mark.parametrize("kind", MOVING)
def test_gateway_moves_nothing_that_another_gateway_took(api: Api, kind: str) -> None:
    recorded = {
        "amount": 5000, "currency": "USD", "payment_method_type": "cash",
        "external_reference": uuid4().hex, "refund": {"amount": 5000},
    }  # fmt: skip
    transaction = api.post("/v1/transactions/record", recorded).json()["id"]
    refund = Refund.objects.get(transaction_id=transaction).pk
    before = api.balance()
    told = message(
        kind, charge=transaction, refund=str(refund), dispute=f"dp_{uuid4().hex}",
        type="chargeback", reason="fraudulent", amount=5000,
    )  # fmt: skip

    send(api, told)
    apply_callbacks()

    assert kept(told["id"]).outcome.startswith("ignored: ")
    assert api.balance() == before
    assert api.transaction(transaction)["status"] == "refunded"
    assert Refund.objects.get(pk=refund).status == "succeeded"
    assert not Dispute.objects.filter(transaction_id=transaction).exists()


def test_dispute_of_a_payment_that_failed_holds_nothing(api: Api) -> None:
    transaction = confirmed_later(api)
    send(api, message("charge.failed", charge=transaction))
    apply_callbacks()
    told = message(
        "dispute.created", charge=transaction, dispute=f"dp_{uuid4().hex}", type="chargeback",
        reason="fraudulent", amount=1000,
    )  # fmt: skip

    send(api, told)
    apply_callbacks()

    assert kept(told["id"]).outcome == (
        "contradiction: transaction is failed, the gateway says it is disputed"
    )
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}
    forget_contradictions()
    SimulatorCharge.objects.filter(reference=transaction).update(status="voided")


def test_refund_told_before_its_call_was_answered_keeps_the_gateways_id(api: Api) -> None:
    transaction = api.paid("4000000000007726", amount=1000)["id"]
    refund = api.post("/v1/refunds", {"transaction": transaction, "amount": 400}).json()["id"]
    SimulatorCallback.objects.filter(message__data__refund=refund).delete()
    Refund.objects.filter(pk=refund).update(gateway_refund_id=None, gateway_response=None)
    send(api, message("refund.succeeded", refund=refund))
    apply_callbacks()

    finish_refund(
        refund_id=refund,
        result=GatewayResult(Outcome.ACCEPTED, gateway_id="re_1", response={"status": "pending"}),
        actor=SYSTEM,
        key_id=None,
        replies=NoReplies(),
    )

    settled = Refund.objects.get(pk=refund)
    assert (settled.status, settled.gateway_refund_id) == ("succeeded", "re_1")
    SimulatorRefund.objects.filter(reference=refund).update(status="succeeded")


def test_payment_that_the_gateway_could_not_complete_has_failed(api: Api) -> None:
    transaction = confirmed_later(api)

    send(api, message("charge.failed", charge=transaction))
    apply_callbacks()
    send(api, message("charge.succeeded", charge=transaction))
    apply_callbacks()

    failed = api.transaction(transaction)
    assert failed["status"] == "failed"
    assert failed["failure"]["code"] == "processing_error"
    assert (failed["captured_amount"], failed["fee_amount"], failed["net_amount"]) == (0, 0, 0)
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}
    forget_contradictions()
    # What the gateway of that message would have on record.
    SimulatorCharge.objects.filter(reference=transaction).update(status="voided")


def test_failure_told_of_a_paid_payment_changes_nothing(api: Api) -> None:
    transaction = api.paid(amount=1000)

    send(api, message("charge.failed", charge=transaction["id"]))
    apply_callbacks()

    assert api.transaction(transaction["id"]) == transaction
    forget_contradictions()


def test_refunds_failure_told_before_its_success_stands(api: Api) -> None:
    transaction = api.paid("4000000000007726", amount=1000)
    refund = api.post("/v1/refunds", {"transaction": transaction["id"]}).json()["id"]
    # The bank's refusal in place of the success that the simulator had in mind.
    SimulatorCallback.objects.filter(message__data__refund=refund).update(
        message=message("refund.failed", refund=refund, amount=1000)
    )
    deliver_gateway_messages()
    send(api, message("refund.succeeded", refund=refund, amount=1000))
    apply_callbacks()

    assert Refund.objects.get(pk=refund).status == "failed"
    assert api.transaction(transaction["id"])["refunded_amount"] == 0
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}


@pytest.mark.parametrize(
    ("number", "dispute_type", "reason", "status", "held"),
    [
        ("4000000000000259", "chargeback", "fraudulent", "disputed", 1000 + 1500),
        ("4000000000002685", "chargeback", "product_not_received", "disputed", 1000 + 1500),
        ("4000000000001976", "inquiry", "fraudulent", "succeeded", 0),
    ],
)
def test_each_disputed_card_opens_its_dispute(
    api: Api, number: str, dispute_type: str, reason: str, status: str, held: int
) -> None:
    transaction = api.paid(number, amount=1000)

    deliver_gateway_messages()

    (dispute,) = api.get("/v1/disputes").json()["data"]
    assert (dispute["dispute_type"], dispute["reason_code"]) == (dispute_type, reason)
    assert (dispute["amount"], dispute["currency"]) == (1000, "USD")
    assert dispute["transaction"] == transaction["id"]
    assert dispute["status"] == "open"
    assert api.transaction(transaction["id"])["status"] == status
    assert api.balance() == {"pending": 941, "available": -held, "reserved": held}


def test_card_disputed_after_capture_opens_one_dispute_over_what_was_captured(api: Api) -> None:
    transaction = api.paid("4000000000000259", amount=1000, capture=False)
    deliver_gateway_messages()
    assert api.get("/v1/disputes").json()["data"] == []
    api.post(f"/v1/transactions/{transaction['id']}/capture", {"amount": 600})

    deliver_gateway_messages()

    (dispute,) = api.get("/v1/disputes").json()["data"]
    assert dispute["amount"] == 600


def test_callback_that_found_no_server_is_sent_again(api: Api) -> None:
    transaction = api.paid("4000000000006033", amount=1000)["id"]
    waiting = SimulatorCallback.objects.get(message__data__charge=transaction)
    # As a failed attempt leaves it: not sent, due again.
    SimulatorCallback.objects.filter(pk=waiting.pk).update(attempts=1)

    deliver_gateway_messages()

    assert SimulatorCallback.objects.get(pk=waiting.pk).sent_at is not None
    assert Transaction.objects.get(pk=transaction).status == "succeeded"
