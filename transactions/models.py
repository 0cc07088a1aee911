"""Tables of the payment life cycle, the ledger and the gateways."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Coalesce

from payments_project.database.conditions import OneOf
from payments_project.database.fields import (
    CurrentTransactionId,
    RowTime,
    TransactionTime,
    Xid8Field,
)
from payments_project.database.indexes import NamedIndex
from payments_project.database.models import EMPTY_JSON, Aggregate, Identified
from payments_project.database.uuid7 import UUID7Time
from payments_project.money import format_amount
from payments_project.tenancy import ENVIRONMENT_CHOICES, ENVIRONMENTS
from transactions import ledger_accounts, payout_models, states


class Transaction(Identified, Aggregate):
    """A payment. Partitioned by month through its id; amounts in the currency's smallest unit.

    ``refunded_amount`` counts pending and succeeded refunds: it is reserved under this row's lock
    before the gateway is asked, and given back when a refund fails or is cancelled.
    ``revision`` rises with every change that a search document shows.
    """

    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    fee_amount = models.BigIntegerField(default=0, db_default=0)
    captured_amount = models.BigIntegerField(null=True)
    refunded_amount = models.BigIntegerField(default=0, db_default=0)
    net_amount = models.GeneratedField(
        expression=Coalesce(F("captured_amount"), F("amount")) - F("fee_amount"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    status = models.CharField(
        max_length=20,
        default=states.PENDING,
        db_default=states.PENDING,
        choices=[(state, state) for state in states.STATES],
    )
    payment_method_type = models.CharField(max_length=20)
    payment_method_token = models.CharField(max_length=100, null=True)
    brand = models.CharField(max_length=20, null=True)
    last_four = models.CharField(max_length=4, null=True)
    gateway_name = models.CharField(max_length=50)
    gateway_transaction_id = models.CharField(max_length=100, null=True)
    gateway_response = models.JSONField(null=True)
    failure_code = models.CharField(max_length=40, null=True)
    decline_code = models.CharField(max_length=40, null=True)
    failure_message = models.CharField(max_length=300, null=True)
    fraud_score = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    risk_level = models.CharField(
        max_length=10, null=True, choices=[(level, level) for level in ("low", "medium", "high")]
    )
    compliance_status = models.CharField(
        max_length=20, null=True, default="pending", db_default="pending"
    )
    description = models.TextField(null=True)
    metadata = models.JSONField(null=True, default=dict, db_default=EMPTY_JSON)
    ip_address = models.GenericIPAddressField(null=True)
    authorization_expires_at = models.DateTimeField(null=True)
    revision = models.BigIntegerField(default=1, db_default=1)
    created_at = models.GeneratedField(
        expression=UUID7Time("id"), output_field=models.DateTimeField(), db_persist=True
    )
    updated_at = models.DateTimeField(null=True, db_default=TransactionTime())
    # Last, as in the table: a list that names the columns in the table's order needs no projection
    # of its own for each month that it looks into.
    customer = models.ForeignKey(
        "merchants.Customer",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
    )
    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )

    class Meta:
        db_table = "transactions"
        default_permissions = ("view",)
        permissions = (
            ("capture_transaction", "Can capture authorized payments"),
            ("cancel_transaction", "Can cancel authorized payments"),
            ("ask_gateway", "Can ask gateways about payments"),
            ("review_transaction", "Can mark payments for review"),
        )
        constraints = [
            models.CheckConstraint(name="transactions_amount_check", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="valid_status", condition=OneOf("status", states.STATES)),
            # No level is no violation either: a condition on NULL is not false.
            models.CheckConstraint(
                name="valid_risk_level", condition=OneOf("risk_level", ["low", "medium", "high"])
            ),
            models.CheckConstraint(
                name="transactions_valid_environment",
                condition=OneOf("environment", ENVIRONMENTS),
            ),
            models.CheckConstraint(
                name="transactions_captured_within_amount",
                condition=Q(captured_amount__isnull=True)
                | Q(captured_amount__gte=0, captured_amount__lte=F("amount")),
            ),
            models.CheckConstraint(
                name="transactions_refunded_within_captured",
                condition=Q(refunded_amount__gte=0)
                & Q(refunded_amount__lte=Coalesce(F("captured_amount"), 0)),
            ),
            models.CheckConstraint(
                name="transactions_fee_within_captured",
                condition=Q(fee_amount__gte=0)
                & Q(fee_amount__lte=Coalesce(F("captured_amount"), F("amount"))),
            ),
            models.CheckConstraint(
                name="transactions_captured_when_successful",
                condition=~Q(OneOf("status", [states.CAPTURED, *states.SUCCESSFUL]))
                | Q(captured_amount__isnull=False),
            ),
        ]
        indexes = [
            NamedIndex(
                F("merchant_id"), F("created_at").desc(), name="idx_transactions_merchant_created"
            ),
            NamedIndex(
                fields=["customer"],
                name="idx_transactions_customer",
                condition=Q(customer__isnull=False),
            ),
            NamedIndex(
                fields=["status"],
                name="idx_transactions_status",
                condition=Q(status__in=[states.PENDING, states.FAILED]),
            ),
            NamedIndex(
                fields=["gateway_name", "gateway_transaction_id"], name="idx_transactions_gateway"
            ),
            NamedIndex(fields=["currency", "amount"], name="idx_transactions_amount_currency"),
            NamedIndex(
                F("created_at").desc(),
                name="idx_transactions_high_risk",
                condition=Q(risk_level="high") | Q(fraud_score__gt=Decimal("0.8")),
            ),
            NamedIndex(
                F("merchant_id"),
                F("environment"),
                F("id").desc(),
                name="idx_transactions_merchant_page",
            ),
            NamedIndex(
                fields=["payment_method_token"],
                name="idx_transactions_payment_method",
                condition=Q(payment_method_token__isnull=False),
            ),
            NamedIndex(
                fields=["authorization_expires_at"],
                name="idx_transactions_authorized",
                condition=Q(status=states.AUTHORIZED),
            ),
            NamedIndex(
                fields=["id"],
                name="idx_transactions_captured",
                condition=Q(status=states.CAPTURED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def left_to_refund(self) -> int:
        """What was captured less what was refunded, in minor units; whether the payment's status
        allows a refund is not asked."""
        return (self.captured_amount or 0) - self.refunded_amount


class CustomerRaise(models.Model):
    """How far the revisions of a customer's payments are raised for what changed of the customer.

    ``sequence`` is that of the event that told of the change; all of the payments are raised once
    ``is_done``, before that those with ids up to ``raised_to``.
    """

    customer_id = models.UUIDField(primary_key=True)
    sequence = models.IntegerField()
    raised_to = models.UUIDField(null=True)
    is_done = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "customer_raises"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.customer_id} #{self.sequence}"


class LedgerEntry(Identified):
    """One amount moved from a debit account to a credit account; never changed, never deleted.

    Debits and credits stand on one row, so the books balance by construction. ``type`` and
    ``source_id`` say why; ``available_on`` is the UTC day on which pending money becomes available.
    ``xid`` is what the balance folder's cursor compares (see ``transactions.balances``).
    """

    merchant_id = models.UUIDField()
    environment = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    debit_account = models.CharField(max_length=20)
    credit_account = models.CharField(max_length=20)
    type = models.CharField(max_length=20)
    source_id = models.UUIDField()
    transaction_id = models.UUIDField(null=True)
    available_on = models.DateField(null=True)
    description = models.CharField(max_length=200, null=True)
    xid = Xid8Field(db_default=CurrentTransactionId(), editable=False)
    created_at = models.GeneratedField(
        expression=UUID7Time("id"), output_field=models.DateTimeField(), db_persist=True
    )

    class Meta:
        db_table = "ledger_entries"
        default_permissions = ("view",)
        verbose_name_plural = "ledger entries"
        constraints = [
            models.CheckConstraint(name="ledger_entries_amount_check", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="ledger_entries_valid_environment",
                condition=OneOf("environment", ENVIRONMENTS),
            ),
            models.CheckConstraint(
                name="ledger_entries_valid_type", condition=OneOf("type", ledger_accounts.TYPES)
            ),
            models.CheckConstraint(
                name="ledger_entries_valid_accounts",
                condition=Q(OneOf("debit_account", ledger_accounts.ACCOUNTS))
                & Q(OneOf("credit_account", ledger_accounts.ACCOUNTS))
                & ~Q(debit_account=F("credit_account")),
            ),
            models.CheckConstraint(
                name="ledger_entries_pending_has_day",
                condition=(
                    ~Q(debit_account=ledger_accounts.PENDING)
                    & ~Q(credit_account=ledger_accounts.PENDING)
                )
                | Q(available_on__isnull=False),
            ),
        ]
        indexes = [
            NamedIndex(fields=["xid"], name="idx_ledger_entries_xid"),
            NamedIndex(
                F("merchant_id"),
                F("environment"),
                F("id").desc(),
                name="idx_ledger_entries_merchant",
            ),
            NamedIndex(
                fields=["transaction_id"],
                name="idx_ledger_entries_transaction",
                condition=Q(transaction_id__isnull=False),
            ),
            NamedIndex(
                fields=["source_id"],
                name="idx_ledger_entries_source",
                condition=Q(transaction_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {format_amount(self.amount, self.currency)}"


class MerchantBalance(Identified):
    """A merchant's money in one currency, folded from the ledger up to the folder's snapshot.

    Not the whole truth by itself: ``transactions.balances.read_balances`` adds what is not folded
    yet. Whoever needs funds locks this row first.
    """

    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    currency = models.CharField(max_length=3)
    pending_balance = models.BigIntegerField(default=0, db_default=0)
    available_balance = models.BigIntegerField(default=0, db_default=0)
    reserved_balance = models.BigIntegerField(default=0, db_default=0)
    updated_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        db_table = "merchant_balances"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "environment", "currency"], name="merchant_balances_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.currency}"


class MerchantPendingDay(Identified):
    """How much of a merchant's pending money becomes available on one UTC day; folded as balances.

    Settlement moves what is left on days that have come, so a late entry of an old day is settled
    by the next run.
    """

    merchant_id = models.UUIDField()
    environment = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    available_on = models.DateField()
    amount = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "merchant_pending_days"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["merchant_id", "environment", "currency", "available_on"],
                name="merchant_pending_days_once",
            )
        ]
        indexes = [
            NamedIndex(
                fields=["available_on"],
                name="idx_merchant_pending_days_due",
                condition=~Q(amount=0),
            )
        ]

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.currency} {self.available_on}"


class GatewayOperation(Identified):
    """An act asked of a gateway after the authorization: capture or void. Its intent and outcome.

    Committed as pending before the gateway is called. At most one of a transaction is pending or
    has succeeded, so two captures never race, nor follow each other. An unknown outcome stays
    pending until the gateway has been asked.
    """

    CAPTURE = "capture"
    VOID = "void"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=[(CAPTURE, CAPTURE), (VOID, VOID)])
    amount = models.BigIntegerField()
    status = models.CharField(
        max_length=20,
        default=PENDING,
        choices=[(state, state) for state in (PENDING, SUCCEEDED, FAILED)],
    )
    # Why a void was asked for: the merchant's cancel, or an authorization past its time.
    cause = models.CharField(max_length=40, default="requested")
    actor_kind = models.CharField(max_length=20)
    actor_id = models.UUIDField(null=True)
    response = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=TransactionTime())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "gateway_operations"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["transaction"],
                name="gateway_operations_once",
                condition=Q(status__in=["pending", "succeeded"]),
            ),
            models.CheckConstraint(
                name="gateway_operations_valid_kind", condition=Q(kind__in=["capture", "void"])
            ),
            models.CheckConstraint(
                name="gateway_operations_valid_status",
                condition=Q(status__in=["pending", "succeeded", "failed"]),
            ),
            models.CheckConstraint(
                name="gateway_operations_amount_check", condition=Q(amount__gt=0)
            ),
        ]
        indexes = [
            NamedIndex(
                fields=["created_at"],
                name="idx_gateway_operations_pending",
                condition=Q(status="pending"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"


class PaymentReview(Identified):
    """A payment that somebody shall look at: why, and what came of it. At most one is open.

    A table of its own, so that the queue is short and payments without a review pay nothing.
    """

    transaction = models.ForeignKey(
        Transaction, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    status = models.CharField(
        max_length=20,
        default=states.OPEN,
        db_default=states.OPEN,
        choices=[(state, state) for state in states.REVIEW_STATES],
    )
    reason = models.TextField()
    opened_by = models.UUIDField(null=True)
    opened_by_kind = models.CharField(max_length=20)
    created_at = models.DateTimeField(db_default=RowTime())
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(default="", db_default="")

    class Meta:
        db_table = "payment_reviews"
        default_permissions = ("view",)
        permissions = (("decide_paymentreview", "Can clear and reject payments under review"),)
        constraints = [
            models.UniqueConstraint(
                fields=["transaction"],
                name="payment_reviews_one_open",
                condition=Q(status=states.OPEN),
            ),
            models.CheckConstraint(
                name="payment_reviews_valid_status", condition=Q(status__in=states.REVIEW_STATES)
            ),
            models.CheckConstraint(
                name="payment_reviews_valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
        ]
        indexes = [
            NamedIndex(
                fields=["id"], name="idx_payment_reviews_open", condition=Q(status=states.OPEN)
            ),
            NamedIndex(fields=["transaction"], name="idx_payment_reviews_transaction"),
        ]

    def __str__(self) -> str:
        return f"review {self.status}"


class GatewayCallback(Identified):
    """A message that a gateway sent us, kept once per gateway and message id, then applied.

    One whose ``outcome`` begins with ``contradiction:`` says what our record denies. An answer to a
    call that does so is kept here too (type ``answer.…``).
    """

    gateway_name = models.CharField(max_length=50)
    message_id = models.CharField(max_length=100)
    type = models.CharField(max_length=60)
    payload = models.JSONField()
    received_at = models.DateTimeField(db_default=TransactionTime())
    processed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=200, null=True)
    attempts = models.IntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        db_table = "gateway_callbacks"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["gateway_name", "message_id"], name="gateway_callbacks_once"
            )
        ]
        indexes = [
            NamedIndex(
                fields=["next_attempt_at"],
                name="idx_gateway_callbacks_open",
                condition=Q(processed_at__isnull=True),
            ),
            NamedIndex(KeyTransform("charge", "payload"), name="idx_gateway_callbacks_charge"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway_name} {self.type}"


class SimulatorCharge(models.Model):
    """The simulator's own record of a charge: what a real gateway would hold on its side.

    Only the simulator writes it; the product compares its own records with it.
    """

    reference = models.UUIDField(primary_key=True)
    # Made of the reference, and so unique as that is.
    gateway_id = models.CharField(max_length=40)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20)
    scenario = models.CharField(max_length=40)
    decline_code = models.CharField(max_length=40, null=True)
    captured_amount = models.BigIntegerField(default=0)
    # References of captures that must not be carried out any more; NULL without any.
    barred_captures = ArrayField(models.UUIDField(), null=True)
    created_at = models.DateTimeField(db_default=TransactionTime())
    updated_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        db_table = "gateway_simulator_charges"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.gateway_id} {self.status}"


class SimulatorRefund(models.Model):
    """The simulator's own record of a refund."""

    reference = models.UUIDField(primary_key=True)
    charge = models.ForeignKey(SimulatorCharge, on_delete=models.PROTECT)
    gateway_id = models.CharField(max_length=40, unique=True)
    amount = models.BigIntegerField()
    status = models.CharField(max_length=20)
    created_at = models.DateTimeField(db_default=TransactionTime())
    updated_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        db_table = "gateway_simulator_refunds"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.gateway_id} {self.status}"


class SimulatorCallback(models.Model):
    """A callback that the simulator will send, as a real gateway would, some time later."""

    id = models.BigAutoField(primary_key=True)
    due_at = models.DateTimeField()
    message = models.JSONField()
    sent_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)

    class Meta:
        db_table = "gateway_simulator_callbacks"
        default_permissions = ("view",)
        indexes = [
            NamedIndex(
                fields=["due_at"],
                name="idx_simulator_callbacks_due",
                condition=Q(sent_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.message.get('type')} due {self.due_at}"


# Where Django looks for tables; the rest of the app imports them from their own module.
__all__ = ["payout_models"]
