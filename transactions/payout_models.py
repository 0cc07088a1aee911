"""Tables of payouts: where merchants' money goes, what was sent, and corrections of balances."""

from django.db import models
from django.db.models import F, Q
from django_cryptography.fields import encrypt

from payments_project.database.conditions import OneOf
from payments_project.database.fields import RowTime, TransactionTime
from payments_project.database.indexes import NamedIndex
from payments_project.database.models import Aggregate, Identified
from payments_project.money import format_amount
from payments_project.tenancy import ENVIRONMENT_CHOICES, ENVIRONMENTS
from transactions import states

# What a bank says in its own words is cut to these.
FAILURE_CODE_LENGTH_MAX = 40
FAILURE_MESSAGE_LENGTH_MAX = 300
BANK_REFERENCE_LENGTH_MAX = 100

MANUAL = "manual"
DAILY = "daily"
WEEKLY = "weekly"
INTERVALS = (MANUAL, DAILY, WEEKLY)

EXTERNAL_REFERENCES_ONCE = "external_references_once"


class PayoutAccount(Identified):
    """A bank account that a merchant's money of one currency is sent to.

    Its holder and numbers are encrypted, only ``last_four`` is in clear, and none of them ever
    changes: other numbers are another row, which names the one that it ``replaces``. Nothing is
    sent to an account that a second person has not confirmed (``confirmed_by``; an account that no
    member of staff made needs none).
    """

    IBAN = "iban"
    LOCAL = "local"

    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=10, choices=[(IBAN, IBAN), (LOCAL, LOCAL)])
    holder_name = encrypt(models.CharField(max_length=140))
    # The IBAN, or the number of the account at the bank that ``routing_number`` names.
    account_number = encrypt(models.CharField(max_length=34))
    routing_number = encrypt(models.CharField(max_length=20, null=True))
    bic = models.CharField(max_length=11, null=True)
    country = models.CharField(max_length=2)
    last_four = models.CharField(max_length=4)
    status = models.CharField(
        max_length=20,
        default=states.UNCONFIRMED,
        db_default=states.UNCONFIRMED,
        choices=[(state, state) for state in states.PAYOUT_ACCOUNT_STATES],
    )
    is_default = models.BooleanField(default=True)
    replaces = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    created_by = models.UUIDField(null=True)
    confirmed_by = models.UUIDField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=RowTime())

    class Meta:
        db_table = "payout_accounts"
        default_permissions = ("view",)
        permissions = (
            ("edit_payoutaccount", "Can add, replace and remove payout accounts"),
            ("confirm_payoutaccount", "Can confirm payout accounts that a colleague entered"),
        )
        constraints = [
            models.CheckConstraint(
                name="valid_payout_account_status",
                condition=Q(status__in=states.PAYOUT_ACCOUNT_STATES),
            ),
            models.CheckConstraint(
                name="payout_accounts_valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
            models.CheckConstraint(
                name="payout_accounts_valid_kind", condition=Q(kind__in=["iban", "local"])
            ),
            models.CheckConstraint(
                name="payout_accounts_confirmed_by_a_second_person",
                condition=~Q(status=states.CONFIRMED)
                | (
                    Q(confirmed_at__isnull=False)
                    & (
                        Q(created_by__isnull=True)
                        | (Q(confirmed_by__isnull=False) & ~Q(confirmed_by=F("created_by")))
                    )
                ),
            ),
            models.CheckConstraint(
                name="payout_accounts_removed_is_no_default",
                condition=~Q(status=states.REMOVED) | Q(is_default=False),
            ),
            models.UniqueConstraint(
                fields=["merchant", "environment", "currency"],
                name="payout_accounts_one_default",
                condition=Q(is_default=True),
            ),
        ]
        indexes = [
            NamedIndex(
                F("merchant_id"),
                F("environment"),
                F("id").desc(),
                name="idx_payout_accounts_merchant",
            ),
            NamedIndex(
                fields=["id"],
                name="idx_payout_accounts_unconfirmed",
                condition=Q(status=states.UNCONFIRMED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency} ····{self.last_four} {self.status}"


class PayoutSchedule(Identified):
    """When a merchant's available money of one currency is paid out without being asked for.

    ``weekday`` counts from Monday, 0. ``last_problem`` is why the last run could not pay.
    """

    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    currency = models.CharField(max_length=3)
    interval = models.CharField(
        max_length=10, default=MANUAL, choices=[(name, name) for name in INTERVALS]
    )
    weekday = models.SmallIntegerField(null=True)
    minimum_amount = models.BigIntegerField(default=1)
    last_problem = models.CharField(max_length=200, default="", db_default="")
    last_run_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        db_table = "payout_schedules"
        default_permissions = ("view",)
        permissions = (("edit_payoutschedule", "Can change when money is paid out"),)
        constraints = [
            models.CheckConstraint(
                name="payout_schedules_valid_interval", condition=Q(interval__in=INTERVALS)
            ),
            models.CheckConstraint(
                name="payout_schedules_weekday_of_a_week",
                condition=Q(interval=WEEKLY, weekday__isnull=False, weekday__range=(0, 6))
                | (~Q(interval=WEEKLY) & Q(weekday__isnull=True)),
            ),
            models.CheckConstraint(
                name="payout_schedules_minimum_check", condition=Q(minimum_amount__gt=0)
            ),
            models.CheckConstraint(
                name="payout_schedules_valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
            models.UniqueConstraint(
                fields=["merchant", "environment", "currency"], name="payout_schedules_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.interval}"


class PayoutExport(Identified):
    """A file of payment orders for a bank, made once: asking again gives the same file.

    ``content`` is the file, encrypted, since it holds account numbers. ``total`` is its control sum
    in minor units.
    """

    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    currency = models.CharField(max_length=3)
    count = models.IntegerField()
    total = models.BigIntegerField()
    content = encrypt(models.TextField())
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=RowTime())

    class Meta:
        db_table = "payout_exports"
        default_permissions = ("view",)
        permissions = (("export_payout", "Can export payouts as a file for the bank"),)
        constraints = [
            models.CheckConstraint(
                name="payout_exports_total_check", condition=Q(total__gt=0) & Q(count__gt=0)
            ),
            models.CheckConstraint(
                name="payout_exports_valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} in {self.currency}"


class Payout(Identified, Aggregate):
    """Available money that is sent to the merchant's bank account; set aside when it is made.

    ``awaits_approval`` until a second person has approved it, if it is over the limit. ``sent_at``
    is when the bank began to be asked, or the file was made: the intent. ``awaits_bank`` once the
    bank has taken the order and will tell its outcome. ``schedule_day`` is the UTC day of the
    schedule that asked for it. ``failure_code`` is why it failed.
    """

    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    account = models.ForeignKey(
        PayoutAccount,
        on_delete=models.PROTECT,
        related_name="payouts",
        db_constraint=False,
        db_index=False,
    )
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    description = models.CharField(max_length=500, null=True)
    status = models.CharField(
        max_length=20,
        default=states.PENDING,
        db_default=states.PENDING,
        choices=[(state, state) for state in states.PAYOUT_STATES],
    )
    awaits_approval = models.BooleanField(default=False, db_default=False)
    bank_name = models.CharField(max_length=50)
    sent_at = models.DateTimeField(null=True)
    awaits_bank = models.BooleanField(default=False, db_default=False)
    bank_reference = models.CharField(max_length=BANK_REFERENCE_LENGTH_MAX, null=True)
    bank_response = models.JSONField(null=True)
    export = models.ForeignKey(
        PayoutExport,
        on_delete=models.PROTECT,
        null=True,
        related_name="payouts",
        db_constraint=False,
        db_index=False,
    )
    failure_code = models.CharField(max_length=FAILURE_CODE_LENGTH_MAX, null=True)
    failure_message = models.CharField(max_length=FAILURE_MESSAGE_LENGTH_MAX, null=True)
    retry_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="retries",
        db_constraint=False,
        db_index=False,
    )
    schedule_day = models.DateField(null=True)
    requested_by = models.UUIDField(null=True)
    requested_by_kind = models.CharField(max_length=20)
    approved_by = models.UUIDField(null=True)
    paid_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=RowTime())
    updated_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        db_table = "payouts"
        default_permissions = ("view",)
        permissions = (
            ("create_payout", "Can pay a merchant's available money out"),
            ("approve_payout", "Can approve payouts over the limit"),
            ("cancel_payout", "Can cancel payouts that are not sent yet"),
            ("settle_payout", "Can record what became of payouts sent by file"),
        )
        constraints = [
            models.CheckConstraint(name="payouts_amount_check", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="valid_payout_status", condition=OneOf("status", states.PAYOUT_STATES)
            ),
            models.CheckConstraint(
                name="payouts_valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
            models.CheckConstraint(
                name="payouts_approved_before_sent",
                condition=Q(awaits_approval=False) | Q(sent_at__isnull=True),
            ),
            models.CheckConstraint(
                name="payouts_paid_has_its_time",
                condition=~Q(status=states.PAID) | Q(paid_at__isnull=False),
            ),
            models.CheckConstraint(
                name="payouts_not_cancelled_once_sent",
                condition=~Q(status=states.CANCELLED) | Q(sent_at__isnull=True),
            ),
            models.CheckConstraint(
                name="payouts_approved_by_a_second_person",
                condition=Q(approved_by__isnull=True)
                | ~Q(requested_by_kind="staff")
                | ~Q(approved_by=F("requested_by")),
            ),
            models.UniqueConstraint(
                fields=["merchant", "environment", "currency", "schedule_day"],
                name="payouts_once_a_schedule_day",
                condition=Q(schedule_day__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["retry_of"],
                name="payouts_retried_once",
                condition=Q(retry_of__isnull=False),
            ),
        ]
        indexes = [
            NamedIndex(
                F("merchant_id"), F("environment"), F("id").desc(), name="idx_payouts_merchant_page"
            ),
            # What is still to be sent, and what was sent and is not decided: a few, asked for
            # all the time.
            NamedIndex(
                fields=["id"],
                name="idx_payouts_unsent",
                condition=Q(status=states.PENDING, sent_at__isnull=True),
            ),
            NamedIndex(
                fields=["sent_at"],
                name="idx_payouts_undecided",
                condition=Q(status=states.PENDING, sent_at__isnull=False),
            ),
            NamedIndex(
                F("id").desc(), name="idx_payouts_failed", condition=Q(status=states.FAILED)
            ),
            NamedIndex(
                fields=["export"], name="idx_payouts_export", condition=Q(export__isnull=False)
            ),
            NamedIndex(fields=["account"], name="idx_payouts_account"),
            # As banks' statements name them.
            NamedIndex(
                fields=["bank_reference"],
                name="idx_payouts_bank_reference",
                condition=Q(bank_reference__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{format_amount(self.amount, self.currency)} {self.status}"


class BalanceAdjustment(Identified, Aggregate):
    """A correction of a merchant's available money by finance, above zero to the merchant.

    ``requested_by`` asked for it and ``approved_by`` approved it, where it was over the limit.
    """

    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=500)
    requested_by = models.UUIDField(null=True)
    approved_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=RowTime())

    class Meta:
        db_table = "balance_adjustments"
        default_permissions = ("view",)
        permissions = (
            ("request_adjustment", "Can adjust balances, over the limit with a second person"),
            ("approve_adjustment", "Can approve adjustments over the limit"),
        )
        constraints = [
            models.CheckConstraint(name="balance_adjustments_amount_check", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="balance_adjustments_reason_check", condition=~Q(reason="")
            ),
            models.CheckConstraint(
                name="balance_adjustments_valid_environment",
                condition=Q(environment__in=ENVIRONMENTS),
            ),
            models.CheckConstraint(
                name="balance_adjustments_by_a_second_person",
                condition=Q(approved_by__isnull=True)
                | Q(requested_by__isnull=True)
                | ~Q(approved_by=F("requested_by")),
            ),
        ]
        indexes = [
            NamedIndex(
                F("merchant_id"),
                F("environment"),
                F("id").desc(),
                name="idx_balance_adjustments_merchant",
            ),
        ]

    def __str__(self) -> str:
        return format_amount(self.amount, self.currency)


class ExternalReference(Identified):
    """The reference under which a payment taken elsewhere was recorded: each once per merchant.

    ``is_credited`` says whether its money counts as the merchant's with us (``merchants.terms``).
    A table of its own: ``transactions`` is partitioned by its id, so that no unique key of it can
    be without.
    """

    merchant_id = models.UUIDField()
    environment = models.CharField(max_length=20)
    reference = models.CharField(max_length=100)
    transaction_id = models.UUIDField()
    is_credited = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "external_references"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["merchant_id", "environment", "reference"],
                name=EXTERNAL_REFERENCES_ONCE,
            )
        ]
        indexes = [
            NamedIndex(fields=["transaction_id"], name="idx_external_references_transaction")
        ]

    def __str__(self) -> str:
        return self.reference


class BankSimulatorTransfer(models.Model):
    """The simulated bank's own record of a payment order: what a real bank would hold on its side.

    It holds no account number. ``status``: accepted, paid, failed, returned, or barred for an order
    that may come no more.
    """

    reference = models.UUIDField(primary_key=True)
    # Made of the reference, and so unique as that is.
    bank_id = models.CharField(max_length=40)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20)
    scenario = models.CharField(max_length=40)
    failure_code = models.CharField(max_length=40, null=True)
    created_at = models.DateTimeField(db_default=TransactionTime())
    updated_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        db_table = "bank_simulator_transfers"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.bank_id} {self.status}"
