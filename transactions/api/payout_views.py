"""Payouts over HTTP."""

from typing import Any, ClassVar

from rest_framework.request import Request

from payments_project.api.idempotent import atomic_operation
from payments_project.api.objects import ListObject
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.paths import require_uuid
from payments_project.api.query import NoQuery
from payments_project.api.views import ApiView
from payments_project.database.pages import page_by_id, require_cursor
from transactions.access import get_payout, payouts_of
from transactions.api.bodies import CancelPayout, CreatePayout, PayoutQuery
from transactions.api.objects import PayoutObject, payout_object
from transactions.services.cancel_payout import cancel_payout
from transactions.services.create_payout import create_payout


class PayoutsView(ApiView):
    """``/v1/payouts``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(PayoutObject)}, query=PayoutQuery),
        "POST": Operation({201: PayoutObject}, body=CreatePayout),
    }

    permissions_required: ClassVar[dict[str, str]] = {
        "GET": "payouts:read",
        "POST": "payouts:write",
    }

    def get(self, request: Request) -> Any:
        """Payouts, newest first."""
        query = self.query(PayoutQuery)
        rows = payouts_of(self.scope)
        require_cursor(query, lambda pk: rows.filter(pk=pk).exists())
        filters = query.id_filters()
        if query.status is not None:
            filters["status"] = query.status
        if query.currency is not None:
            filters["currency"] = query.currency
        page = page_by_id(rows.filter(**filters), query)
        answer = ListObject(
            url="/v1/payouts",
            has_more=page.has_more,
            data=[payout_object(row) for row in page.rows],
        )
        return self.expanded(answer)

    @atomic_operation
    def post(self, request: Request) -> Any:
        """Pays available money out to the merchant's bank account."""
        body = self.body(CreatePayout)
        payout = create_payout(
            scope=self.scope,
            amount=body.amount,
            currency=body.currency,
            description=body.description,
            actor=self.actor,
        )
        return 201, payout_object(payout)


class PayoutView(ApiView):
    """``/v1/payouts/{id}``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: PayoutObject}),
    }

    permissions_required: ClassVar[dict[str, str]] = {"GET": "payouts:read"}

    def get(self, request: Request, payout_id: str) -> Any:
        """One payout."""
        self.query(NoQuery)
        payout = get_payout(scope=self.scope, payout_id=require_uuid(payout_id))
        return self.expanded(payout_object(payout))


class CancelPayoutView(ApiView):
    """``/v1/payouts/{id}/cancel``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: PayoutObject}, body=CancelPayout),
    }

    permissions_required: ClassVar[dict[str, str]] = {"POST": "payouts:write"}

    @atomic_operation
    def post(self, request: Request, payout_id: str) -> Any:
        """Cancels a payout that was not sent to the bank yet; its money is available again."""
        self.body(CancelPayout)
        payout = cancel_payout(
            scope=self.scope, payout_id=require_uuid(payout_id), actor=self.actor
        )
        return 200, payout_object(payout)
