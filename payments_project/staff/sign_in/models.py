"""What signing in keeps: sessions, second factors, backup codes, counts of failures."""

from typing import Any

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q

from payments_project.database.models import Identified
from payments_project.staff.models import StaffUser


class StaffSession(AbstractBaseSession):
    """A browser's session. Unlike Django's it knows whose it is, so that all of somebody's can be
    ended; ``user`` is empty until the sign-in is complete."""

    user = models.ForeignKey(StaffUser, on_delete=models.CASCADE, null=True, related_name="+")
    signed_in_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    ip_address = models.GenericIPAddressField(null=True)

    class Meta:
        app_label = "payments_project"
        db_table = "staff_sessions"
        default_permissions = ()

    @classmethod
    def get_session_store_class(cls) -> Any:
        from payments_project.staff.sign_in.session_store import SessionStore

        return SessionStore


class SecondFactor(Identified):
    """The app on somebody's phone that makes codes (TOTP, RFC 6238).

    ``secret`` is encrypted under a key of the ring ``PII_KEYS`` and bound to its user. ``last_step``
    is the newest time step whose code was taken: neither it nor an older one is taken again.
    """

    user = models.OneToOneField(StaffUser, on_delete=models.CASCADE, related_name="+")
    encryption_key_id = models.CharField(max_length=100)
    secret = models.BinaryField()
    last_step = models.BigIntegerField()
    enrolled_at = models.DateTimeField()

    class Meta:
        app_label = "payments_project"
        db_table = "staff_second_factors"
        default_permissions = ()

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"


class BackupCode(Identified):
    """A code that stands in for the phone, once. Only its keyed hash is kept."""

    user = models.ForeignKey(StaffUser, on_delete=models.CASCADE, related_name="+")
    code_hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "payments_project"
        db_table = "staff_backup_codes"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "code_hash"], name="staff_backup_codes_once")
        ]

    def __str__(self) -> str:
        return f"backup code of {self.user_id}"


class SignInCounter(Identified):
    """Failures in a row of one account, browser, address or second factor (``lock_out``)."""

    scope = models.CharField(max_length=10)
    key = models.CharField(max_length=100)
    failures = models.IntegerField()
    last_failed_at = models.DateTimeField()
    locked_until = models.DateTimeField(null=True)

    class Meta:
        app_label = "payments_project"
        db_table = "sign_in_counters"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["scope", "key"], name="sign_in_counters_once"),
            models.CheckConstraint(condition=Q(failures__gte=0), name="sign_in_counters_failures"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
