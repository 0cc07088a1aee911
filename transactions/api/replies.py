"""What a payment's outcome is as a response."""

import json
from typing import Any

from payments_project.api.errors import error_content
from payments_project.api.objects import ApiObject
from payments_project.api.views import render_body
from transactions import outcomes, states
from transactions.api.objects import transaction_object
from transactions.models import Transaction

Answer = tuple[int, ApiObject | dict[str, Any]]


def payment_answer(transaction: Transaction, *, request_id: str) -> Answer:
    """201 with the transaction; 402 with it for a decline; 503 where no gateway took it.

    A pending transaction is a 201 too: its outcome is told later by an event.
    """
    answer = transaction_object(transaction)
    if transaction.status != states.FAILED:
        return 201, answer
    unavailable = transaction.failure_code == outcomes.GATEWAY_UNAVAILABLE
    return 503 if unavailable else 402, error_content(
        error_type="api_error" if unavailable else "card_error",
        code=transaction.failure_code or outcomes.CARD_DECLINED,
        message=transaction.failure_message or "The card was declined.",
        request_id=request_id,
        decline_code=transaction.decline_code,
        transaction=json.loads(render_body(answer)),
    )
