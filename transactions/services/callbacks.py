"""Gateway messages: kept once, answered fast, applied in order."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection
from django.db.models import F

from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import ResourceMissing
from transactions import states
from transactions.gateways.callback_handlers import (
    CallbackHandler,
    NotYet,
    handler_for,
    register_callback_handler,
)
from transactions.gateways.registry import get_gateway
from transactions.models import GatewayCallback
from transactions.services.confirm import confirm_capture

logger = logging.getLogger(__name__)

GATEWAY_ACTOR = Actor(kind="gateway")


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
    """Applies the messages that wait, oldest first; returns how many are done now.

    Safe to run twice or at once: each message is applied under its row's lock. One that fails is
    tried again by a later run, after those that failed less often, so that it never stops others.
    """
    waiting = GatewayCallback.objects.filter(processed_at__isnull=True).order_by("attempts", "id")
    applied = 0
    for callback_id in list(waiting.values_list("pk", flat=True)[:batch]):
        try:
            applied += apply_callback(callback_id)
        except Exception:
            logger.exception("could not apply gateway callback %s", callback_id)
            GatewayCallback.objects.filter(pk=callback_id).update(attempts=F("attempts") + 1)
    return applied


def apply_callback(callback_id: UUID) -> bool:
    """Applies one message, once; False if it must wait or another process has it."""

    def work() -> bool:
        callback = (
            GatewayCallback.objects.select_for_update(skip_locked=True)
            .filter(pk=callback_id, processed_at__isnull=True)
            .first()
        )
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

    try:
        return run_in_transaction(work)
    except NotYet:
        return False


def _outcome(handler: CallbackHandler, callback: GatewayCallback) -> str:
    """What a message did. Our ids are committed before a gateway hears of them, so what a message
    names and we do not know is not ours and never will be."""
    try:
        return handler(callback.gateway_name, callback.payload)
    except ResourceMissing as missing:
        logger.warning("gateway callback %s put aside: %s", callback.pk, missing.message)
        return f"ignored: {missing.message}"


def register_charge_messages() -> None:
    """Has the callbacks of charges applied here; called once, when the app starts."""
    register_callback_handler("charge.succeeded", _charge_confirmed)
    register_callback_handler("charge.failed", _charge_failed)


def _charge_confirmed(_gateway_name: str, payload: Mapping[str, str]) -> str:
    return _confirm(UUID(payload["charge"]), succeeded=True)


def _charge_failed(_gateway_name: str, payload: Mapping[str, str]) -> str:
    return _confirm(UUID(payload["charge"]), succeeded=False)


def _confirm(transaction_id: UUID, *, succeeded: bool) -> str:
    transaction = confirm_capture(
        transaction_id=transaction_id, succeeded=succeeded, actor=GATEWAY_ACTOR
    )
    if transaction.status == states.PENDING:
        raise NotYet
    return f"transaction is {transaction.status}"
