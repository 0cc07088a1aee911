"""Answering a dispute over HTTP: evidence is staged, checked, submitted once; or it is accepted."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from disputes.models import Dispute, DisputeOperation, SimulatorDispute
from disputes.services.audit_books import audit_books
from disputes.services.resolve_dispute_acts import resolve_dispute_acts
from disputes.services.respond import respond_to_dispute
from payments_project.actor import SYSTEM
from payments_project.errors import Unavailable
from payments_project.events.models import Event
from payments_project.idempotency.replies import NoReplies
from tests.api_client import Api, new_key
from tests.disputes.disputing import answer, disputed, due, uploaded
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import MadeMerchant, make_key
from tests.server import Server
from tests.threads import at_once
from tests.transactions.gateway_doubles import scripted
from transactions.gateways.interface import GatewayResult, Outcome

TODAY = datetime.now(UTC).date


def types_of(dispute: dict[str, Any]) -> list[str]:
    events = Event.objects.filter(aggregateid=dispute["id"]).order_by("sequence")
    return [event.type for event in events]


def read(api: Api, dispute: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/disputes/{dispute['id']}").json()
    return found


def test_evidence_is_merged_until_it_is_submitted(api: Api) -> None:
    dispute = disputed(api)

    answer(api, dispute, {"evidence": {"customer_name": "Ada", "service_date": "2026-01-31"}})
    answer(api, dispute, {"evidence": {"customer_name": None, "product_description": "Coffee"}})
    staged = answer(api, dispute, {"merchant_response": "It was delivered."})

    assert staged.status_code == 200
    told = staged.json()
    assert told["evidence"] == {"service_date": "2026-01-31", "product_description": "Coffee"}
    assert told["merchant_response"] == "It was delivered."
    assert (told["status"], told["evidence_submitted_at"]) == ("open", None)
    assert types_of(dispute)[2:] == ["dispute.updated"] * 3

    submitted = answer(api, dispute, {"evidence": {"customer_name": "Bea"}, "submit": True}).json()

    assert submitted["status"] == "under_review"
    assert submitted["evidence_submitted_at"] is not None
    assert submitted["evidence"]["customer_name"] == "Bea"
    assert types_of(dispute)[-2:] == ["dispute.updated", "dispute.evidence_submitted"]
    assert read(api, dispute) == submitted


def test_events_hold_nothing_of_the_evidence(api: Api) -> None:
    dispute = disputed(api)
    body = {"evidence": {"customer_name": "Ada Byron"}, "merchant_response": "Ada Byron had it."}

    answer(api, dispute, {**body, "submit": True})

    rows = Event.objects.filter(aggregateid=dispute["id"])
    assert [row for row in rows if "Byron" in str(row.payload)] == []


def test_what_says_nothing_new_is_no_event(api: Api) -> None:
    dispute = disputed(api)
    answer(api, dispute, {"evidence": {"customer_name": "Ada"}})
    before = types_of(dispute)

    for body in ({}, {"evidence": {"customer_name": "Ada"}}, {"evidence": {"receipt": None}}):
        assert answer(api, dispute, body).status_code == 200

    assert types_of(dispute) == before


@pytest.mark.parametrize(
    ("evidence", "param", "code"),
    [
        ({"colour": "red"}, "evidence.colour", "unknown_parameter"),
        ({"customer_name": 5}, "evidence.customer_name", "parameter_invalid"),
        ({"customer_name": ""}, "evidence.customer_name", "parameter_invalid"),
        ({"customer_name": "x" * 501}, "evidence.customer_name", "parameter_invalid"),
        ({"uncategorized_text": "x" * 20_001}, "evidence.uncategorized_text", "parameter_invalid"),
        ({"service_date": "yesterday"}, "evidence.service_date", "parameter_invalid"),
        ({"shipping_date": "2026-02-30"}, "evidence.shipping_date", "parameter_invalid"),
        ({"shipping_date": "20260201"}, "evidence.shipping_date", "parameter_invalid"),
        ({"customer_email_address": "ada"}, "evidence.customer_email_address", "parameter_invalid"),
        (
            {"customer_purchase_ip": "300.1.1.1"},
            "evidence.customer_purchase_ip",
            "parameter_invalid",
        ),
        (
            {"uncategorized_text": "paid with 4242 4242 4242 4242"},
            "evidence.uncategorized_text",
            "parameter_invalid",
        ),
        ({"receipt": "file_1"}, "evidence.receipt", "resource_missing"),
        (
            {"receipt": "01991d5c-6f0a-7c3e-9d5b-2f6a1c0e8b47"},
            "evidence.receipt",
            "resource_missing",
        ),
        ("words", "evidence", "parameter_invalid"),
    ],
)
def test_evidence_with_a_fault_is_refused_and_changes_nothing(
    api: Api, evidence: Any, param: str, code: str
) -> None:
    dispute = disputed(api)

    error = api.error(answer(api, dispute, {"evidence": evidence, "submit": True}), 400, code)

    assert error["param"] == param
    assert "4242 4242" not in str(error)
    assert read(api, dispute) == dispute


def test_texts_are_bounded_together(api: Api) -> None:
    dispute = disputed(api)
    long = dict.fromkeys(
        (
            "uncategorized_text", "product_description", "access_activity_log",
            "refund_policy_disclosure", "cancellation_rebuttal",
        ),
        "x" * 20_000,
    )  # fmt: skip
    assert answer(api, dispute, {"evidence": long}).status_code == 200

    refused = answer(api, dispute, {"evidence": {"refund_refusal_explanation": "xx"}})

    assert api.error(refused, 400, "parameter_invalid")["param"] == "evidence"


def test_a_file_of_another_merchant_or_environment_does_not_exist(
    api: Api, other_api: Api, live_api: Api
) -> None:
    dispute = disputed(api)

    for stranger in (other_api, live_api):
        body = {"evidence": {"receipt": uploaded(stranger)}}
        error = api.error(answer(api, dispute, body), 400, "resource_missing")
        assert error["param"] == "evidence.receipt"
    api.error(answer(other_api, dispute, {}), 404, "resource_missing")


def test_files_are_shown_by_their_ids(api: Api) -> None:
    dispute = disputed(api)
    file = uploaded(api)

    told = answer(api, dispute, {"evidence": {"receipt": file, "uncategorized_file": file}}).json()

    assert told["evidence"] == {"receipt": file, "uncategorized_file": file}
    told = answer(api, dispute, {"evidence": {"receipt": None}, "submit": True}).json()
    assert told["evidence"] == {"uncategorized_file": file}
    assert audit_books() == []


def test_nothing_is_no_evidence(api: Api) -> None:
    dispute = disputed(api)

    error = api.error(answer(api, dispute, {"submit": True}), 400, "parameter_missing")

    assert error["param"] == "evidence"
    assert not DisputeOperation.objects.filter(dispute_id=dispute["id"]).exists()


def test_evidence_is_submitted_once(api: Api) -> None:
    dispute = disputed(api)
    body = {"evidence": {"customer_name": "Ada"}, "submit": True}
    answer(api, dispute, body)
    before = read(api, dispute)

    for again in (body, {"evidence": {"customer_name": "Bea"}}, {"merchant_response": "x"}, {}):
        api.error(answer(api, dispute, again), 409, "evidence_already_submitted")
    accept = api.post(f"/v1/disputes/{dispute['id']}/accept")
    api.error(accept, 409, "evidence_already_submitted")

    assert read(api, dispute) == before
    assert DisputeOperation.objects.filter(dispute_id=dispute["id"]).count() == 1


def test_of_many_submissions_at_once_one_is_made(api: Api) -> None:
    dispute = disputed(api)

    def submit(number: int) -> int:
        body = {"evidence": {"customer_name": f"Ada {number}"}, "submit": True}
        return answer(api, dispute, body).status_code

    statuses = sorted(at_once(6, submit))

    assert statuses == [200, *[409] * 5]
    assert types_of(dispute).count("dispute.evidence_submitted") == 1


@pytest.mark.parametrize("status", ["won", "lost"])
def test_decided_disputes_are_not_answered(api: Api, status: str) -> None:
    dispute = disputed(api)
    answer(api, dispute, {"evidence": {"uncategorized_text": f"{status[:3]}x"}, "submit": True})
    from transactions.gateways.simulator.disputes import decide_dispute

    decide_dispute(dispute=Dispute.objects.get(pk=dispute["id"]).gateway_dispute_id, status=status)
    deliver_gateway_messages()

    for path in ("", "/accept"):
        refused = api.post(f"/v1/disputes/{dispute['id']}{path}")
        api.error(refused, 409, "dispute_state_invalid")


def test_the_last_day_is_whole_and_the_next_too_late(api: Api) -> None:
    last_day, late = disputed(api), disputed(api)
    due(last_day, TODAY())
    due(late, TODAY() - timedelta(days=1))
    body = {"evidence": {"customer_name": "Ada"}, "submit": True}

    assert answer(api, last_day, body).json()["status"] == "under_review"
    api.error(answer(api, late, body), 409, "dispute_overdue")
    api.error(answer(api, late, {"evidence": {}}), 409, "dispute_overdue")


def test_replies_are_kept_under_their_keys(api: Api) -> None:
    dispute = disputed(api)
    body = {"evidence": {"customer_name": "Ada"}, "submit": True}
    key, refused_key = new_key(), new_key()

    first, second = (answer(api, dispute, body, key=key) for _ in range(2))
    refused = [answer(api, dispute, body, key=refused_key) for _ in range(2)]

    assert (first.status_code, second.content) == (200, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert [one.status_code for one in refused] == [409, 409]
    assert refused[1].headers["Idempotent-Replayed"] == "true"
    staged_key = new_key()
    other = disputed(api)
    staged = [answer(api, other, {"merchant_response": "Sent."}, key=staged_key) for _ in range(2)]
    assert staged[0].content == staged[1].content
    api.error(answer(api, other, {"merchant_response": "No."}, key=staged_key), 400,
              "idempotency_key_reused")  # fmt: skip


def test_reading_does_not_let_one_answer(server: Server, merchant: MadeMerchant, api: Api) -> None:
    import httpx

    dispute = disputed(api)
    key = make_key(merchant.scope(), "disputes:read")
    headers = {"Authorization": f"Bearer {key}"}
    for path in ("", "/accept"):
        response = httpx.post(
            f"{server.url}/v1/disputes/{dispute['id']}{path}", json={}, headers=headers
        )
        assert "disputes:write" in api.error(response, 403, "permission_denied")["message"]


def test_accepting_is_for_good(api: Api) -> None:
    dispute = disputed(api)
    key = new_key()

    first = api.post(f"/v1/disputes/{dispute['id']}/accept", key=key)
    second = api.post(f"/v1/disputes/{dispute['id']}/accept", key=key)
    deliver_gateway_messages()

    assert (first.json()["status"], second.content) == ("lost", first.content)
    assert types_of(dispute)[-1] == "dispute.closed"
    api.error(api.post(f"/v1/disputes/{dispute['id']}/accept"), 409, "dispute_state_invalid")
    assert audit_books() == []


def submit_by_service(dispute: dict[str, Any]) -> Dispute:
    return respond_to_dispute(
        scope=None,
        dispute_id=UUID(dispute["id"]),
        changes={"customer_name": "Ada"},
        merchant_response=None,
        submit=True,
        actor=SYSTEM,
        claim=None,
        replies=NoReplies(),
    )


def test_evidence_whose_answer_is_unknown_is_sent_again_until_it_is_known(
    api: Api, settings: Any
) -> None:
    settings.GATEWAY_TIMEOUT_SECONDS, settings.GATEWAY_LEASE_MARGIN_SECONDS = 0, -1
    dispute = disputed(api)
    unknown, taken = GatewayResult(Outcome.UNKNOWN), GatewayResult(Outcome.SUCCEEDED)
    unreachable = GatewayResult(Outcome.UNAVAILABLE)

    with scripted(dispute["transaction"], submit_evidence=[unknown, unreachable, taken]) as gateway:
        assert submit_by_service(dispute).status == "open"
        api.error(answer(api, dispute, {}), 409, "evidence_already_submitted")
        # "Certainly nothing happened" says nothing of the call before.
        resolve_dispute_acts()
        assert read(api, dispute)["status"] == "open"
        resolve_dispute_acts()
        assert read(api, dispute)["status"] == "under_review"
        resolve_dispute_acts()

    assert gateway.asked == ["submit_evidence"] * 3
    assert types_of(dispute).count("dispute.evidence_submitted") == 1
    # The simulator was not asked; what it would have noted.
    SimulatorDispute.objects.filter(charge_id=dispute["transaction"]).update(status="under_review")


def test_evidence_that_the_gateway_could_not_take_can_be_sent_again(api: Api) -> None:
    dispute = disputed(api)
    unreachable = GatewayResult(Outcome.UNAVAILABLE)

    with (
        scripted(dispute["transaction"], submit_evidence=[unreachable]),
        pytest.raises(Unavailable),
    ):
        submit_by_service(dispute)

    assert read(api, dispute)["status"] == "open"
    assert read(api, dispute)["evidence"] == {"customer_name": "Ada"}
    assert answer(api, dispute, {"submit": True}).json()["status"] == "under_review"


def test_evidence_that_the_gateway_refuses_is_a_conflict(api: Api) -> None:
    """The simulator has closed it meanwhile, and its message is still on its way."""
    dispute = disputed(api)
    known = SimulatorDispute.objects.filter(charge_id=dispute["transaction"])
    known.update(status="lost")

    refused = answer(api, dispute, {"evidence": {"customer_name": "Ada"}, "submit": True})

    api.error(refused, 409, "dispute_state_invalid")
    assert read(api, dispute)["status"] == "open"
    known.update(status="needs_response")


def test_a_dead_process_s_submission_is_resumed_by_its_key(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it leaves: an intent, and a key whose lease is over."""
    from payments_project.idempotency.models import IdempotencyKey

    dispute = disputed(api)
    key = new_key()
    body = {"evidence": {"customer_name": "Ada"}, "submit": True}
    first = answer(api, dispute, body, key=key)
    operation = DisputeOperation.objects.get(dispute_id=dispute["id"])
    rows = IdempotencyKey.objects.filter(key=key)
    rows.update(
        recovery_point="started",
        response_status=None,
        response_body=None,
        locked_until=datetime.now(UTC) - timedelta(seconds=1),
    )

    resumed = answer(api, dispute, body, key=key)

    assert resumed.status_code == 200
    assert resumed.json() == first.json()
    assert list(DisputeOperation.objects.filter(dispute_id=dispute["id"])) == [operation]
