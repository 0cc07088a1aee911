"""Refunds and disputes on the home page: what waits, the nearest deadline first."""

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest

from disputes import states
from disputes.admin.lists import code_words
from disputes.admin.panels import REFUND_COLUMNS, refund_rows
from disputes.models import Dispute, Refund
from payments_project.console import display
from payments_project.console.home import (
    QUEUE_ROWS,
    Counted,
    HomeParts,
    Named,
    Tile,
    count_words,
    home_part,
    queue_tile,
)
from payments_project.console.names import name_of
from payments_project.console.panels import Column, Panel
from payments_project.console.presented import Cell


@home_part(permission="disputes.view_dispute")
def disputes_by_deadline(request: HttpRequest, environment: str) -> HomeParts:
    """Open disputes, the nearest deadline first: in the order of their index."""
    open_ones = Dispute.objects.filter(status=states.OPEN, environment=environment)
    nearest = list(open_ones.order_by("due_date")[:QUEUE_ROWS])
    today = datetime.now(UTC).date()
    count, overdue, soon = yield Counted(
        [
            open_ones,
            open_ones.filter(due_date__lt=today),
            open_ones.filter(due_date__gte=today, due_date__lte=today + timedelta(days=3)),
        ]
    )
    yield Named(nearest, ["merchant_id"])
    url = display.list_url("disputes.dispute", environment=environment, status="open")
    hints = [f"{count_words(overdue)} overdue"] * bool(overdue)
    hints += [f"{count_words(soon)} due within 3 days"] * bool(soon)
    yield Tile(
        label="Open disputes",
        icon="gavel",
        value=count_words(count),
        hint=", ".join(hints) or "none due within 3 days",
        tone=display.RED if hints else "",
        url=url,
        order=30,
    )
    yield Panel(
        title="Disputes by deadline",
        icon="gavel",
        columns=[
            Column("Due"),
            Column("Reason", is_minor=True),
            Column("Merchant", is_minor=True),
            Column("Amount", is_number=True),
        ],
        rows=_queue_rows(nearest),
        empty="No dispute waits for an answer.",
        more_url=url,
        order=30,
    )


def _queue_rows(disputes: list[Dispute]) -> list[list[Cell]]:
    return [
        [
            display.object_link("disputes.Dispute", dispute.pk, display.due(dispute.due_date)),
            code_words(dispute.reason_code or dispute.dispute_type),
            display.clip(name_of(dispute, "merchant_id")),
            display.money(dispute.amount, dispute.currency),
        ]
        for dispute in disputes
    ]


@home_part(permission="disputes.view_refund")
def pending_refunds(request: HttpRequest, environment: str) -> HomeParts:
    """Refunds whose outcome is open, oldest first: in the order of their index."""
    pending = Refund.objects.filter(status=states.PENDING, environment=environment)
    oldest = list(pending.order_by("created_at")[:QUEUE_ROWS])
    (count,) = yield Counted([pending])
    url = display.list_url("disputes.refund", environment=environment, status="pending")
    yield queue_tile(
        label="Refunds pending",
        icon="undo",
        count=count,
        hint="wait for the gateway",
        url=url,
        order=40,
    )
    if oldest:
        yield Panel(
            title="Pending refunds, oldest first",
            icon="undo",
            columns=REFUND_COLUMNS,
            rows=refund_rows(oldest),
            more_url=url,
            order=40,
        )
