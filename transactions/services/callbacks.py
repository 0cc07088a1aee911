"""Gateway messages: kept once, answered fast, applied in order."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import ResourceMissing
from transactions import states
from transactions.gateways.callback_handlers import (
    CallbackHandler,
    Contradiction,
    NotYet,
    handler_for,
    register_callback_handler,
)
from transactions.gateways.registry import get_gateway
from transactions.locking import lock_charge, try_lock_callback
from transactions.models import GatewayCallback, GatewayOperation, Transaction
from transactions.services.confirm import confirm_capture
from transactions.services.contradictions import contradiction_outcome

logger = logging.getLogger(__name__)

GATEWAY_ACTOR = Actor(kind="gateway")
RETRY_SECONDS_MAX = 3600


def receive_callback(
    *, gateway_name: str, headers: Mapping[str, str], body: bytes
) -> GatewayCallback | None:
    """Verifies a message and keeps it; None if it was kept before.

    Raises ``ResourceMissing`` for an unknown gateway and ``InvalidCallback`` for a bad signature.
    """
    try:
        gateway = get_gateway(gateway_name)
    except KeyError:
        raise ResourceMissing(f"No such gateway: {gateway_name}") from None
    message = gateway.parse_callback(headers=headers, body=body)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_callbacks (gateway_name, message_id, type, payload)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id",
            [
                gateway_name,
                message.message_id,
                message.type,
                json.dumps(dict(message.payload)),
            ],
        )
        row = cursor.fetchone()
    return GatewayCallback.objects.get(pk=row[0]) if row else None


def apply_callbacks(*, batch: int = 200) -> int:
    """Applies the messages that are due, oldest first; returns how many are done now.

    Safe to run twice or at once: each message is applied under its row's lock. One that fails, or
    must wait, is tried again after one second, two, four, and so on up to an hour, so that it never
    stops others.
    """
    due = GatewayCallback.objects.filter(processed_at__isnull=True, next_attempt_at__lte=Now())
    applied = 0
    for callback_id in list(
        due.order_by("next_attempt_at", "id").values_list("pk", flat=True)[:batch]
    ):
        try:
            applied += apply_callback(callback_id)
        except NotYet:
            _put_off(callback_id)
        except Exception:
            logger.exception("could not apply gateway callback %s", callback_id)
            _put_off(callback_id)
    return applied


def _put_off(callback_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE gateway_callbacks SET attempts = attempts + 1,"
            " next_attempt_at = now() + make_interval(secs => least(2 ^ least(attempts, 30), %s))"
            " WHERE id = %s AND processed_at IS NULL",
            [RETRY_SECONDS_MAX, callback_id],
        )


def apply_callback(callback_id: UUID) -> bool:
    """Applies one message, once; False if another process has it or had it. Raises ``NotYet`` for
    one that must wait, and whatever its handler raises."""

    def work() -> bool:
        callback = try_lock_callback(callback_id)
        if callback is None:
            return False
        handler = handler_for(callback.type)
        if handler is None:
            callback.outcome = "ignored: unknown type"
        else:
            callback.outcome = _outcome(handler, callback)
        callback.processed_at = datetime.now(UTC)
        callback.save(update_fields=["outcome", "processed_at"])
        return True

    return run_in_transaction(work)


def _outcome(handler: CallbackHandler, callback: GatewayCallback) -> str:
    """What a message did. Our ids are committed before a gateway hears of them, so what a message
    names and we do not know is not ours and never will be. What it says against our record is
    neither believed nor forgotten: the auditor reports it."""
    try:
        return handler(callback.gateway_name, callback.payload)
    except Contradiction as contradiction:
        logger.error("gateway callback %s contradicts our record: %s", callback.pk, contradiction)
        return contradiction_outcome(str(contradiction))
    except ResourceMissing as missing:
        logger.warning("gateway callback %s put aside: %s", callback.pk, missing.message)
        return f"ignored: {missing.message}"


def register_charge_messages() -> None:
    """Has the callbacks of charges applied here; called once, when the app starts."""
    register_callback_handler("charge.succeeded", _charge_confirmed)
    register_callback_handler("charge.failed", _charge_failed)


def _charge_confirmed(gateway_name: str, payload: Mapping[str, str]) -> str:
    return _confirm(gateway_name, UUID(payload["charge"]), succeeded=True)


def _charge_failed(gateway_name: str, payload: Mapping[str, str]) -> str:
    return _confirm(gateway_name, UUID(payload["charge"]), succeeded=False)


def _confirm(gateway_name: str, transaction_id: UUID, *, succeeded: bool) -> str:
    transaction = lock_charge(gateway_name=gateway_name, transaction_id=transaction_id)
    if transaction.status == states.PENDING or _is_being_captured(transaction):
        raise NotYet
    if succeeded and transaction.status in (states.FAILED, states.CANCELLED):
        raise Contradiction(f"transaction is {transaction.status}, the gateway says it was charged")
    if not succeeded and transaction.status in states.SUCCESSFUL:
        raise Contradiction(f"transaction is {transaction.status}, the gateway says it failed")
    transaction = confirm_capture(
        transaction_id=transaction_id, succeeded=succeeded, actor=GATEWAY_ACTOR
    )
    return f"transaction is {transaction.status}"


def _is_being_captured(transaction: Transaction) -> bool:
    """Whether a capture is under way, which the message may be about: its answer comes first."""
    return (
        transaction.status == states.AUTHORIZED
        and GatewayOperation.objects.filter(
            transaction=transaction,
            kind=GatewayOperation.CAPTURE,
            status=GatewayOperation.PENDING,
        ).exists()
    )
