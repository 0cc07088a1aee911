"""Refunds and recorded payments over HTTP."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from disputes.access import get_refund, refunds_of
from disputes.api.bodies import CancelRefund, CreateRefund, RecordTransaction, RefundQuery
from disputes.api.lists import list_of_payments
from disputes.api.objects import RefundObject, refund_object
from disputes.models import Refund
from disputes.services.cancel_refund import cancel_refund, complete_cancellation
from disputes.services.record import (
    RecordedPayment,
    RecordedRefund,
    process_payment_with_refund_protection,
)
from disputes.services.refund import refund_transaction
from disputes.services.resolve_refunds import complete_pending_refund
from merchants.access import get_active_customer
from merchants.api.authentication import require_active_merchant
from payments_project.api.idempotent import (
    ATOMIC_LEASE_SECONDS,
    ObjectReplies,
    key_claim,
    run_gateway_operation,
)
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.paths import require_uuid
from payments_project.api.query import NoQuery
from payments_project.api.views import ApiView
from payments_project.errors import IdempotencyKeyInUse
from payments_project.idempotency.keys import Resumption
from transactions.api.objects import TransactionObject, transaction_object
from transactions.gateways.lease import gateway_lease_seconds
from transactions.models import Transaction


class RefundsView(ApiView):
    """``/v1/refunds``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(RefundObject)}, query=RefundQuery),
        "POST": Operation({201: RefundObject}, body=CreateRefund),
    }

    permissions_required: ClassVar[dict[str, str]] = {
        "GET": "refunds:read",
        "POST": "refunds:write",
    }

    def get(self, request: Request) -> Any:
        """Refunds, newest first."""
        query = self.query(RefundQuery)
        rows = refunds_of(self.scope)
        return list_of_payments(self, query, rows, url="/v1/refunds", show=refund_object)

    def post(self, request: Request) -> HttpResponse:
        """Refunds a transaction, in full or in part."""
        body = self.body(CreateRefund)
        claim = key_claim(self, lease_seconds=gateway_lease_seconds())
        replies: ObjectReplies[Refund] = ObjectReplies(
            self, lambda refund: (201, refund_object(refund))
        )

        def operate() -> HttpResponse:
            return replies.response(
                refund_transaction(
                    scope=self.scope,
                    transaction_id=body.transaction,
                    amount=body.amount,
                    reason=body.reason,
                    metadata=body.metadata or {},
                    actor=self.actor,
                    claim=claim,
                    replies=replies,
                )
            )

        def resume(resumption: Resumption) -> HttpResponse:
            return replies.response(
                complete_pending_refund(
                    refund_id=UUID(resumption.resource_id),
                    actor=self.actor,
                    key_id=resumption.key_id,
                    replies=replies,
                )
            )

        return run_gateway_operation(self, claim, operate=operate, resume=resume)


class RefundView(ApiView):
    """``/v1/refunds/{id}``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: RefundObject}),
    }

    permissions_required: ClassVar[dict[str, str]] = {"GET": "refunds:read"}

    def get(self, request: Request, refund_id: str) -> Any:
        """One refund."""
        self.query(NoQuery)
        refund = get_refund(scope=self.scope, refund_id=require_uuid(refund_id))
        return self.expanded(refund_object(refund))


class CancelRefundView(ApiView):
    """``/v1/refunds/{id}/cancel``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: RefundObject}, body=CancelRefund),
    }

    permissions_required: ClassVar[dict[str, str]] = {"POST": "refunds:write"}

    def post(self, request: Request, refund_id: str) -> HttpResponse:
        """Calls a pending refund off.

        Possible for as long as the gateway can see to it that it is not paid; 409
        ``refund_state_invalid`` after that. Where the gateway does not answer, the refund is told
        as it is, pending, and cancelled once the gateway has answered.
        """
        self.body(CancelRefund)
        identity = require_uuid(refund_id)
        claim = key_claim(self, lease_seconds=gateway_lease_seconds())
        replies: ObjectReplies[Refund] = ObjectReplies(
            self, lambda refund: (200, refund_object(refund))
        )

        def operate() -> HttpResponse:
            return replies.response(
                cancel_refund(
                    scope=self.scope,
                    refund_id=identity,
                    actor=self.actor,
                    claim=claim,
                    replies=replies,
                )
            )

        def resume(resumption: Resumption) -> HttpResponse:
            return replies.response(
                complete_cancellation(
                    refund_id=UUID(resumption.resource_id),
                    actor=self.actor,
                    key_id=resumption.key_id,
                    replies=replies,
                )
            )

        return run_gateway_operation(self, claim, operate=operate, resume=resume)


class RecordView(ApiView):
    """``/v1/transactions/record``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({201: TransactionObject}, body=RecordTransaction),
    }

    permissions_required: ClassVar[dict[str, str]] = {"POST": "transactions:write"}

    def post(self, request: Request) -> HttpResponse:
        """Records a payment taken elsewhere, with its refund: all or nothing."""
        body = self.body(RecordTransaction)
        claim = key_claim(self, lease_seconds=ATOMIC_LEASE_SECONDS)
        replies: ObjectReplies[Transaction] = ObjectReplies(
            self, lambda transaction: (201, transaction_object(transaction))
        )

        def operate() -> HttpResponse:
            require_active_merchant(self.caller)
            self.caller.terms.require_currency(body.currency)
            if body.customer is not None:
                get_active_customer(scope=self.scope, customer_id=body.customer, param="customer")
            payment = RecordedPayment(
                amount=body.amount,
                currency=body.currency,
                payment_method_type=body.payment_method_type,
                external_reference=body.external_reference,
                fee_amount=body.fee_amount,
                customer_id=body.customer,
                occurred_at=body.occurred_at,
                description=body.description,
                metadata=body.metadata or {},
                refund=RecordedRefund(body.refund.amount, body.refund.reason)
                if body.refund
                else None,
            )
            return replies.response(
                process_payment_with_refund_protection(
                    scope=self.scope,
                    actor=self.actor,
                    payment=payment,
                    is_credited=self.caller.terms.credits_recorded,
                    claim=claim,
                    replies=replies,
                )
            )

        def resume(_resumption: Resumption) -> HttpResponse:
            # Claim and work commit together, so a key without its reply has been rolled back.
            raise IdempotencyKeyInUse("The key was just used; try again.", retry_after=1)

        return run_gateway_operation(self, claim, operate=operate, resume=resume)
