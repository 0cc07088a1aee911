"""Recording a payment taken elsewhere, with its refund, all or nothing.

The source design's ``process_payment_with_refund_protection``, on its transaction manager: one
SERIALIZABLE transaction. Where the design inserts as pending and then credits a balance row, this
only inserts (a ledger entry is the credit), because reading fresh rows back, or updating a
merchant's one balance row, makes serializable transactions of a busy merchant fail each other.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, connection

from disputes import states
from disputes.errors import AmountExceedsRefundable, ExternalReferenceUsed
from disputes.models import Refund
from disputes.snapshot import refund_snapshot
from merchants.services.extend_history import extend_history
from payments_project.actor import Actor
from payments_project.database.partitions import create_month
from payments_project.database.transaction_manager import constraint_of, run_in_transaction
from payments_project.database.uuid7 import uuid7_time
from payments_project.errors import InvalidInput
from payments_project.events.record import record_event
from payments_project.idempotency.keys import KeyClaim, claim_key, store_reply
from payments_project.idempotency.replies import Replies
from payments_project.tenancy import Scope
from transactions import states as transaction_states
from transactions.gateways.external import EXTERNAL
from transactions.ledger import (
    capture_movements,
    record_movements,
    recorded,
    refund_movements,
)
from transactions.models import Transaction
from transactions.payout_models import EXTERNAL_REFERENCES_ONCE, ExternalReference
from transactions.snapshot import net_amount, transaction_snapshot

YEARS_BACK_MAX = 10
# How a payment stood that was refunded at once; the row is written as it stands in the end.
_BEFORE_REFUND = {"status": transaction_states.SUCCEEDED, "refunded_amount": 0}


@dataclass(frozen=True, slots=True)
class RecordedRefund:
    """Money given back elsewhere; ``amount`` in minor units of the payment's currency."""

    amount: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedPayment:
    """A payment taken elsewhere. ``occurred_at`` is its time (UTC), None for now."""

    amount: int
    currency: str
    payment_method_type: str
    external_reference: str
    fee_amount: int = 0
    customer_id: UUID | None = None
    occurred_at: datetime | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    refund: RecordedRefund | None = None


def process_payment_with_refund_protection(
    *,
    scope: Scope,
    actor: Actor,
    payment: RecordedPayment,
    is_credited: bool,
    claim: KeyClaim | None,
    replies: Replies[Transaction],
) -> Transaction:
    """Records the payment and its refund with their ledger entries and events, or nothing.

    The money is available at once if it came to us (``is_credited``, by the merchant's terms).
    Else the merchant has it already, and only our fee changes the balance. Retries
    serialization failures. Raises ``AmountExceedsRefundable`` for a refund above the amount,
    ``ExternalReferenceUsed`` for a reference that was recorded before, ``InvalidInput`` for a fee
    above the amount or a time in the future or over ten years back, and ``KeyTaken``.
    """
    _check(payment)
    month = (payment.occurred_at or datetime.now(UTC)).astimezone(UTC).date().replace(day=1)
    create_month(table="transactions", month=month)
    if payment.occurred_at is not None:
        extend_history(merchant_id=scope.merchant_id, moment=payment.occurred_at)

    def work() -> Transaction:
        key_id = claim_key(claim) if claim else None
        transaction = _insert_payment(scope, payment, is_credited=is_credited)
        taken = transaction_snapshot(transaction) | _BEFORE_REFUND
        for kind in ("transaction.created", "transaction.succeeded"):
            record_event(aggregate=transaction, type=kind, data=taken, actor=actor)
        record_movements(
            recorded(
                capture_movements(
                    transaction_id=transaction.pk,
                    amount=payment.amount,
                    fee=payment.fee_amount,
                    available_on=None,
                ),
                is_credited=is_credited,
            ),
            scope=scope,
            currency=payment.currency,
            transaction_id=transaction.pk,
        )
        if payment.refund:
            _insert_refund(transaction, payment.refund, scope, actor, is_credited=is_credited)
        if transaction.status == transaction_states.REFUNDED:
            record_event(
                aggregate=transaction,
                type="transaction.refunded",
                data=transaction_snapshot(transaction),
                actor=actor,
            )
        if key_id:
            store_reply(key_id, replies.of(transaction))
        return transaction

    try:
        return run_in_transaction(work, isolation="SERIALIZABLE")
    except IntegrityError as error:
        if constraint_of(error) != EXTERNAL_REFERENCES_ONCE:
            raise
        raise ExternalReferenceUsed(
            "A payment was recorded under this reference before.", param="external_reference"
        ) from None


def _check(payment: RecordedPayment) -> None:
    if payment.fee_amount > payment.amount:
        raise InvalidInput("The fee exceeds the amount.", param="fee_amount")
    if payment.refund and payment.refund.amount > payment.amount:
        raise AmountExceedsRefundable(
            f"At most {payment.amount} can be refunded.", param="refund.amount"
        )
    if payment.occurred_at is not None:
        now = datetime.now(UTC)
        if payment.occurred_at > now + timedelta(minutes=5):
            raise InvalidInput("The payment can't lie in the future.", param="occurred_at")
        if payment.occurred_at < now - timedelta(days=365 * YEARS_BACK_MAX):
            raise InvalidInput(
                f"The payment lies more than {YEARS_BACK_MAX} years back.", param="occurred_at"
            )


def _insert_payment(scope: Scope, payment: RecordedPayment, *, is_credited: bool) -> Transaction:
    refunded = payment.refund.amount if payment.refund else 0
    transaction = Transaction(
        id=_id_of(payment.occurred_at),
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        customer_id=payment.customer_id,
        amount=payment.amount,
        currency=payment.currency,
        captured_amount=payment.amount,
        refunded_amount=refunded,
        fee_amount=payment.fee_amount,
        status=transaction_states.REFUNDED
        if refunded == payment.amount
        else transaction_states.SUCCEEDED,
        payment_method_type=payment.payment_method_type,
        gateway_name=EXTERNAL,
        gateway_transaction_id=payment.external_reference,
        compliance_status="pending",
        description=payment.description,
        metadata=payment.metadata,
        updated_at=datetime.now(UTC),
    )
    transaction.save(force_insert=True)
    # Inserted and not looked for: of two at once the database refuses one.
    ExternalReference(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        reference=payment.external_reference,
        transaction_id=transaction.pk,
        is_credited=is_credited,
    ).save(force_insert=True)
    # Known without reading the row back, which would make serializable writers fail each other.
    transaction.created_at = uuid7_time(transaction.pk)
    transaction.net_amount = net_amount(transaction)
    transaction.revision = 1
    return transaction


def _insert_refund(
    transaction: Transaction,
    given_back: RecordedRefund,
    scope: Scope,
    actor: Actor,
    *,
    is_credited: bool,
) -> None:
    refund = Refund(
        transaction=transaction,
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        amount=given_back.amount,
        currency=transaction.currency,
        reason=given_back.reason,
        status=states.SUCCEEDED,
        requested_by=actor.id,
        requested_by_kind=actor.kind,
        processed_at=datetime.now(UTC),
    )
    refund.save(force_insert=True)
    for kind in ("refund.created", "refund.succeeded"):
        record_event(aggregate=refund, type=kind, data=refund_snapshot(refund), actor=actor)
    record_movements(
        recorded(
            refund_movements(refund_id=refund.pk, amount=given_back.amount),
            is_credited=is_credited,
        ),
        scope=scope,
        currency=transaction.currency,
        transaction_id=transaction.pk,
    )


def _id_of(occurred_at: datetime | None) -> UUID:
    """A UUIDv7 of that time, made by PostgreSQL as all ids are."""
    with connection.cursor() as cursor:
        if occurred_at is None:
            cursor.execute("SELECT uuidv7()")
        else:
            cursor.execute("SELECT uuidv7(%s - clock_timestamp())", [occurred_at])
        made: UUID = cursor.fetchone()[0]
    return made
