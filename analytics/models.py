"""Summaries for reports: a row per merchant, day and currency, and the monthly view."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Case, DecimalField, F, Func, Q, Value, When

from payments_project.database.fields import RowTime, TransactionTime
from payments_project.database.indexes import NamedIndex
from payments_project.database.models import Identified
from payments_project.database.uuid7 import UUID7Time
from payments_project.tenancy import ENVIRONMENT_CHOICES


class DailyTransactionSummary(Identified):
    """One merchant's UTC day in one currency: the payments made on it, as they stand by now.

    Recomputed from the rows (``services.roll_up_due_days``), never incremented; ``updated_at`` is
    when. Successful is what reached ``succeeded`` at some time; ``gross_amount`` is what was
    captured of it and ``net_amount`` that less our fees. Refunds stand beside, whenever they were
    made; disputes are chargebacks, whatever became of them, and fraud those with such a reason.
    Amounts are in minor units. See docs/analytics.md.
    """

    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    summary_date = models.DateField()
    currency = models.CharField(max_length=3)
    transaction_count = models.IntegerField(default=0, db_default=0)
    successful_count = models.IntegerField(default=0, db_default=0)
    failed_count = models.IntegerField(default=0, db_default=0)
    refunded_count = models.IntegerField(default=0, db_default=0)
    gross_amount = models.BigIntegerField(default=0, db_default=0)
    fee_amount = models.BigIntegerField(default=0, db_default=0)
    net_amount = models.BigIntegerField(default=0, db_default=0)
    refunded_amount = models.BigIntegerField(default=0, db_default=0)
    success_rate = models.GeneratedField(
        expression=Case(
            When(
                transaction_count__gt=0,
                then=Func(
                    F("successful_count"),
                    template="%(expressions)s::numeric",
                    output_field=DecimalField(),
                )
                / F("transaction_count"),
            ),
            default=Value(0),
            output_field=DecimalField(max_digits=5, decimal_places=4),
        ),
        output_field=DecimalField(max_digits=5, decimal_places=4),
        db_persist=True,
    )
    high_risk_count = models.IntegerField(null=True, default=0, db_default=0)
    fraud_count = models.IntegerField(null=True, default=0, db_default=0)
    dispute_count = models.IntegerField(null=True, default=0, db_default=0)
    created_at = models.DateTimeField(null=True, db_default=TransactionTime())
    updated_at = models.DateTimeField(null=True, db_default=TransactionTime())

    class Meta:
        db_table = "daily_transaction_summaries"
        default_permissions = ("view",)
        verbose_name_plural = "daily transaction summaries"
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "environment", "summary_date", "currency"],
                name="daily_transaction_summaries_merchant_id_summary_date_curren_key",
            )
        ]
        indexes = [
            NamedIndex(
                F("merchant_id"),
                F("summary_date").desc(),
                name="idx_daily_summaries_merchant_date",
            ),
            NamedIndex(F("summary_date").desc(), name="idx_daily_summaries_date"),
        ]

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.summary_date} {self.currency}"


class SummaryDayDue(Identified):
    """A merchant's UTC day in one currency whose summary is to be computed again.

    Written when something of the day's payments changed, as often as it does; all rows of a day go
    in the transaction that computes it.
    """

    merchant_id = models.UUIDField()
    environment = models.CharField(max_length=20)
    summary_date = models.DateField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(db_default=RowTime())

    class Meta:
        db_table = "summary_days_due"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.summary_date} {self.currency}"


class Projection(models.Model):
    """When something that is computed whole was computed last: it shows what was true then.

    Written in the transaction that computes it.
    """

    MONTHLY_STATS = "monthly_stats"

    name = models.CharField(max_length=60, primary_key=True)
    computed_at = models.DateTimeField()

    class Meta:
        db_table = "projections"
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class MerchantMonthlyStats(models.Model):
    """A row of the materialized view; refreshed daily, so its age matters."""

    pk = models.CompositePrimaryKey("merchant_id", "environment", "month", "currency")
    merchant_id = models.UUIDField()
    environment = models.CharField(max_length=20)
    month = models.DateTimeField()
    currency = models.CharField(max_length=3)
    transaction_count = models.BigIntegerField()
    successful_count = models.BigIntegerField()
    total_amount = models.DecimalField(max_digits=30, decimal_places=0, null=True)
    avg_amount = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    high_risk_count = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "merchant_monthly_stats"
        default_permissions = ("view",)
        verbose_name_plural = "merchant monthly stats"

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.month:%Y-%m} {self.currency}"


class PaymentHour(Identified):
    """All merchants' payments of one hour (UTC) in one currency: the course of the last days.

    Recomputed from the rows (``services.roll_up_hours``), never incremented; of reports the daily
    summaries are the source. ``captured_amount`` is of successful payments, in minor units.

    An hour is closed that was computed when payments were no longer made in it. So are all hours
    before the newest closed one, though one without payments has no row.
    """

    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    hour = models.DateTimeField()
    currency = models.CharField(max_length=3)
    transaction_count = models.IntegerField()
    successful_count = models.IntegerField()
    failed_count = models.IntegerField()
    captured_amount = models.BigIntegerField()
    is_closed = models.BooleanField(db_default=False)

    class Meta:
        db_table = "payment_hours"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "hour", "currency"], name="payment_hours_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour} {self.currency}"


class DeclineHour(Identified):
    """How many payments of one hour (UTC) failed for one reason, of all merchants."""

    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    hour = models.DateTimeField()
    code = models.CharField(max_length=40)
    failed_count = models.IntegerField()

    class Meta:
        db_table = "decline_hours"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "hour", "code"], name="decline_hours_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour} {self.code}"


class TransactionWords(models.Model):
    """The words by which PostgreSQL finds a payment, under the payment's id.

    Each word begins with its merchant and environment, so that a search looks at no other's.
    ``revision`` is the payment's when they were written.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    revision = models.BigIntegerField()
    words = SearchVectorField()
    created_at = models.GeneratedField(
        expression=UUID7Time("id"), output_field=models.DateTimeField(), db_persist=True
    )

    class Meta:
        db_table = "transaction_words"
        default_permissions = ()
        indexes = [GinIndex(fields=["words"], name="idx_transaction_words", fastupdate=False)]

    def __str__(self) -> str:
        return str(self.id)


class SearchIndex(models.Model):
    """An index of payments in Elasticsearch, from its making to its deletion.

    While it is ``building``, payments are copied into it, oldest first, up to ``copied_to``, and
    what changes is written into it and the ``live`` one, which searches are answered from. A
    ``retired`` one answers searches that go on from an earlier page, for a while.
    """

    BUILDING, LIVE, RETIRED = "building", "live", "retired"
    STATES = (BUILDING, LIVE, RETIRED)

    name = models.CharField(max_length=100, primary_key=True)
    state = models.CharField(
        max_length=20, default=BUILDING, choices=[(state, state) for state in STATES]
    )
    copied_to = models.UUIDField(null=True)
    copied_count = models.BigIntegerField(default=0, db_default=0)
    expected_count = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=RowTime())
    live_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "search_indices"
        verbose_name_plural = "search indices"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["state"],
                name="search_indices_one_each",
                condition=Q(state__in=["building", "live"]),
            )
        ]

    def __str__(self) -> str:
        return self.name
