"""Merchants, their API keys and their customers."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django_cryptography.fields import encrypt

from merchants import states, webhook_models
from payments_project.database.fields import RowTime, TransactionTime
from payments_project.database.indexes import NamedIndex
from payments_project.database.models import EMPTY_JSON, Aggregate, Identified
from payments_project.tenancy import ENVIRONMENT_CHOICES, ENVIRONMENTS, LIVE

RISK_CHOICES = [(level, level) for level in ("low", "medium", "high")]


class Merchant(Identified, Aggregate):
    """An account. It has both environments; only an active one takes live payments.

    ``tax_id`` is encrypted; ``processing_config`` and ``fee_structure`` are read through
    ``merchants.terms``.
    """

    business_name = models.CharField(max_length=200)
    legal_name = models.CharField(max_length=200, null=True, blank=True)
    business_type = models.CharField(max_length=50, null=True, blank=True)
    tax_id = encrypt(models.CharField(max_length=50, null=True, blank=True))
    email = models.CharField(max_length=255)
    phone = models.CharField(max_length=20, null=True, blank=True)
    website = models.CharField(max_length=255, null=True, blank=True)
    address = models.JSONField()
    status = models.CharField(
        max_length=20,
        default=states.PENDING,
        db_default=states.PENDING,
        choices=[(state, state) for state in states.STATES],
    )
    verification_status = models.CharField(
        max_length=20, null=True, default="unverified", db_default="unverified"
    )
    processing_config = models.JSONField(null=True, blank=True, default=dict, db_default=EMPTY_JSON)
    fee_structure = models.JSONField(null=True, blank=True, default=dict, db_default=EMPTY_JSON)
    settlement_currency = models.CharField(max_length=3, default="USD", db_default="USD")
    settlement_delay_days = models.SmallIntegerField(default=2, db_default=2)
    risk_level = models.CharField(
        max_length=10, null=True, default="medium", db_default="medium", choices=RISK_CHOICES
    )
    daily_limit = models.BigIntegerField(null=True, blank=True)
    monthly_limit = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(null=True, db_default=TransactionTime())
    updated_at = models.DateTimeField(null=True, db_default=TransactionTime())
    # No payment of the merchant is older; payments recorded later move it back (extend_history).
    history_starts_at = models.DateTimeField(db_default=TransactionTime(), editable=False)

    # Events of an account are told to its live side.
    environment = LIVE

    class Meta:
        db_table = "merchants"
        default_permissions = ("view", "add", "change")
        permissions = (
            ("approve_merchant", "Can tick a merchant's checklist and approve merchants"),
            ("suspend_merchant", "Can suspend merchants and end that"),
            ("close_merchant", "Can close accounts for good"),
            ("change_merchant_terms", "Can change fees, limits and settlement"),
            ("rate_merchant", "Can change a merchant's risk level"),
            ("reveal_merchant", "Can see tax ids of merchants"),
        )
        constraints = [
            # Not unique=True, which would add an index for LIKE.
            models.UniqueConstraint(fields=["email"], name="merchants_email_key"),
            models.CheckConstraint(
                name="valid_merchant_status", condition=Q(status__in=states.STATES)
            ),
            models.CheckConstraint(
                name="merchants_settlement_delay_check",
                condition=Q(settlement_delay_days__gte=0, settlement_delay_days__lte=90),
            ),
        ]

    def __str__(self) -> str:
        return self.business_name

    @property
    def merchant_id(self) -> object:
        """As every tenant's row has it: the merchant that the row belongs to."""
        return self.pk


class MerchantCheck(Identified):
    """An item of a merchant's checklist that a member of staff has ticked (``onboarding``)."""

    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, related_name="checks", db_index=False
    )
    item = models.CharField(max_length=40)
    note = models.TextField(default="", db_default="")
    done_by = models.UUIDField(null=True)
    done_at = models.DateTimeField(db_default=RowTime())

    class Meta:
        db_table = "merchant_checks"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["merchant", "item"], name="merchant_checks_once")
        ]

    def __str__(self) -> str:
        return self.item


class ApiKey(Identified, Aggregate):
    """A key that a merchant's servers (secret) or pages (publishable) call with.

    The key itself is shown once and not kept: ``key_hash`` is its keyed hash, ``key_prefix`` its
    first characters, by which it is found.
    """

    SECRET = "secret"  # noqa: S105
    PUBLISHABLE = "publishable"

    # The constraint is ON DELETE CASCADE in the database; the migration writes it in SQL.
    merchant = models.ForeignKey(
        Merchant,
        on_delete=models.CASCADE,
        related_name="api_keys",
        db_constraint=False,
        db_index=False,
    )
    name = models.CharField(max_length=100, default="", db_default="")
    key_type = models.CharField(
        max_length=20,
        default=SECRET,
        db_default=SECRET,
        choices=[(SECRET, SECRET), (PUBLISHABLE, PUBLISHABLE)],
    )
    key_hash = models.CharField(max_length=128)
    key_prefix = models.CharField(max_length=20)
    permissions = ArrayField(
        models.TextField(),
        null=True,
        default=list,
        db_default=models.Value([], output_field=ArrayField(models.TextField())),
    )
    environment = models.CharField(
        max_length=20, default=LIVE, db_default=LIVE, choices=ENVIRONMENT_CHOICES
    )
    is_active = models.BooleanField(null=True, default=True, db_default=True)
    rate_limit_per_second = models.IntegerField(null=True, blank=True)
    rate_limit_per_hour = models.IntegerField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(null=True, db_default=RowTime())
    created_by = models.UUIDField(null=True, blank=True)

    class Meta:
        db_table = "merchant_api_keys"
        verbose_name = "API key"
        default_permissions = ("view", "add")
        # Apart from making keys: whoever hears of a leak at night must be able to end one.
        permissions = (("revoke_apikey", "Can revoke API keys"),)
        constraints = [
            models.UniqueConstraint(fields=["key_hash"], name="merchant_api_keys_key_hash_key"),
            models.CheckConstraint(
                name="valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
            models.CheckConstraint(
                name="valid_api_key_type", condition=Q(key_type__in=["secret", "publishable"])
            ),
        ]
        indexes = [
            NamedIndex(fields=["key_prefix"], name="idx_merchant_api_keys_prefix"),
            NamedIndex(
                F("merchant_id"),
                F("environment"),
                F("id").desc(),
                name="idx_merchant_api_keys_merchant_page",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key_prefix}… {self.name}".strip()


class Customer(Identified, Aggregate):
    """Somebody who pays a merchant. ``email`` is searchable and in clear by design; name, phone,
    address and birth date are in ``encrypted_pii`` (``merchants.personal_data``).

    The totals count payments that succeeded at some time. ``total_amount`` is in the merchant's
    settlement currency; ``CustomerTotal`` has every currency.

    ``email_sequence`` is that of the event that told of the address's last change.
    """

    merchant = models.ForeignKey(
        Merchant,
        on_delete=models.PROTECT,
        related_name="customers",
        db_constraint=False,
        db_index=False,
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    external_customer_id = models.CharField(max_length=100, null=True)
    email = models.CharField(max_length=255, null=True)
    email_sequence = models.IntegerField(default=0, db_default=0, editable=False)
    # The source design's column; kept empty, since a phone number is personal data (docs).
    phone = models.CharField(max_length=20, null=True)
    encrypted_pii = models.BinaryField(null=True)
    encryption_key_id = models.CharField(max_length=100, null=True)
    metadata = models.JSONField(default=dict, db_default=EMPTY_JSON)
    risk_score = models.DecimalField(
        max_digits=5, decimal_places=4, null=True, default=0, db_default=Decimal("0.0")
    )
    risk_level = models.CharField(
        max_length=10, null=True, default="low", db_default="low", choices=RISK_CHOICES
    )
    total_transactions = models.IntegerField(null=True, default=0, db_default=0)
    total_amount = models.BigIntegerField(null=True, default=0, db_default=0)
    first_transaction_at = models.DateTimeField(null=True)
    last_transaction_at = models.DateTimeField(null=True)
    is_active = models.BooleanField(null=True, default=True, db_default=True)
    created_at = models.DateTimeField(null=True, db_default=RowTime())
    updated_at = models.DateTimeField(null=True, db_default=TransactionTime())

    class Meta:
        db_table = "customers"
        default_permissions = ("view",)
        # Beyond what the page shows: the encrypted personal data, each time with an audit entry.
        permissions = (("reveal_customer", "Can see personal data of customers"),)
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "environment", "external_customer_id"],
                name="customers_merchant_id_external_customer_id_key",
            ),
            models.CheckConstraint(
                name="customers_valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
        ]
        indexes = [
            NamedIndex(
                F("merchant_id"),
                F("environment"),
                F("id").desc(),
                name="idx_customers_merchant_page",
            ),
            NamedIndex(
                fields=["merchant", "environment", "email"], name="idx_customers_merchant_email"
            ),
            NamedIndex(fields=["email"], name="idx_customers_email"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class CustomerTotal(Identified):
    """What a customer paid in one currency; minor units."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="totals")
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "customer_totals"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["customer", "currency"], name="customer_totals_once")
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.currency}"


class MerchantNotice(Identified):
    """An e-mail that a merchant is to have, written in the transaction of what it tells.

    ``kind`` names the template and ``context`` holds what it needs: ids, amounts and days, nothing
    personal. Of one ``occasion`` of an object there is one notice. ``attempts`` and
    ``next_attempt_at`` lease it to whoever sends it; with ``gave_up_at`` nobody tries any more.
    """

    merchant = models.ForeignKey(
        Merchant,
        on_delete=models.PROTECT,
        related_name="notices",
        db_constraint=False,
        db_index=False,
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    kind = models.CharField(max_length=60)
    object_id = models.UUIDField()
    occasion = models.CharField(max_length=60)
    context = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=RowTime())
    attempts = models.SmallIntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(db_default=TransactionTime())
    last_error = models.CharField(max_length=200, null=True)
    sent_at = models.DateTimeField(null=True)
    gave_up_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "merchant_notices"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["object_id", "kind", "occasion"], name="merchant_notices_once"
            ),
            models.CheckConstraint(
                name="merchant_notices_valid_environment",
                condition=Q(environment__in=ENVIRONMENTS),
            ),
        ]
        indexes = [
            NamedIndex(
                fields=["next_attempt_at"],
                name="idx_merchant_notices_due",
                condition=Q(sent_at__isnull=True, gave_up_at__isnull=True),
            ),
            NamedIndex(F("merchant_id"), F("id").desc(), name="idx_merchant_notices_merchant"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.occasion}"


__all__ = ["webhook_models"]
