"""Attempts to sign in: counted, checked and put on record, alike for names that are nobody's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from django.contrib.auth import authenticate
from django.http import HttpRequest

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.staff.audit import record_audit
from payments_project.staff.models import StaffUser
from payments_project.staff.sign_in import second_factor
from payments_project.staff.sign_in.lock_out import (
    Counter,
    code_counters,
    count_attempt,
    forget_attempt,
    password_counters,
)


def try_password(
    *, request: HttpRequest, username: str, password: str, now: datetime
) -> StaffUser | None:
    """The active member of staff with that name and password; None if there is none.

    Does the same work, and writes as much, for a name that is nobody's. Raises ``LockedOut``
    without looking at the password. Not within a transaction: the hash takes long.
    """
    known = StaffUser.objects.filter(username=username).first()
    counters = password_counters(request, username, known)
    locks = count_attempt(counters, now=now)
    # Django hashes the password even if there is no such user.
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, StaffUser) or not user.is_staff:
        run_in_transaction(lambda: _record_failure(request, known, "password", locks))
        return None
    run_in_transaction(lambda: forget_attempt(counters))
    return user


def try_code(
    *, request: HttpRequest, user: StaffUser, code: str, now: datetime
) -> Literal["totp", "backup_code"] | None:
    """Which second factor the code is; None for a wrong one. Raises ``LockedOut``."""
    counters = code_counters(request, user)
    locks = count_attempt(counters, now=now)

    def work() -> Literal["totp", "backup_code"] | None:
        factor = second_factor.verify(user=user, code=code, request=request, now=now)
        if factor is None:
            _record_failure(request, user, "second factor", locks)
        else:
            forget_attempt(counters)
        return factor

    return run_in_transaction(work)


def _record_failure(
    request: HttpRequest, known: StaffUser | None, what: str, locks: Mapping[Counter, datetime]
) -> None:
    """One entry for the failure and one for each lock; of a name that is nobody's, not the name."""
    record_audit(
        action="staff_user.sign_in_failed",
        obj=known or StaffUser,
        request=request,
        after={"wrong": what},
    )
    for counter, until in locks.items():
        of_account = known if counter.scope != "address" else None
        record_audit(
            action="staff_user.locked_out",
            obj=of_account or StaffUser,
            request=request,
            after={"scope": counter.scope, "until": until.isoformat(timespec="seconds")},
        )
