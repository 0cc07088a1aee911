"""Row locks of this app; every lock is taken here, several in the order of their keys."""

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from payments_project.errors import ResourceMissing
from payments_project.tenancy import Scope
from transactions import states
from transactions.models import (
    CustomerRaise,
    GatewayCallback,
    GatewayOperation,
    PaymentReview,
    Transaction,
)
from transactions.payout_models import Payout, PayoutAccount, PayoutSchedule


def lock_transaction(
    *, transaction_id: UUID, scope: Scope | None = None, param: str | None = None
) -> Transaction:
    """The transaction, its row locked to the end of the caller's transaction.

    With ``scope`` another merchant's row does not exist. Raises ``ResourceMissing``.
    """
    rows = Transaction.objects.select_for_update().filter(pk=transaction_id)
    if scope is not None:
        rows = rows.filter(merchant_id=scope.merchant_id, environment=scope.environment)
    transaction = rows.first()
    if transaction is None:
        raise ResourceMissing(f"No such transaction: {transaction_id}", param=param)
    return transaction


def lock_operation(operation: GatewayOperation) -> tuple[Transaction, GatewayOperation]:
    """An act's transaction and the act as it now is, both locked to the end of the caller's
    transaction."""
    transaction = lock_transaction(transaction_id=operation.transaction_id)
    return transaction, GatewayOperation.objects.select_for_update().get(pk=operation.pk)


def lock_review(review_id: UUID) -> tuple[Transaction, PaymentReview]:
    """A review and its payment, both locked to the end of the caller's transaction. Raises
    ``ResourceMissing``."""
    reviews = PaymentReview.objects.filter(pk=review_id)
    transaction_id = reviews.values_list("transaction_id", flat=True).first()
    if transaction_id is None:
        raise ResourceMissing(f"No such review: {review_id}")
    transaction = lock_transaction(transaction_id=transaction_id)
    return transaction, reviews.select_for_update().get()


def lock_charge(*, gateway_name: str, transaction_id: UUID) -> Transaction:
    """The transaction that a gateway tells of, its row locked to the end of the caller's
    transaction. One that another gateway took does not exist. Raises ``ResourceMissing``."""
    transaction = lock_transaction(transaction_id=transaction_id)
    require_gateway(transaction, gateway_name)
    return transaction


def require_gateway(transaction: Transaction, gateway_name: str) -> None:
    """Raises ``ResourceMissing`` unless this gateway took the payment: whoever holds the signing
    key of one gateway must not move what lies at another."""
    if transaction.gateway_name != gateway_name:
        raise ResourceMissing(f"Not a charge of this gateway: {transaction.pk}")


def try_lock_callback(callback_id: UUID) -> GatewayCallback | None:
    """A gateway's message that is not applied yet, its row locked to the end of the caller's
    transaction; None if it is, or if another process is at it."""
    return (
        GatewayCallback.objects.select_for_update(skip_locked=True)
        .filter(pk=callback_id, processed_at__isnull=True)
        .first()
    )


def lock_balance(*, scope: Scope, currency: str) -> None:
    """Locks the merchant's balance row of a currency, making it first if need be.

    Whoever needs funds holds it from reading the balance to writing the ledger entry: check then
    insert without it overdraws.
    """
    key: list[Any] = [scope.merchant_id, scope.environment, currency]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO merchant_balances (merchant_id, environment, currency)"
            " VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            key,
        )
        cursor.execute(
            "SELECT 1 FROM merchant_balances WHERE merchant_id = %s AND environment = %s"
            " AND currency = %s FOR UPDATE",
            key,
        )


def lock_raise(customer_id: UUID) -> CustomerRaise:
    """How far a customer's payments are raised, locked to the end of the caller's transaction."""
    CustomerRaise.objects.bulk_create(
        [CustomerRaise(customer_id=customer_id, sequence=0, is_done=True)], ignore_conflicts=True
    )
    return CustomerRaise.objects.select_for_update().get(pk=customer_id)


def lock_payout(payout_id: UUID, *, scope: Scope | None = None) -> Payout:
    """The payout, locked to the end of the caller's transaction. With ``scope`` another merchant's
    does not exist. Raises ``ResourceMissing``."""
    rows = Payout.objects.select_for_update().filter(pk=payout_id)
    if scope is not None:
        rows = rows.filter(merchant_id=scope.merchant_id, environment=scope.environment)
    payout = rows.first()
    if payout is None:
        raise ResourceMissing(f"No such payout: {payout_id}")
    return payout


def lock_payouts(payouts: QuerySet[Payout]) -> list[Payout]:
    """Payouts in the order of their keys, locked to the end of the caller's transaction; those that
    another process is at are left out."""
    return list(payouts.select_for_update(skip_locked=True, of=("self",)).order_by("pk"))


def lock_payout_accounts(*, scope: Scope, currency: str) -> list[PayoutAccount]:
    """A merchant's bank accounts of a currency that are not removed, oldest first, and what decides
    of a new one: the merchant's balance row. Locked to the end of the caller's transaction."""
    lock_balance(scope=scope, currency=currency)
    accounts = PayoutAccount.objects.select_for_update().filter(
        merchant_id=scope.merchant_id, environment=scope.environment, currency=currency
    )
    return list(accounts.exclude(status=states.REMOVED).order_by("pk"))


def lock_payout_schedule(schedule_id: UUID) -> PayoutSchedule:
    """The schedule, locked to the end of the caller's transaction. Raises ``DoesNotExist``."""
    return PayoutSchedule.objects.select_for_update().get(pk=schedule_id)


def try_advisory_lock(name: str) -> bool:
    """Takes the named lock to the end of the caller's transaction; False if another has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def wait_for_advisory_lock(name: str) -> None:
    """Takes the named lock to the end of the caller's transaction, when whoever has it lets go.
    Those who wait get it in the order in which they came."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
