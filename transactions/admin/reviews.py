"""The review queue: payments that somebody shall look at."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from payments_project.console import display
from payments_project.console.acts import Act, Done, staff_actor
from payments_project.console.filters import (
    CreatedFilter,
    choice_filter,
    environment_filter,
)
from payments_project.console.home import (
    QUEUE_ROWS,
    Counted,
    HomeParts,
    Named,
    home_part,
    queue_tile,
)
from payments_project.console.names import name_of
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import ID
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from payments_project.staff.audit import record_audit
from transactions import states
from transactions.admin.panels import PAYMENT_COLUMNS, payment_rows
from transactions.models import PaymentReview, Transaction
from transactions.services.review import decide_review


def _decides(status: str) -> Callable[[HttpRequest, PaymentReview, Mapping[str, Any]], Done]:
    def perform(request: HttpRequest, review: PaymentReview, values: Mapping[str, Any]) -> Done:
        decided = decide_review(
            review_id=review.pk,
            status=status,
            reason=values["reason"],
            actor=staff_actor(request),
        )
        record_audit(
            request=request,
            action=f"review.{status}",
            obj=decided,
            before={"status": states.OPEN},
            after={"status": status, "transaction": str(decided.transaction_id)},
            reason=values["reason"],
        )
        return Done(f"The payment is {status}.")

    return perform


def _is_open(review: PaymentReview) -> bool:
    return review.status == states.OPEN


@admin.register(PaymentReview)
class PaymentReviewAdmin(ReadOnlyAdmin):
    """Reviews, newest first."""

    list_display = (
        "created_at",
        "status",
        "why",
        "transaction",
        "merchant",
        "opened",
        "environment",
    )
    export_fields = (
        "id", "created_at", "status", "transaction", "merchant", "merchant_name", "environment",
        "reason", "opened_by_kind", "opened_by", "decided_by", "decided_at", "decision_reason",
    )  # fmt: skip
    list_filter = (
        choice_filter("status", states.REVIEW_STATES, indexed=(states.OPEN,)),
        environment_filter,
        CreatedFilter,
    )
    scope_branches = ("", ())
    small_scopes = ("transaction",)
    search_by = {ID: ("pk", "transaction_id")}
    labels = {
        "created_at": "Marked",
        "transaction": "Payment",
        "decided_at": "Decided",
        "decision_reason": "Why so decided",
    }
    fieldsets: Fieldsets = (
        (
            "Review",
            {"fields": ("id", "transaction", "merchant", "reason", "opened", "created_at")},
        ),
        ("Decision", {"fields": ("decided", "decided_at", "decision_reason")}),
    )
    acts = (
        Act(
            name="clear",
            title="Clear",
            icon="check_circle",
            permission="transactions.decide_paymentreview",
            explanation="Nothing is wrong with the payment.",
            perform=_decides(states.CLEARED),
            is_offered=_is_open,
            is_bulk=True,
        ),
        Act(
            name="reject",
            title="Reject",
            icon="block",
            permission="transactions.decide_paymentreview",
            explanation="The payment is marked as rejected. Money is not moved: cancel or refund it "
            "on its page.",
            perform=_decides(states.REJECTED),
            is_offered=_is_open,
            is_dangerous=True,
            is_bulk=True,
        ),
    )

    def headline(self, instance: PaymentReview) -> Cell:  # type: ignore[override]
        return "Review"

    def found_as(self, instance: PaymentReview) -> str:  # type: ignore[override]
        return f"Review of …{str(instance.transaction_id)[-8:]} · {instance.status}"

    @admin.display(description="Why")
    def why(self, review: PaymentReview) -> Cell:
        return display.clip(review.reason)

    @admin.display(description="Marked by")
    def opened(self, review: PaymentReview) -> Cell:
        return display.actor(review.opened_by_kind, review.opened_by)

    @admin.display(description="Decided by")
    def decided(self, review: PaymentReview) -> Cell:
        return display.actor("staff" if review.decided_by else None, review.decided_by)


@panel("transactions.paymentreview", permission="transactions.view_transaction")
def reviewed_payment_panel(request: HttpRequest, review: PaymentReview) -> Panel:
    """The payment that the review is about."""
    return Panel(
        title="Payment",
        icon="credit_card",
        columns=PAYMENT_COLUMNS,
        rows=payment_rows(list(Transaction.objects.filter(pk=review.transaction_id))),
        order=10,
    )


@panel("transactions.transaction", permission="transactions.view_paymentreview")
def reviews_panel(request: HttpRequest, payment: Transaction) -> Panel | None:
    """The payment's reviews, newest first."""
    reviews = list(PaymentReview.objects.filter(transaction=payment).order_by("-id")[:10])
    if not reviews:
        return None
    return Panel(
        title="Reviews",
        icon="flag",
        columns=[Column("Marked"), Column("Status"), Column("Why", is_text=True)],
        rows=[
            [
                display.object_link(
                    "transactions.PaymentReview", review.pk, display.moment(review.created_at)
                ),
                display.badge(review.status),
                review.decision_reason or review.reason,
            ]
            for review in reviews
        ],
        order=12,
    )


@home_part(permission="transactions.view_paymentreview")
def under_review(request: HttpRequest, environment: str) -> HomeParts:
    """Payments that wait for a look, oldest first: in the order of their index."""
    waiting = PaymentReview.objects.filter(status=states.OPEN, environment=environment)
    (count,) = yield Counted([waiting])
    url = display.list_url(
        "transactions.paymentreview", environment=environment, status=states.OPEN
    )
    yield queue_tile(
        label="Under review",
        icon="flag",
        count=count,
        hint="payments to look at",
        url=url,
        order=28,
    )
    if count:
        oldest = list(waiting.order_by("id")[:QUEUE_ROWS])
        yield Named(oldest, ["merchant_id"])
        yield Panel(
            title="To review, oldest first",
            icon="flag",
            columns=[
                Column("Marked"), Column("Why", is_text=True), Column("Merchant", is_minor=True)
            ],
            rows=_queue_rows(oldest),
            more_url=url,
            order=25,
        )  # fmt: skip


def _queue_rows(reviews: list[PaymentReview]) -> list[list[Cell]]:
    return [
        [
            display.object_link(
                "transactions.PaymentReview", review.pk, display.ago(review.created_at)
            ),
            review.reason,
            display.clip(name_of(review, "merchant_id")),
        ]
        for review in reviews
    ]
