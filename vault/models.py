"""The vault's one table."""

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Length
from django.db.models.lookups import Exact, GreaterThan, LessThan

from payments_project.database.fields import TransactionTime
from payments_project.database.models import Aggregate
from payments_project.tenancy import ENVIRONMENT_CHOICES, ENVIRONMENTS

CARD = "card"


class PaymentMethod(Aggregate):
    """A card behind a token (source design: Payment Methods Vault).

    ===========  ===========  =========  ====================================================
    state        customer_id  is_active  what may follow
    ===========  ===========  =========  ====================================================
    unattached   NULL         true       attach, detach, charge
    attached     set          true       detach, charge
    detached     as it was    false      nothing; tokenising the same card for the same
                                         customer makes it attached again, under this token
    ===========  ===========  =========  ====================================================

    ``merchant_id`` and ``customer_id`` are plain ids and no foreign keys, so that the table can
    live in a database of its own. The columns beside ``encrypted_data`` are what may be shown;
    the number and the holder's name are inside it only (layout: ``vault.crypto.envelope``).
    ``expires_at`` is the last day of the expiry month, ``expiry_told_for`` the one for which the
    merchant was told that it is near. No security code is stored anywhere.
    """

    token = models.CharField(max_length=100, primary_key=True, editable=False)
    customer_id = models.UUIDField(null=True)
    merchant_id = models.UUIDField()
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    encrypted_data = models.BinaryField()
    encryption_key_id = models.CharField(max_length=100)
    payment_method_type = models.CharField(max_length=20, choices=[(CARD, "Card")])
    fingerprint = models.CharField(max_length=64)
    last_four = models.CharField(max_length=4, null=True)
    brand = models.CharField(max_length=20, null=True)
    expires_at = models.DateField(null=True)
    expiry_told_for = models.DateField(null=True, editable=False)
    is_active = models.BooleanField(null=True, db_default=True)
    created_at = models.DateTimeField(null=True, db_default=TransactionTime())
    last_used_at = models.DateTimeField(null=True)

    # Set by tokenise_card: whether it made the row, or found the card's token.
    was_created: bool = False

    class Meta:
        db_table = "payment_methods_vault"
        default_permissions = ("view",)
        verbose_name = "payment method"
        constraints = [
            models.UniqueConstraint(
                fields=["customer_id", "fingerprint"],
                name="payment_methods_vault_customer_id_fingerprint_key",
            ),
            models.CheckConstraint(
                name="valid_payment_method_environment",
                condition=Q(environment__in=ENVIRONMENTS),
            ),
            models.CheckConstraint(
                name="valid_payment_method_type", condition=Q(payment_method_type__in=[CARD])
            ),
            # Lengths that a card number (12 to 19 digits) can't have: none slips in here in clear.
            # Regular expressions would cost as much as the insert itself (20 µs a row, measured).
            models.CheckConstraint(
                name="valid_payment_method_token", condition=GreaterThan(Length("token"), 26)
            ),
            models.CheckConstraint(
                name="valid_payment_method_fingerprint", condition=Exact(Length("fingerprint"), 64)
            ),
            models.CheckConstraint(
                name="valid_payment_method_last_four", condition=Exact(Length("last_four"), 4)
            ),
            models.CheckConstraint(
                name="valid_payment_method_brand", condition=LessThan(Length("brand"), 12)
            ),
        ]
        indexes = [
            models.Index(fields=["customer_id", "is_active"], name="idx_payment_methods_customer"),
            models.Index(fields=["merchant_id"], name="idx_payment_methods_merchant"),
            models.Index(
                fields=["expires_at"],
                name="idx_payment_methods_expires",
                condition=Q(expires_at__isnull=False) & Q(is_active=Value(True)),
            ),
            # The merchant's list, newest first; one customer's few cards are found by the
            # customer's index and sorted.
            models.Index(
                "merchant_id",
                "environment",
                F("created_at").desc(),
                F("token").desc(),
                name="idx_payment_methods_list",
            ),
            # The console: newest of all, by last four digits, by fingerprint.
            models.Index(F("created_at").desc(), name="idx_payment_methods_created"),
            models.Index("last_four", F("created_at").desc(), name="idx_payment_methods_last_four"),
            models.Index(fields=["fingerprint"], name="idx_payment_method_fingerprint"),
        ]

    def __str__(self) -> str:
        return self.token
