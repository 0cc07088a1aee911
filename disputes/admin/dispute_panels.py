"""What a dispute's page shows: its evidence, what is missing, the cardholder's other business."""

from django.http import HttpRequest
from django.utils.html import format_html

from disputes import states
from disputes.admin.evidence_acts import REVEAL, file_link, size_words
from disputes.admin.staff_acts import is_answerable
from disputes.evidence import BY_NAME, FIELDS, FILE, GENERAL, recommended_fields
from disputes.models import Dispute, DisputeEvidenceFile, DisputeOperation
from disputes.services.dispute_acts import is_overdue, pending_operation
from payments_project.console import display
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from transactions.admin.panels import payments_beside
from transactions.models import Transaction

OTHERS_MAX = 10


@panel("disputes.dispute", permission="disputes.view_dispute")
def evidence_panel(request: HttpRequest, dispute: Dispute) -> Panel:
    """Which fields were given; what stands in them is shown on request, files by a link."""
    given = dispute.evidence or {}
    may_open = request.user.has_perm(REVEAL)
    files = {
        use.field: use.file
        for use in DisputeEvidenceFile.objects.select_related("file").filter(dispute=dispute)
    }
    weighty = recommended_fields(dispute.reason_code)
    rows: list[list[Cell]] = []
    for field in FIELDS:
        if field.name not in given:
            continue
        if field.kind != FILE:
            what: Cell = format_html(
                '<span class="c-muted">{} characters</span>', len(given[field.name])
            )
        elif may_open:
            what = file_link(dispute, field.name)
        else:
            file = files.get(field.name)
            what = format_html(
                '<span class="c-muted">{}</span>', size_words(file) if file else "gone"
            )
        weighs = display.badge("recommended", display.BLUE) if field.name in weighty else ""
        rows.append([field.label, weighs, what])
    if dispute.merchant_response:
        words = format_html(
            '<span class="c-muted">{} characters</span>', len(dispute.merchant_response)
        )
        rows.append(["In the merchant's words", "", words])
    return Panel(
        title="Evidence",
        icon="folder_open",
        columns=[Column("Field"), Column("", is_minor=True), Column("Given", is_text=True)],
        rows=rows,
        empty="Nothing is given yet.",
        note=_course(dispute),
        order=5,
    )


def _course(dispute: Dispute) -> str:
    pending = pending_operation(dispute)
    if pending is not None:
        words = "submitted" if pending.kind == DisputeOperation.SUBMIT else "accepted"
        return f"Being {words}: the gateway has not answered yet, and is asked again until it has."
    if dispute.evidence_submitted_at:
        taker = "" if dispute.is_at_gateway else " No gateway takes it: staff send it on."
        return f"Submitted, once and for all.{taker}"
    if is_answerable(dispute):
        return "Staged, not sent."
    return ""


@panel("disputes.dispute", permission="disputes.view_dispute")
def missing_panel(request: HttpRequest, dispute: Dispute) -> Panel | None:
    """What would weigh for this reason and was not given, while it can still be."""
    if not is_answerable(dispute):
        return None
    given = dispute.evidence or {}
    missing = [
        BY_NAME[name] for name in recommended_fields(dispute.reason_code) if name not in given
    ]
    reason = (dispute.reason_code or GENERAL).replace("_", " ")
    return Panel(
        title=f"Still missing: {reason}",
        icon="playlist_add_check",
        columns=[Column("Field"), Column("What belongs there", is_text=True)],
        rows=[[field.label, field.asks] for field in missing],
        empty="All that weighs for this reason is given.",
        order=6,
    )


@panel("disputes.dispute", permission="transactions.view_transaction")
def customers_payments_panel(request: HttpRequest, dispute: Dispute) -> Panel | None:
    """The customer's other payments: whether somebody who paid before now says it was not them."""
    return payments_beside(dispute.transaction, order=60)


@panel("disputes.dispute", permission="disputes.view_dispute")
def other_disputes_panel(request: HttpRequest, dispute: Dispute) -> Panel | None:
    """Other disputes of the payment, and of the customer's newest payments."""
    payments = {dispute.transaction_id}
    customer = dispute.transaction.customer_id
    if customer is not None:
        newest = Transaction.objects.filter(customer_id=customer).order_by("-id")
        payments |= set(newest.values_list("pk", flat=True)[:100])
    others = (
        Dispute.objects.filter(transaction_id__in=payments)
        .exclude(pk=dispute.pk)
        .order_by("-id")[:OTHERS_MAX]
    )
    rows: list[list[Cell]] = [
        [
            display.object_link("disputes.Dispute", other.pk, display.moment(other.created_at)),
            display.badge(other.status),
            display.badge(other.dispute_type),
            "this payment" if other.transaction_id == dispute.transaction_id else "another payment",
            display.money(other.amount, other.currency),
        ]
        for other in others
    ]
    if not rows:
        return None
    return Panel(
        title="Other disputes of the payment and its customer",
        icon="gavel",
        columns=[
            Column("Opened"), Column("Status"), Column("Type", is_minor=True),
            Column("Of", is_minor=True), Column("Amount", is_number=True),
        ],
        rows=rows,
        order=65,
    )  # fmt: skip


def answer_badge(dispute: Dispute) -> Cell:
    """How much time is left to answer, beside the headline."""
    if dispute.status != states.OPEN:
        return ""
    if is_overdue(dispute):
        return display.badge("overdue: it is being closed", display.RED)
    return display.due(dispute.due_date)
