"""What banks tell later of payouts: paid, failed, or returned after they were paid."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from payments_project.errors import ResourceMissing
from transactions import states
from transactions.gateways.callback_handlers import (
    Contradiction,
    NotYet,
    register_callback_handler,
    text_of,
)
from transactions.locking import lock_payout
from transactions.payout_models import FAILURE_CODE_LENGTH_MAX, Payout
from transactions.services.callbacks import GATEWAY_ACTOR
from transactions.services.finish_payout import fail_payout, pay_payout


def register_payout_messages() -> None:
    """Has the messages of payouts applied here; called once, when the app starts."""
    register_callback_handler("payout.paid", _paid)
    register_callback_handler("payout.failed", _failed)
    register_callback_handler("payout.returned", _returned)


def _paid(bank_name: str, payload: Mapping[str, Any]) -> str:
    payout = _lock_sent(bank_name, payload, told="paid")
    if payout.status == states.FAILED and payout.paid_at is None:
        raise Contradiction("payout is failed, the bank says it was paid")
    if payout.status == states.PENDING:
        pay_payout(payout, actor=GATEWAY_ACTOR)
    return f"payout is {payout.status}"


def _failed(bank_name: str, payload: Mapping[str, Any]) -> str:
    payout = _lock_sent(bank_name, payload, told="failed")
    _fail(payout, payload)
    return f"payout is {payout.status}"


def _returned(bank_name: str, payload: Mapping[str, Any]) -> str:
    payout = _lock_sent(bank_name, payload, told="returned")
    if payout.status == states.PENDING:
        # That it was paid is told first, and may arrive second.
        raise NotYet
    _fail(payout, payload)
    return f"payout is {payout.status}"


def _fail(payout: Payout, payload: Mapping[str, Any]) -> None:
    if payout.status in (states.PENDING, states.PAID):
        code = text_of(payload, "reason", length_max=FAILURE_CODE_LENGTH_MAX)
        fail_payout(payout, code=code or "rejected_by_bank", message=None, actor=GATEWAY_ACTOR)


def _lock_sent(bank_name: str, payload: Mapping[str, Any], *, told: str) -> Payout:
    """The payout that a message is about. One at another bank does not exist; one that was never
    sent can't have become anything."""
    payout = lock_payout(UUID(payload["payout"]))
    if payout.bank_name != bank_name:
        raise ResourceMissing(f"Not a payout of this bank: {payout.pk}")
    if payout.sent_at is None:
        raise Contradiction(f"payout was not sent, the bank says it was {told}")
    return payout
