"""Transactions and balances over HTTP."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from merchants.access import get_customer
from merchants.api.authentication import require_active_merchant
from payments_project.api.idempotent import ObjectReplies, key_claim, run_gateway_operation
from payments_project.api.objects import ListObject
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.paths import require_uuid
from payments_project.api.query import NoQuery
from payments_project.api.request_id import request_id_of
from payments_project.api.views import ApiView
from payments_project.database.pages import require_cursor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.idempotency.keys import Resumption
from transactions.access import get_transaction, transactions_of
from transactions.api.bodies import (
    CancelTransaction,
    CaptureTransaction,
    CreateTransaction,
    TransactionQuery,
    UpdateTransaction,
)
from transactions.api.objects import (
    TimelineStepObject,
    TransactionObject,
    timeline_step_object,
    transaction_object,
)
from transactions.api.replies import payment_answer
from transactions.gateways.lease import gateway_lease_seconds
from transactions.models import Transaction
from transactions.selectors import list_transactions, transaction_timeline
from transactions.services.cancel import cancel_transaction
from transactions.services.capture import capture_transaction
from transactions.services.create import PaymentRequest, create_transaction
from transactions.services.resolve import complete_operation_of_key
from transactions.services.resume import resume_transaction
from transactions.services.update import UNCHANGED, update_transaction
from vault.access import get_payment_method


class TransactionsView(ApiView):
    """``/v1/transactions``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(TransactionObject)}, query=TransactionQuery),
        "POST": Operation({201: TransactionObject}, body=CreateTransaction, also=(402,)),
    }

    permissions_required: ClassVar[dict[str, str]] = {
        "GET": "transactions:read",
        "POST": "transactions:write",
    }

    def get(self, request: Request) -> Any:
        """Transactions, newest first."""
        query = self.query(TransactionQuery)
        require_cursor(query, lambda pk: transactions_of(self.scope).filter(pk=pk).exists())
        if query.customer is not None:
            get_customer(scope=self.scope, customer_id=query.customer, param="customer")
        if query.payment_method is not None:
            get_payment_method(scope=self.scope, token=query.payment_method, param="payment_method")
        page = list_transactions(scope=self.scope, query=query, filters=query.filters())
        answer = ListObject(
            url="/v1/transactions",
            has_more=page.has_more,
            data=[transaction_object(row) for row in page.rows],
        )
        return self.expanded(answer)

    def post(self, request: Request) -> HttpResponse:
        """Takes a payment."""
        body = self.body(CreateTransaction)
        claim = key_claim(self, lease_seconds=gateway_lease_seconds())
        request_id = request_id_of(request._request)
        replies: ObjectReplies[Transaction] = ObjectReplies(
            self, lambda transaction: payment_answer(transaction, request_id=request_id)
        )
        wanted = PaymentRequest(
            amount=body.amount,
            currency=body.currency,
            payment_method=body.payment_method,
            capture=body.capture,
            customer_id=body.customer,
            cvc=body.cvc,
            description=body.description,
            metadata=body.metadata or {},
            ip_address=body.ip_address,
        )

        def operate() -> HttpResponse:
            require_active_merchant(self.caller)
            return replies.response(
                create_transaction(
                    scope=self.scope,
                    actor=self.actor,
                    request=wanted,
                    terms=self.caller.terms,
                    claim=claim,
                    replies=replies,
                )
            )

        def resume(resumption: Resumption) -> HttpResponse:
            return replies.response(
                resume_transaction(
                    transaction_id=UUID(resumption.resource_id),
                    actor=self.actor,
                    terms=self.caller.terms,
                    key_id=resumption.key_id,
                    replies=replies,
                )
            )

        return run_gateway_operation(self, claim, operate=operate, resume=resume)


class TransactionView(ApiView):
    """``/v1/transactions/{id}``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: TransactionObject}),
        "PATCH": Operation({200: TransactionObject}, body=UpdateTransaction, also=(409,)),
    }

    permissions_required: ClassVar[dict[str, str]] = {
        "GET": "transactions:read",
        "PATCH": "transactions:write",
    }

    def get(self, request: Request, transaction_id: str) -> Any:
        """One transaction."""
        self.query(NoQuery)
        transaction = get_transaction(scope=self.scope, transaction_id=require_uuid(transaction_id))
        return self.expanded(transaction_object(transaction))

    def patch(self, request: Request, transaction_id: str) -> Any:
        """Changes description and metadata."""
        body = self.body(UpdateTransaction)
        identity = require_uuid(transaction_id)
        transaction = run_in_transaction(
            lambda: update_transaction(
                scope=self.scope,
                transaction_id=identity,
                actor=self.actor,
                description=body.description
                if "description" in body.model_fields_set
                else UNCHANGED,
                metadata=body.metadata if "metadata" in body.model_fields_set else UNCHANGED,
            )
        )
        return self.expanded(transaction_object(transaction))


class _OperationView(ApiView):
    """An act on an authorized transaction: capture or cancel."""

    permissions_required: ClassVar[dict[str, str]] = {"POST": "transactions:write"}

    def run(self, transaction_id: str, *, amount: int | None, capture: bool) -> HttpResponse:
        """Runs the act under the request's key; an unfinished one is completed by look-up.

        Only an active merchant takes money; giving it back is always possible.
        """
        identity = require_uuid(transaction_id)
        claim = key_claim(self, lease_seconds=gateway_lease_seconds())
        replies: ObjectReplies[Transaction] = ObjectReplies(
            self, lambda transaction: (200, transaction_object(transaction))
        )
        common: dict[str, Any] = {
            "scope": self.scope,
            "transaction_id": identity,
            "actor": self.actor,
            "claim": claim,
            "replies": replies,
        }

        def operate() -> HttpResponse:
            if capture:
                require_active_merchant(self.caller)
                done = capture_transaction(amount=amount, terms=self.caller.terms, **common)
            else:
                done = cancel_transaction(**common)
            return replies.response(done)

        def resume(resumption: Resumption) -> HttpResponse:
            return replies.response(complete_operation_of_key(resumption, replies=replies))

        return run_gateway_operation(self, claim, operate=operate, resume=resume)


class CaptureView(_OperationView):
    """``/v1/transactions/{id}/capture``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: TransactionObject}, body=CaptureTransaction),
    }

    def post(self, request: Request, transaction_id: str) -> HttpResponse:
        """Captures in full or in part; the rest is released."""
        body = self.body(CaptureTransaction)
        return self.run(transaction_id, amount=body.amount, capture=True)


class CancelView(_OperationView):
    """``/v1/transactions/{id}/cancel``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: TransactionObject}, body=CancelTransaction),
    }

    def post(self, request: Request, transaction_id: str) -> HttpResponse:
        """Voids an authorized transaction."""
        self.body(CancelTransaction)
        return self.run(transaction_id, amount=None, capture=False)


class TimelineView(ApiView):
    """``/v1/transactions/{id}/timeline``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(TimelineStepObject)}),
    }

    permissions_required: ClassVar[dict[str, str]] = {"GET": "transactions:read"}

    def get(self, request: Request, transaction_id: str) -> ListObject:
        """Every state with its time and cause, oldest first."""
        self.query(NoQuery)
        transaction = get_transaction(scope=self.scope, transaction_id=require_uuid(transaction_id))
        return ListObject(
            url=f"/v1/transactions/{transaction.pk}/timeline",
            has_more=False,
            data=[
                timeline_step_object(self.scope, step) for step in transaction_timeline(transaction)
            ],
        )
