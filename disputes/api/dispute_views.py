"""Disputes over HTTP."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from disputes.access import disputes_of, get_dispute
from disputes.api.bodies import AcceptDispute, DisputeQuery, UpdateDispute
from disputes.api.lists import list_of_payments
from disputes.api.objects import DisputeObject, dispute_object
from disputes.models import Dispute
from disputes.services.accept_dispute import accept_dispute
from disputes.services.resolve_dispute_acts import complete_act_of_key
from disputes.services.respond import respond_to_dispute
from payments_project.api.idempotent import ObjectReplies, key_claim, run_gateway_operation
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.paths import require_uuid
from payments_project.api.query import NoQuery
from payments_project.api.views import ApiView
from payments_project.idempotency.keys import KeyClaim, Resumption
from transactions.gateways.lease import gateway_lease_seconds
from transactions.services.update import UNCHANGED

Act = Callable[[KeyClaim | None, ObjectReplies[Dispute]], Dispute]


def _run(view: ApiView, act: Act) -> HttpResponse:
    """Runs an act under the request's key; an unfinished one is completed by asking again."""
    claim = key_claim(view, lease_seconds=gateway_lease_seconds())
    replies: ObjectReplies[Dispute] = ObjectReplies(
        view, lambda dispute: (200, dispute_object(dispute))
    )

    def resume(resumption: Resumption) -> HttpResponse:
        return replies.response(complete_act_of_key(resumption, replies=replies))

    return run_gateway_operation(
        view, claim, operate=lambda: replies.response(act(claim, replies)), resume=resume
    )


class DisputesView(ApiView):
    """``/v1/disputes``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(DisputeObject)}, query=DisputeQuery),
    }

    permissions_required: ClassVar[dict[str, str]] = {"GET": "disputes:read"}

    def get(self, request: Request) -> Any:
        """Disputes, newest first."""
        query = self.query(DisputeQuery)
        rows = disputes_of(self.scope)
        return list_of_payments(self, query, rows, url="/v1/disputes", show=dispute_object)


class DisputeView(ApiView):
    """``/v1/disputes/{id}``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: DisputeObject}),
        "POST": Operation({200: DisputeObject}, body=UpdateDispute),
    }

    permissions_required: ClassVar[dict[str, str]] = {
        "GET": "disputes:read",
        "POST": "disputes:write",
    }

    def get(self, request: Request, dispute_id: str) -> Any:
        """One dispute."""
        self.query(NoQuery)
        dispute = get_dispute(scope=self.scope, dispute_id=require_uuid(dispute_id))
        return self.expanded(dispute_object(dispute))

    def post(self, request: Request, dispute_id: str) -> HttpResponse:
        """Stages evidence, and with ``submit`` sends it.

        What is given is laid over what is staged; null takes a field away. Evidence is sent once,
        by the end of the ``due_date`` in UTC; after that nothing can be changed. Where the gateway
        does not answer, the dispute is told as it is, open, and the evidence is sent again until it
        has.
        """
        body = self.body(UpdateDispute)
        identity = require_uuid(dispute_id)
        says = "merchant_response" in body.model_fields_set
        return _run(
            self,
            lambda claim, replies: respond_to_dispute(
                scope=self.scope,
                dispute_id=identity,
                changes=body.changes(),
                merchant_response=body.merchant_response if says else UNCHANGED,
                submit=body.submit,
                actor=self.actor,
                claim=claim,
                replies=replies,
            ),
        )


class AcceptDisputeView(ApiView):
    """``/v1/disputes/{id}/accept``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: DisputeObject}, body=AcceptDispute),
    }

    permissions_required: ClassVar[dict[str, str]] = {"POST": "disputes:write"}

    def post(self, request: Request, dispute_id: str) -> HttpResponse:
        """Gives an open dispute up, for good.

        A chargeback is lost: what was held for it is taken. An inquiry is closed; nothing was held.
        """
        self.body(AcceptDispute)
        identity = require_uuid(dispute_id)
        return _run(
            self,
            lambda claim, replies: accept_dispute(
                scope=self.scope,
                dispute_id=identity,
                actor=self.actor,
                claim=claim,
                replies=replies,
            ),
        )
