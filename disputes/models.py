"""Refunds, disputes, and what is said and shown in a dispute."""

from django.contrib.postgres.fields import ArrayField
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
EVIDENCE_FILE_BYTES_MAX = 5 * 1024 * 1024


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
    # Since when the gateway is asked not to carry it out; its answer decides.
    cancel_requested_at = models.DateTimeField(null=True)
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
            NamedIndex(
                fields=["id"],
                name="idx_refunds_cancelling",
                condition=Q(status=states.PENDING, cancel_requested_at__isnull=False),
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

    ``held_amount`` and ``fee_amount`` are what the ledger holds from the merchant for it;
    ``fee_is_returned`` says whether a won one gives the fee back, as the terms were when it was
    taken. ``evidence`` maps the names of ``disputes.evidence`` to texts and to ids of files.
    ``is_at_gateway``: a gateway told of it and will tell how it ends; else staff do. The merchant
    was last reminded when ``reminded_days`` days were left.
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
    fee_is_returned = models.BooleanField(default=True, db_default=True)
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
    is_at_gateway = models.BooleanField(default=False, db_default=False)
    reminded_days = models.SmallIntegerField(null=True)
    created_at = models.DateTimeField(null=True, db_default=RowTime())
    updated_at = models.DateTimeField(null=True, db_default=TransactionTime())
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "disputes"
        default_permissions = ("view",)
        permissions = (
            ("open_dispute", "Can open disputes"),
            ("answer_dispute", "Can give and submit evidence of disputes"),
            ("accept_dispute", "Can accept disputes"),
            ("decide_dispute", "Can record how disputes ended"),
            # Personal data; each look is on record.
            ("reveal_evidence", "Can see the evidence of disputes"),
        )
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


class DisputeOperation(Identified):
    """Something asked of a gateway about a dispute, committed before the gateway is called.

    Its id is the gateway's idempotency key: asked again under it, nothing is done twice. A dispute
    has at most one that is pending.
    """

    SUBMIT = "submit_evidence"
    ACCEPT = "accept"

    dispute = models.ForeignKey(
        Dispute,
        on_delete=models.PROTECT,
        related_name="operations",
        db_constraint=False,
        db_index=False,
    )
    kind = models.CharField(max_length=20, choices=[(SUBMIT, SUBMIT), (ACCEPT, ACCEPT)])
    status = models.CharField(
        max_length=20,
        default=states.PENDING,
        db_default=states.PENDING,
        choices=[(state, state) for state in states.DISPUTE_OPERATION_STATES],
    )
    actor_kind = models.CharField(max_length=20)
    actor_id = models.UUIDField(null=True)
    failure_reason = models.CharField(max_length=40, null=True)
    response = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=RowTime())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "dispute_operations"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["dispute"],
                name="dispute_operations_one_pending",
                condition=Q(status=states.PENDING),
            ),
            models.CheckConstraint(
                name="dispute_operations_valid_kind",
                condition=Q(kind__in=["submit_evidence", "accept"]),
            ),
            models.CheckConstraint(
                name="dispute_operations_valid_status",
                condition=Q(status__in=states.DISPUTE_OPERATION_STATES),
            ),
        ]
        indexes = [
            NamedIndex(fields=["dispute"], name="idx_dispute_operations_dispute"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"


class EvidenceFile(Identified):
    """A document for disputes. Its content lies in the storage ``evidence`` under ``storage_name``.

    The row comes first and says so: without ``stored_at`` the content may not be there, and with
    ``removed_at`` it may be gone already. Both are for the sweeper, and nobody else sees them.
    """

    PURPOSE = "dispute_evidence"

    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    purpose = models.CharField(max_length=40, default=PURPOSE)
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=60)
    size = models.IntegerField()
    sha256 = models.CharField(max_length=64)
    storage_name = models.CharField(max_length=200)
    created_by = models.UUIDField(null=True)
    created_by_kind = models.CharField(max_length=20)
    created_at = models.DateTimeField(db_default=RowTime())
    stored_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "evidence_files"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="evidence_files_valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
            models.CheckConstraint(
                name="evidence_files_valid_content_type",
                condition=Q(content_type__in=["application/pdf", "image/png", "image/jpeg"]),
            ),
            models.CheckConstraint(
                name="evidence_files_size_check",
                condition=Q(size__gt=0, size__lte=EVIDENCE_FILE_BYTES_MAX),
            ),
            models.UniqueConstraint(
                fields=["storage_name"], name="evidence_files_storage_name_once"
            ),
        ]
        indexes = [
            NamedIndex(
                F("merchant_id"), F("environment"), F("id").desc(), name="idx_evidence_files_page"
            ),
        ]

    def __str__(self) -> str:
        return self.filename


class DisputeEvidenceFile(models.Model):
    """Which file stands in which field of a dispute's evidence, as ``disputes.evidence`` has it.

    The foreign key keeps a file for as long as a dispute shows it.
    """

    id = models.BigAutoField(primary_key=True)
    dispute = models.ForeignKey(
        Dispute,
        on_delete=models.PROTECT,
        related_name="evidence_files",
        db_constraint=False,
        db_index=False,
    )
    field = models.CharField(max_length=40)
    file = models.ForeignKey(
        EvidenceFile,
        on_delete=models.PROTECT,
        related_name="uses",
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        db_table = "dispute_evidence_files"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["dispute", "field"], name="dispute_evidence_files_field_once"
            )
        ]
        indexes = [NamedIndex(fields=["file"], name="idx_dispute_evidence_files_file")]

    def __str__(self) -> str:
        return f"{self.field}: {self.file_id}"


class SimulatorDispute(models.Model):
    """The simulator's own record of a dispute; only the simulator writes it.

    ``submissions`` are the references under which evidence has come.
    """

    gateway_id = models.CharField(max_length=100, primary_key=True)
    charge_id = models.UUIDField()
    dispute_type = models.CharField(max_length=20)
    reason = models.CharField(max_length=40, null=True)
    amount = models.BigIntegerField()
    due_date = models.DateField(null=True)
    status = models.CharField(max_length=20)
    submissions = ArrayField(
        models.UUIDField(),
        default=list,
        db_default=models.Value([], output_field=ArrayField(models.UUIDField())),
    )
    created_at = models.DateTimeField(db_default=TransactionTime())
    updated_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        db_table = "gateway_simulator_disputes"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.gateway_id} {self.status}"
