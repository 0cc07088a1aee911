"""What was said between us and a payment's gateway: each call with its answer, each message.

Answers are stored redacted (``GatewayResult.response``); no card data is in any of them.
"""

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from payments_project.console import display
from payments_project.console.panels import ROWS_MAX, Column, Panel, first_of_many, panel
from payments_project.console.presented import Cell
from transactions import states
from transactions.models import GatewayCallback, GatewayOperation, Transaction

Exchange = tuple[datetime, list[Cell]]


@panel("transactions.transaction", permission="transactions.view_gatewayoperation")
def exchanges_panel(request: HttpRequest, payment: Transaction) -> Panel:
    """The charge, captures and voids, and what the gateway told of them, oldest first."""
    exchanges = [_charge(payment)]
    operations = GatewayOperation.objects.filter(transaction=payment).order_by("id")[:ROWS_MAX]
    exchanges += [_operation(operation) for operation in operations]
    if request.user.has_perm("transactions.view_gatewaycallback"):
        # By the index on the charge that a message names.
        told = GatewayCallback.objects.filter(payload__charge=str(payment.pk)).order_by("id")
        exchanges += [_callback(callback) for callback in told[:ROWS_MAX]]
    exchanges.sort(key=lambda exchange: exchange[0])
    return Panel(
        title=f"Gateway exchanges: {payment.gateway_name}",
        icon="sync_alt",
        columns=[
            Column("Time"), Column("What"), Column("Outcome"),
            Column("Answer", is_text=True, is_minor=True),
        ],
        rows=[row for _, row in exchanges],
        note=first_of_many(exchanges),
        order=50,
    )  # fmt: skip


def _charge(payment: Transaction) -> Exchange:
    is_open = payment.status == states.PENDING
    outcome = "unknown" if is_open else ("declined" if payment.failure_code else "approved")
    return payment.created_at, [
        display.moment(payment.created_at),
        "charge →",
        display.badge(outcome, display.AMBER if is_open else None),
        _words(payment.gateway_response),
    ]


def _operation(operation: GatewayOperation) -> Exchange:
    link = display.object_link("transactions.GatewayOperation", operation.pk, f"{operation.kind} →")
    return operation.created_at, [
        display.moment(operation.created_at),
        link,
        display.badge(operation.status),
        _words(operation.response),
    ]


def _callback(callback: GatewayCallback) -> Exchange:
    link = display.object_link(
        "transactions.GatewayCallback", callback.pk, f"← {callback.type.replace('.', ' ')}"
    )
    is_applied = callback.processed_at is not None
    return callback.received_at, [
        display.moment(callback.received_at),
        link,
        display.badge("applied" if is_applied else "waits", None if is_applied else display.AMBER),
        callback.outcome or "",
    ]


def _words(answer: dict[str, Any] | None) -> str:
    """``status: captured, amount: 700``."""
    return ", ".join(f"{name}: {value}" for name, value in (answer or {}).items())
