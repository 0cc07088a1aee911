"""The second factor: codes of an app (TOTP, RFC 6238), and backup codes that stand in for it.

Six digits, thirty seconds, HMAC-SHA1: what every authenticator app does. A code of the step before
or after is taken as well, for clocks that differ, but no code twice.
"""

import base64
import hmac
import secrets
from datetime import datetime
from typing import Any, Literal

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest

from payments_project.encryption.key_ring import key_ring
from payments_project.encryption.keyed_hash import keyed_hash
from payments_project.errors import Conflict
from payments_project.staff.audit import record_audit
from payments_project.staff.models import StaffUser
from payments_project.staff.sign_in.models import BackupCode, SecondFactor

ISSUER = "Payments console"
BACKUP_CODES = 10
_SECRET_BYTES = 20
_DIGITS = 6
_STEP_SECONDS = 30
_STEPS_EITHER_SIDE = 1
# Without letters and digits that are taken for each other; ten of them have 49 bits.
_BACKUP_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_BACKUP_CHARACTERS = 10


def new_secret() -> bytes:
    """A secret for one app to share with us."""
    return secrets.token_bytes(_SECRET_BYTES)


def typed_secret(secret: bytes) -> str:
    """The secret as one types it into an app, in groups of four."""
    text = base64.b32encode(secret).decode()
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def provisioning_uri(user: StaffUser, secret: bytes) -> str:
    """What the QR code says: ``otpauth://totp/…``."""
    return _totp(secret).get_provisioning_uri(user.get_username(), ISSUER)


def code_at(secret: bytes, moment: datetime) -> str:
    """The code that an app shows at ``moment``."""
    return _totp(secret).generate(int(moment.timestamp())).decode()


def is_enrolled(user: Any) -> bool:
    """Whether a code is asked of ``user`` at every sign-in."""
    return SecondFactor.objects.filter(user=user).exists()


def enrol(
    *, user: StaffUser, secret: bytes, code: str, request: HttpRequest | None, now: datetime
) -> list[str] | None:
    """Makes the app with ``secret`` the user's second factor, in the caller's transaction.

    ``code`` shows that the app works; None if it does not fit. Returns the backup codes, which
    nothing gives again. Raises ``Conflict`` if the user has a second factor already.
    """
    step = _matching_step(secret, _compact(code), now)
    if step is None:
        return None
    key_id, stored = _ring().encrypt(secret, bound_to=_binding(user))
    _, is_new = SecondFactor.objects.get_or_create(
        user=user,
        defaults={
            "encryption_key_id": key_id,
            "secret": stored,
            "last_step": step,
            "enrolled_at": now,
        },
    )
    if not is_new:
        raise Conflict("The account has a second factor already.")
    codes = _replace_backup_codes(user)
    record_audit(action="staff_user.second_factor_enrolled", obj=user, request=request, user=user)
    return codes


def verify(
    *, user: StaffUser, code: str, request: HttpRequest | None, now: datetime
) -> Literal["totp", "backup_code"] | None:
    """Takes a code of the app, or a backup code, in the caller's transaction; each only once.

    Of two requests with one code at the same moment one alone is let through. None for a code that
    is wrong, too old or used.
    """
    compact = _compact(code)
    if len(compact) == _DIGITS:
        return "totp" if _take_step(user, compact, now) else None
    if not _take_backup_code(user, compact, now):
        return None
    record_audit(
        action="staff_user.backup_code_used",
        obj=user,
        request=request,
        user=user,
        after={"left": backup_codes_left(user)},
    )
    return "backup_code"


def new_backup_codes(*, user: StaffUser, request: HttpRequest) -> list[str]:
    """Replaces the backup codes, in the caller's transaction; nothing gives them again."""
    codes = _replace_backup_codes(user)
    record_audit(action="staff_user.backup_codes_made", obj=user, request=request, user=user)
    return codes


def backup_codes_left(user: Any) -> int:
    """How many backup codes have not been used."""
    return BackupCode.objects.filter(user=user, used_at__isnull=True).count()


def reset(*, user: StaffUser, request: HttpRequest | None, reason: str) -> bool:
    """Takes the second factor and its backup codes away, in the caller's transaction; whether
    there was one. The user enrols anew at the next sign-in."""
    found = SecondFactor.objects.filter(user=user).delete()[0]
    BackupCode.objects.filter(user=user).delete()
    if not found:
        return False
    record_audit(action="staff_user.second_factor_reset", obj=user, request=request, reason=reason)
    return True


def _totp(secret: bytes) -> TOTP:
    # The one that all authenticator apps know; an HMAC does not need collision resistance.
    return TOTP(secret, _DIGITS, SHA1(), _STEP_SECONDS)  # noqa: S303


def _compact(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


def _matching_step(secret: bytes, code: str, now: datetime, after: int = -1) -> int | None:
    """The newest time step whose code it is, of those after ``after``."""
    current = int(now.timestamp()) // _STEP_SECONDS
    totp = _totp(secret)
    for step in range(current + _STEPS_EITHER_SIDE, current - _STEPS_EITHER_SIDE - 1, -1):
        expected = totp.generate(step * _STEP_SECONDS)
        if step > after and hmac.compare_digest(expected, code.encode()):
            return step
    return None


def _take_step(user: StaffUser, code: str, now: datetime) -> bool:
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is None:
        return False
    ring, binding = _ring(), _binding(user)
    secret = ring.decrypt(factor.encryption_key_id, bytes(factor.secret), bound_to=binding)
    step = _matching_step(secret, code, now, after=factor.last_step)
    if step is None:
        return False
    values: dict[str, Any] = {"last_step": step}
    if factor.encryption_key_id != ring.active_id:
        values["encryption_key_id"], values["secret"] = ring.encrypt(secret, bound_to=binding)
    taken = SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step)
    return taken.update(**values) == 1


def _take_backup_code(user: StaffUser, code: str, now: datetime) -> bool:
    unused = Q(user=user, code_hash=_backup_hash(user, code), used_at__isnull=True)
    return BackupCode.objects.filter(unused).update(used_at=now) == 1


def _replace_backup_codes(user: StaffUser) -> list[str]:
    BackupCode.objects.filter(user=user).delete()
    codes = [
        "".join(secrets.choice(_BACKUP_ALPHABET) for _ in range(_BACKUP_CHARACTERS))
        for _ in range(BACKUP_CODES)
    ]
    BackupCode.objects.bulk_create(
        BackupCode(user=user, code_hash=_backup_hash(user, code)) for code in codes
    )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _backup_hash(user: StaffUser, code: str) -> str:
    return keyed_hash(settings.STORED_SECRETS_KEY, f"staff backup code {user.pk} {code}")


def _ring() -> Any:
    return key_ring(settings.PII_KEYS, setting="PII_KEYS")


def _binding(user: StaffUser) -> str:
    return f"staff second factor {user.pk}"
