"""How disputes end, as gateways tell: in any order, twice, or against our record."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from disputes.models import Dispute, SimulatorDispute
from disputes.services.audit_books import audit_books
from payments_project.events.models import Event
from tests.api_client import Api
from tests.disputes.disputing import answer, disputed
from tests.gateway_messages import deliver_gateway_messages, forget_contradictions, told
from tests.threads import at_once
from transactions.balances import fold_balances
from transactions.gateways.simulator.disputes import (
    decide_dispute,
    lookup_dispute,
    raise_dispute,
)
from transactions.models import GatewayCallback


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    forget_contradictions()
    # What these tests told in the gateway's name the simulator then takes for its own word.
    for ours in Dispute.objects.filter(transaction_id__in=_TOLD):
        SimulatorDispute.objects.filter(pk=ours.gateway_dispute_id).update(
            status="needs_response" if ours.status == "open" else ours.status
        )
    _TOLD.clear()


_TOLD: list[str] = []


def gateway_id(dispute: dict[str, Any]) -> str:
    _TOLD.append(dispute["transaction"])
    return str(Dispute.objects.get(pk=dispute["id"]).gateway_dispute_id)


def closed(dispute: dict[str, Any], status: str, **more: Any) -> GatewayCallback:
    return told("dispute.closed", dispute=gateway_id(dispute), status=status, **more)


def status_of(api: Api, dispute: dict[str, Any]) -> str:
    return str(api.get(f"/v1/disputes/{dispute['id']}").json()["status"])


def types_of(dispute: dict[str, Any]) -> list[str]:
    events = Event.objects.filter(aggregateid=dispute["id"]).order_by("sequence")
    return [event.type for event in events]


@pytest.mark.parametrize(
    ("kind", "word", "status"),
    [
        ("chargeback", "winning_evidence", "won"),
        ("chargeback", "losing_evidence", "lost"),
        ("inquiry", "winning_evidence", "warning_closed"),
        ("inquiry", "losing_evidence", "lost"),
        ("chargeback", "escalate_inquiry_evidence", "under_review"),
        ("chargeback", "They signed for it.", "under_review"),
    ],
)
def test_the_simulator_decides_by_what_it_is_shown(
    api: Api, kind: str, word: str, status: str
) -> None:
    dispute = disputed(api, dispute_type=kind)

    answer(api, dispute, {"evidence": {"uncategorized_text": word}, "submit": True})
    deliver_gateway_messages()

    assert status_of(api, dispute) == status
    name = Dispute.objects.get(pk=dispute["id"]).gateway_dispute_id
    assert lookup_dispute(dispute=name).dispute_status == status
    fold_balances()
    assert audit_books() == []


def test_an_outcome_told_while_evidence_is_being_sent_comes_after_it(api: Api) -> None:
    disputes = [disputed(api) for _ in range(6)]
    body = {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True}

    def both(number: int) -> None:
        if number == 0:
            for _ in range(10):
                deliver_gateway_messages()
        else:
            for dispute in disputes[number - 1 :: 3]:
                assert answer(api, dispute, body).status_code == 200

    at_once(4, both)
    deliver_gateway_messages()

    for dispute in disputes:
        assert types_of(dispute)[-3:] == [
            "dispute.evidence_submitted", "dispute.closed", "dispute.funds_reinstated",
        ]  # fmt: skip
    fold_balances()
    assert audit_books() == []


def test_what_is_under_review_is_decided_later(api: Api) -> None:
    dispute = disputed(api)
    answer(api, dispute, {"evidence": {"customer_name": "Ada"}, "submit": True})

    decide_dispute(dispute=Dispute.objects.get(pk=dispute["id"]).gateway_dispute_id, status="won")
    deliver_gateway_messages()

    assert status_of(api, dispute) == "won"
    assert types_of(dispute)[-2:] == ["dispute.closed", "dispute.funds_reinstated"]
    assert audit_books() == []


def test_an_outcome_that_is_told_twice_happens_once(api: Api) -> None:
    dispute = disputed(api)

    first, second = (closed(dispute, "won") for _ in range(2))

    assert first.outcome == second.outcome == f"dispute {dispute['id']} is won"
    assert types_of(dispute).count("dispute.closed") == 1
    assert api.balance()["reserved"] == 0


@pytest.mark.parametrize(("first", "second"), [("won", "lost"), ("lost", "won")])
def test_another_outcome_than_ours_is_a_contradiction(api: Api, first: str, second: str) -> None:
    dispute = disputed(api)
    closed(dispute, first)
    before = api.balance()

    message = closed(dispute, second)

    assert message.outcome == (
        f"contradiction: dispute {dispute['id']} is {first}, the gateway says {second}"
    )
    assert status_of(api, dispute) == first
    assert api.balance() == before


def test_a_chargeback_does_not_end_as_a_warning(api: Api) -> None:
    dispute = disputed(api)

    message = closed(dispute, "warning_closed")

    assert str(message.outcome).startswith("contradiction: ")
    assert status_of(api, dispute) == "open"
    assert api.balance()["reserved"] == 2500


def test_the_end_of_an_inquiry_sent_again_leaves_its_chargeback_open(api: Api) -> None:
    dispute = disputed(api, dispute_type="inquiry")
    name = gateway_id(dispute)
    decide_dispute(dispute=name, status="warning_closed")
    deliver_gateway_messages()
    raise_dispute(charge=UUID(dispute["transaction"]), amount=1000, dispute=name)
    deliver_gateway_messages()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE gateway_simulator_callbacks SET sent_at = NULL, due_at = now()"
            " WHERE message #>> '{data,dispute}' = %s AND message ->> 'type' = 'dispute.closed'",
            [name],
        )
        assert cursor.rowcount == 1

    deliver_gateway_messages()

    assert lookup_dispute(dispute=name).dispute_status == "open"
    assert status_of(api, dispute) == "open"
    fold_balances()
    assert audit_books() == []


def test_an_outcome_of_a_kind_that_we_do_not_know_is_put_aside(api: Api) -> None:
    dispute = disputed(api)
    assert closed(dispute, "settled_by_arbitration").outcome == "ignored: unknown dispute status"
    assert status_of(api, dispute) == "open"


def test_an_outcome_that_comes_before_its_dispute_waits_for_it(api: Api) -> None:
    payment = api.paid(amount=1000)["id"]
    _TOLD.append(payment)
    name = uuid4().hex
    with pytest.raises(AssertionError):  # It is kept, and not applied yet.
        told("dispute.closed", dispute=name, charge=payment, status="lost")

    told(
        "dispute.created", dispute=name, charge=payment, type="chargeback", amount=1000,
        reason="fraudulent",
    )  # fmt: skip
    deliver_gateway_messages()

    (found,) = api.get("/v1/disputes", transaction=payment).json()["data"]
    assert found["status"] == "lost"


def test_a_gateway_closes_no_dispute_of_another_payment(api: Api, other_api: Api) -> None:
    ours, theirs = disputed(api), disputed(other_api)

    message = told(
        "dispute.closed",
        dispute=gateway_id(ours),
        charge=theirs["transaction"],
        status="lost",
    )

    assert str(message.outcome).startswith("contradiction: ")
    assert status_of(api, ours) == "open"


def test_what_is_told_of_a_recorded_payment_is_not_the_simulator_s_to_tell(api: Api) -> None:
    made = api.post(
        "/v1/transactions/record",
        {"amount": 1000, "currency": "USD", "payment_method_type": "terminal",
         "external_reference": "T-1"},
    ).json()  # fmt: skip

    message = told("dispute.closed", dispute=uuid4().hex, charge=made["id"], status="lost")

    assert str(message.outcome).startswith("ignored: ")


def test_a_gateway_may_correct_what_it_told(api: Api) -> None:
    dispute = disputed(api)

    told("dispute.updated", dispute=gateway_id(dispute), reason="duplicate", status="under_review")
    told("dispute.updated", dispute=gateway_id(dispute), due_date="some day")

    after = api.get(f"/v1/disputes/{dispute['id']}").json()
    assert (after["reason_code"], after["status"]) == ("duplicate", "under_review")
    assert after["due_date"] == dispute["due_date"]
    updated = Event.objects.get(aggregateid=dispute["id"], type="dispute.updated")
    assert updated.payload["previous_attributes"] == {
        "reason_code": "fraudulent", "status": "open",
    }  # fmt: skip
    closed(dispute, "won")
    message = told("dispute.updated", dispute=gateway_id(dispute), reason="general")
    assert message.outcome == f"ignored: dispute {dispute['id']} is won"
