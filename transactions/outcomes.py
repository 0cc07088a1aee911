"""From a gateway's answer to a transaction's next state: the one place where that is decided."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.conf import settings

from merchants.terms import MerchantTerms
from transactions import states
from transactions.errors import GatewayContractBroken
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.ledger import Movement, capture_movements
from transactions.models import Transaction
from transactions.risk.assess import Assessment
from transactions.transition import Change

# Declines that are the card's own fault have a code of their own; the rest share one.
OWN_CODES = frozenset({"expired_card", "incorrect_cvc", "processing_error"})

GATEWAY_UNAVAILABLE = "gateway_unavailable"
BLOCKED_BY_RISK = "blocked_by_risk"
CARD_DECLINED = "card_declined"


def change_for(
    *, transaction: Transaction, result: GatewayResult, terms: MerchantTerms
) -> Change | None:
    """The next state of a pending transaction, or None while the outcome is unknown.

    Captured money is the merchant's: amount and fee are entered in the ledger with it.
    Raises ``GatewayContractBroken`` for an answer that does not say how much was captured.
    """
    if result.outcome is Outcome.UNKNOWN:
        return None
    if result.outcome is Outcome.DECLINED:
        code = result.decline_code or "generic_decline"
        return Change(
            status=states.FAILED,
            failure_code=code if code in OWN_CODES else CARD_DECLINED,
            decline_code=code,
            failure_message=result.message or "The card was declined.",
            gateway_response=dict(result.response),
        )
    if result.outcome in (Outcome.UNAVAILABLE, Outcome.NOT_FOUND):
        return Change(
            status=states.FAILED,
            failure_code=GATEWAY_UNAVAILABLE,
            failure_message="The gateway could not be reached; nothing was charged.",
            gateway_response=dict(result.response),
        )
    if not require_captured_amount(transaction, result):
        return Change(
            status=states.AUTHORIZED,
            gateway_transaction_id=result.gateway_id,
            gateway_response=dict(result.response),
            authorization_expires_at=datetime.now(UTC)
            + timedelta(days=settings.AUTHORIZATION_VALID_DAYS),
        )
    return captured_change(transaction=transaction, result=result, terms=terms)


def require_captured_amount(
    transaction: Transaction, result: GatewayResult, *, asked: int | None = None
) -> int:
    """What a gateway that took a charge says was captured of it, in minor units.

    Raises ``GatewayContractBroken`` where it does not say, or says what can't be: the money has
    moved, so the books must neither guess an amount nor be written with an impossible one.
    """
    amount = result.captured_amount
    if amount is None:
        raise GatewayContractBroken(f"no captured amount in an answer about {transaction.pk}")
    if not 0 <= amount <= transaction.amount:
        raise GatewayContractBroken(f"{amount} captured of {transaction.pk}: {transaction.amount}")
    if asked is not None and amount != asked:
        raise GatewayContractBroken(f"{amount} captured of {transaction.pk}, not {asked} as asked")
    return amount


def captured_change(
    *,
    transaction: Transaction,
    result: GatewayResult,
    terms: MerchantTerms,
    asked: int | None = None,
) -> Change:
    """The change of a captured charge: SUCCEEDED with its ledger entries, or CAPTURED until the
    gateway confirms it, without them. Raises ``GatewayContractBroken`` for another amount than
    was ``asked`` to be captured."""
    amount = require_captured_amount(transaction, result, asked=asked)
    fee = terms.fee_for(amount=amount, currency=transaction.currency, brand=transaction.brand)
    confirmed = result.outcome is Outcome.SUCCEEDED
    return Change(
        status=states.SUCCEEDED if confirmed else states.CAPTURED,
        captured_amount=amount,
        fee_amount=fee,
        gateway_transaction_id=result.gateway_id,
        gateway_response=dict(result.response),
        movements=captured_movements(
            transaction=transaction,
            amount=amount,
            fee=fee,
            delay_days=0 if result.available_at_once else terms.settlement_delay_days,
        )
        if confirmed
        else (),
    )


def captured_movements(
    *, transaction: Transaction, amount: int, fee: int, delay_days: int
) -> list[Movement]:
    """The ledger entries of captured money; with no delay it is available at once."""
    available_on: date | None = None
    if delay_days:
        available_on = datetime.now(UTC).date() + timedelta(days=delay_days)
    return capture_movements(
        transaction_id=transaction.pk, amount=amount, fee=fee, available_on=available_on
    )


def blocked_change(assessment: Assessment) -> Change:
    """The change of a payment that risk refused before any gateway was asked."""
    return Change(
        status=states.FAILED,
        failure_code=BLOCKED_BY_RISK,
        failure_message="The payment was blocked because its risk is too high.",
        fraud_score=Decimal(str(assessment.score)),
        risk_level=assessment.level,
    )
