"""Refunds and disputes."""

from django.db import models
from django.db.models import F, Q

from disputes import states
from payments_project.database.fields import RowTime, TransactionTime
from payments_project.database.indexes import NamedIndex
from payments_project.database.models import EMPTY_JSON, Aggregate, Identified
from payments_project.tenancy import ENVIRONMENT_CHOICES, ENVIRONMENTS

# What a gateway says in its own words is cut to these.
FAILURE_REASON_LENGTH_MAX = 100
REASON_CODE_LENGTH_MAX = 20


class Refund(Identified, Aggregate):
    """Money back to the customer; its amount is reserved on the transaction before the gateway is
    asked, and given back there when the refund fails or is cancelled.

    ``requested_by`` is the staff user's id or, for the API, the key's (``requested_by_kind``).
    """

    transaction = models.ForeignKey(
        "transactions.Transaction",
        on_delete=models.PROTECT,
        related_name="refunds",
        db_constraint=False,
        db_index=False,
    )
    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=100, null=True)
    status = models.CharField(
        max_length=20,
        default=states.PENDING,
        db_default=states.PENDING,
        choices=[(state, state) for state in states.REFUND_STATES],
    )
    # True once the gateway has accepted it and will tell the outcome by callback.
    awaits_gateway = models.BooleanField(default=False, db_default=False)
    gateway_refund_id = models.CharField(max_length=100, null=True)
    gateway_response = models.JSONField(null=True)
    failure_reason = models.CharField(max_length=FAILURE_REASON_LENGTH_MAX, null=True)
    metadata = models.JSONField(default=dict, db_default=EMPTY_JSON)
    requested_by = models.UUIDField(null=True)
    requested_by_kind = models.CharField(max_length=20, null=True)
    processed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(null=True, db_default=RowTime())
    updated_at = models.DateTimeField(null=True, db_default=TransactionTime())

    class Meta:
        db_table = "refunds"
        default_permissions = ("view",)
        permissions = (
            ("refund_payment", "Can refund payments"),
            ("approve_refund", "Can approve refunds that a colleague asked for"),
        )
        constraints = [
            models.CheckConstraint(name="refunds_amount_check", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="valid_refund_status", condition=Q(status__in=states.REFUND_STATES)
            ),
            models.CheckConstraint(
                name="refunds_valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
        ]
        indexes = [
            NamedIndex(
                F("merchant_id"), F("environment"), F("id").desc(), name="idx_refunds_merchant_page"
            ),
            NamedIndex(
                fields=["created_at"],
                name="idx_refunds_pending",
                condition=Q(status=states.PENDING),
            ),
            # Of the pending ones, those that wait for no bank: a few, looked for all the time.
            NamedIndex(
                fields=["id"],
                name="idx_refunds_unanswered",
                condition=Q(status=states.PENDING, awaits_gateway=False),
            ),
            NamedIndex(fields=["gateway_refund_id"], name="idx_refunds_gateway"),
            NamedIndex(fields=["transaction"], name="idx_refunds_transaction"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"


CHARGEBACK = "chargeback"
INQUIRY = "inquiry"
DISPUTE_TYPES = (CHARGEBACK, INQUIRY)


class Dispute(Identified, Aggregate):
    """A cardholder's complaint: a chargeback takes money, an inquiry only asks.

    ``held_amount`` and ``fee_amount`` are what the ledger holds from the merchant for it.
    """

    CHARGEBACK = CHARGEBACK
    INQUIRY = INQUIRY

    transaction = models.ForeignKey(
        "transactions.Transaction",
        on_delete=models.PROTECT,
        related_name="disputes",
        db_constraint=False,
        db_index=False,
    )
    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    dispute_type = models.CharField(max_length=50, choices=[(kind, kind) for kind in DISPUTE_TYPES])
    reason_code = models.CharField(max_length=REASON_CODE_LENGTH_MAX, null=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    held_amount = models.BigIntegerField(default=0, db_default=0)
    fee_amount = models.BigIntegerField(default=0, db_default=0)
    status = models.CharField(
        max_length=20,
        default=states.OPEN,
        db_default=states.OPEN,
        choices=[(state, state) for state in states.DISPUTE_STATES],
    )
    due_date = models.DateField(null=True)
    evidence = models.JSONField(null=True, default=dict, db_default=EMPTY_JSON)
    evidence_submitted_at = models.DateTimeField(null=True)
    merchant_response = models.TextField(null=True)
    gateway_dispute_id = models.CharField(max_length=100, null=True)
    created_at = models.DateTimeField(null=True, db_default=RowTime())
    updated_at = models.DateTimeField(null=True, db_default=TransactionTime())
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "disputes"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="valid_dispute_status", condition=Q(status__in=states.DISPUTE_STATES)
            ),
            models.CheckConstraint(
                name="valid_dispute_type", condition=Q(dispute_type__in=DISPUTE_TYPES)
            ),
            models.CheckConstraint(name="disputes_amount_check", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="disputes_held_amount_check",
                condition=Q(held_amount__gte=0) & Q(held_amount__lte=F("amount")),
            ),
            models.CheckConstraint(
                name="disputes_valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
            models.CheckConstraint(
                name="disputes_fee_amount_check", condition=Q(fee_amount__gte=0)
            ),
            models.UniqueConstraint(
                fields=["gateway_dispute_id"], name="disputes_gateway_dispute_once"
            ),
        ]
        indexes = [
            NamedIndex(
                F("merchant_id"),
                F("environment"),
                F("id").desc(),
                name="idx_disputes_merchant_page",
            ),
            NamedIndex(
                fields=["due_date"],
                name="idx_disputes_due",
                condition=Q(status=states.OPEN),
            ),
            NamedIndex(fields=["transaction"], name="idx_disputes_transaction"),
        ]

    def __str__(self) -> str:
        return f"{self.dispute_type} {self.status}"
