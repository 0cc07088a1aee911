"""Taking a payment: commit the intent, ask the gateway, commit the outcome.

Two commits and one gateway call between them (docs/payments.md shows what each kind of death in
between leaves, and who cleans up). Each phase is one SQL statement in autocommit, because round
trips were most of this path's cost.
"""

import logging
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, Error
from psycopg.types.numeric import Int4, Int8
from pydantic import SecretStr

from merchants.access import get_active_customer
from merchants.terms import MerchantTerms
from payments_project.actor import Actor
from payments_project.errors import InvalidInput
from payments_project.events.record import EVENT_COLUMNS, event_payload
from payments_project.idempotency.keys import KeyClaim, KeyTaken, store_reply
from payments_project.idempotency.replies import Replies
from payments_project.json_text import json_text
from payments_project.tenancy import Scope
from transactions import states
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import ChargeRequest, Gateway
from transactions.gateways.registry import select_gateway
from transactions.models import Transaction
from transactions.outcomes import blocked_change, change_for
from transactions.risk.assess import Assessment, assess_payment
from transactions.services.contradictions import note_late_change
from transactions.services.outcome_or_pending import outcome_or_pending
from transactions.snapshot import net_amount, transaction_snapshot
from transactions.transition import (
    Change,
    advance_transaction,
    apply_change,
    execute_payment_statement,
)
from vault.cards import parse_security_code
from vault.services.mark_used import mark_used
from vault.services.open_card import OpenedCard, open_card

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What a merchant asks for. ``amount`` in minor units of ``currency`` (upper-case ISO 4217)."""

    amount: int
    currency: str
    payment_method: str
    capture: bool = True
    customer_id: UUID | None = None
    cvc: SecretStr | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    ip_address: str | None = None


_FIELDS = [field.attname for field in Transaction._meta.concrete_fields]
_INTENT_COLUMNS = """
    id, merchant_id, environment, customer_id, amount, currency, status, payment_method_type,
    payment_method_token, brand, last_four, gateway_name, fraud_score, risk_level, description,
    metadata, ip_address, updated_at, event_sequence"""
_INTENT_VALUES = """
    intent.id, %(merchant_id)s, %(environment)s, %(customer_id)s, %(amount)s, %(currency)s,
    'pending', %(payment_method_type)s, %(payment_method_token)s, %(brand)s, %(last_four)s,
    %(gateway_name)s, %(fraud_score)s, %(risk_level)s, %(description)s, %(metadata)s::jsonb,
    %(ip_address)s, uuid_extract_timestamp(intent.id), 1"""
_INTENT_EVENT = f"""
    INSERT INTO events ({EVENT_COLUMNS})
    SELECT 'transaction', id::text, 'transaction.created', 1,
           jsonb_set(%(payload)s::jsonb, '{{object,id}}', to_jsonb(id)), merchant_id, environment,
           %(actor_kind)s, %(actor_id)s::uuid, %(request_id)s, %(idempotency_key)s
      FROM payment"""
_INTENT = f"""
WITH intent AS MATERIALIZED (SELECT uuidv7() AS id),
payment AS (
    INSERT INTO transactions ({_INTENT_COLUMNS})
    SELECT {_INTENT_VALUES} FROM intent
    RETURNING id, created_at, merchant_id, environment
), event AS ({_INTENT_EVENT})
SELECT id, created_at, NULL::uuid FROM payment
"""
# The key's row decides: without it (another call has the key) nothing else is inserted.
_CLAIMED_INTENT = f"""
WITH intent AS MATERIALIZED (SELECT uuidv7() AS id),
claim AS (
    INSERT INTO idempotency_keys (merchant_id, environment, key, request_path,
        request_fingerprint, api_key_id, recovery_point, locked_until, resource_id)
    SELECT %(merchant_id)s, %(environment)s, %(key)s, %(request_path)s, %(fingerprint)s,
           %(api_key_id)s::uuid, 'started', now() + make_interval(secs => %(lease_seconds)s),
           intent.id::text
      FROM intent
    ON CONFLICT (merchant_id, environment, key) DO NOTHING
    RETURNING id AS key_id
), payment AS (
    INSERT INTO transactions ({_INTENT_COLUMNS})
    SELECT {_INTENT_VALUES} FROM intent, claim
    RETURNING id, created_at, merchant_id, environment
), event AS ({_INTENT_EVENT})
SELECT id, created_at, key_id FROM payment, claim
"""


def create_transaction(
    *,
    scope: Scope,
    actor: Actor,
    request: PaymentRequest,
    terms: MerchantTerms,
    claim: KeyClaim | None,
    replies: Replies[Transaction],
) -> Transaction:
    """Takes a payment and returns it as it stands afterwards: a decline is a result, not an error.

    With ``claim`` the effect happens once for the key, and ``replies.of(transaction)`` is stored
    under it in the outcome's commit. An unknown outcome, or one that could not be written, leaves
    the transaction pending, to be settled by ``resolve_unknown_outcomes``.

    Raises ``InvalidInput`` and ``ResourceMissing`` for what the request names wrongly and
    ``Unavailable`` without a gateway, all before anything is written, and ``KeyTaken`` if the key
    has a row already.
    """
    terms.require_currency(request.currency)
    opened = open_card(scope=scope, token=request.payment_method, param="payment_method")
    if not opened.is_active:
        raise InvalidInput(
            "The payment method was detached and can't be charged.", param="payment_method"
        )
    code = None
    if request.cvc is not None:
        code = parse_security_code(code=request.cvc, brand=opened.brand or "")
    customer_id = _customer_of(scope=scope, request=request, opened=opened)
    gateway = select_gateway(scope)
    assessment = assess_payment(
        scope=scope, card=opened.card, amount=request.amount, currency=request.currency
    )
    transaction = _intended(scope, request, opened, customer_id, gateway, assessment)
    key_id = _commit_intent(transaction, actor, claim)

    def ask() -> Change | None:
        if assessment.blocked:
            return blocked_change(assessment)
        result = call_gateway(
            gateway.authorize,
            ChargeRequest(
                reference=transaction.pk,
                amount=request.amount,
                currency=request.currency,
                capture=request.capture,
                card=opened.card,
                cvc=code,
            ),
        )
        return change_for(transaction=transaction, result=result, terms=terms)

    def pending() -> Transaction:
        # The object in memory may hold a change that is not written.
        intended = _intended(scope, request, opened, customer_id, gateway, assessment)
        intended.pk, intended.created_at = transaction.pk, transaction.created_at
        intended.updated_at = transaction.created_at
        return intended

    told = outcome_or_pending(
        ask=ask,
        finish=lambda change: commit_outcome(
            transaction=transaction, change=change, actor=actor, key_id=key_id, replies=replies
        ),
        pending=pending,
        replies=replies,
        intent=f"transaction {transaction.pk}",
    )
    if opened.is_use_due():
        _note_use(scope, opened)
    return told


def _note_use(scope: Scope, opened: OpenedCard) -> None:
    """A note that can't be made is left out: the payment has been taken."""
    try:
        mark_used(scope=scope, token=opened.token)
    except Error as error:
        logger.warning("the use of a payment method is not noted: %s", type(error).__name__)


def commit_outcome(
    *,
    transaction: Transaction,
    change: Change | None,
    actor: Actor,
    key_id: UUID | None,
    replies: Replies[Transaction],
) -> Transaction:
    """Writes a pending transaction's outcome and its reply; None stores the reply alone.

    If somebody else settled it meanwhile (a callback, the resolver), theirs stands and the reply
    tells it; an outcome that contradicts theirs is kept for staff.
    """
    if change is not None:
        apply_change(transaction, change)
        reply = replies.of(transaction) if key_id else None
        if advance_transaction(
            transaction=transaction,
            expected=states.PENDING,
            change=change,
            actor=actor,
            key_id=key_id,
            reply=reply,
        ):
            return transaction
        transaction = Transaction.objects.get(pk=transaction.pk)
        note_late_change(transaction=transaction, change=change)
    if key_id:
        store_reply(key_id, replies.of(transaction))
    return transaction


def _customer_of(*, scope: Scope, request: PaymentRequest, opened: OpenedCard) -> UUID | None:
    """Who pays: the card's customer, or the one that the request names for a card of nobody."""
    if request.customer_id is None or request.customer_id == opened.customer_id:
        return opened.customer_id
    if opened.customer_id is not None:
        raise InvalidInput(
            "The payment method belongs to another customer.", param="payment_method"
        )
    customer = get_active_customer(scope=scope, customer_id=request.customer_id, param="customer")
    named: UUID = customer.pk
    return named


def _intended(
    scope: Scope,
    request: PaymentRequest,
    opened: OpenedCard,
    customer_id: UUID | None,
    gateway: Gateway,
    assessment: Assessment,
) -> Transaction:
    """The transaction in memory, as the intent's commit will write it; its id comes from there."""
    values: dict[str, Any] = {
        "merchant_id": scope.merchant_id,
        "environment": scope.environment,
        "customer_id": customer_id,
        "amount": request.amount,
        "currency": request.currency,
        "fee_amount": 0,
        "refunded_amount": 0,
        "status": states.PENDING,
        "payment_method_type": opened.payment_method_type,
        "payment_method_token": request.payment_method,
        "brand": opened.brand,
        "last_four": opened.last_four,
        "gateway_name": gateway.name,
        "fraud_score": Decimal(str(assessment.score)),
        "risk_level": assessment.level,
        "compliance_status": "pending",
        "description": request.description,
        "metadata": request.metadata,
        "ip_address": request.ip_address,
        "revision": 1,
        "event_sequence": 1,
    }
    # As if it had been read: the constructor takes three times as long over the fields' defaults.
    transaction = Transaction.from_db(
        DEFAULT_DB_ALIAS, _FIELDS, [values.get(name) for name in _FIELDS]
    )
    transaction.net_amount = net_amount(transaction)
    return transaction


def _commit_intent(transaction: Transaction, actor: Actor, claim: KeyClaim | None) -> UUID | None:
    """Commits the pending row, its event and the claimed key; returns the key's row id."""
    parameters: dict[str, Any] = {
        "merchant_id": transaction.merchant_id,
        "environment": transaction.environment,
        "customer_id": transaction.customer_id,
        "amount": Int8(transaction.amount),
        "currency": transaction.currency,
        "payment_method_type": transaction.payment_method_type,
        "payment_method_token": transaction.payment_method_token,
        "brand": transaction.brand,
        "last_four": transaction.last_four,
        "gateway_name": transaction.gateway_name,
        "fraud_score": transaction.fraud_score,
        "risk_level": transaction.risk_level,
        "description": transaction.description,
        "metadata": json_text(transaction.metadata),
        "ip_address": transaction.ip_address,
        "payload": event_payload(
            object_type="transaction",
            object_id=None,
            environment=transaction.environment,
            data=transaction_snapshot(transaction),
        ),
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "request_id": actor.request_id,
        "idempotency_key": actor.idempotency_key,
    }
    statement = _INTENT
    if claim is not None:
        statement = _CLAIMED_INTENT
        parameters |= {
            "key": claim.key,
            "request_path": claim.request_path,
            "fingerprint": claim.fingerprint,
            "api_key_id": claim.api_key_id,
            "lease_seconds": Int4(claim.lease_seconds),
        }
    row = execute_payment_statement(statement, parameters)
    if row is None:
        raise KeyTaken
    key_id: UUID | None
    transaction.pk, transaction.created_at, key_id = row
    transaction.updated_at = transaction.created_at
    return key_id
