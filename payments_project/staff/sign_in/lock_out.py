"""Lock-out: after so many failures an account, browser, address or second factor has to wait.

An attempt is counted before it is checked, in one statement that takes nothing while the counter is
locked, so guesses sent side by side count as those sent one after the other; what succeeds gives
its count back. Waits double up to a limit, and a day without a failure forgets them.

Nobody can lock somebody else out for good: a browser from which an account has been signed in to
before carries a signed cookie and is counted for itself, apart from account and address. (The
cookie is no proof of anything else.) Everything is in PostgreSQL, so it holds while Redis is away.
"""

import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.core import signing
from django.db import connection
from django.db.models import Max, Q
from django.http import HttpRequest, HttpResponse

from payments_project.client_address import client_address
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.encryption.keyed_hash import keyed_hash
from payments_project.staff.models import StaffUser
from payments_project.staff.sign_in.models import SignInCounter

Scope = Literal["account", "browser", "address", "code"]

BROWSER_COOKIE = "payments_browser"
_BROWSER_SALT = "staff browser"
_BROWSER_DAYS = 180
_FORGOTTEN_AFTER = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """From the failure number ``failures`` on one waits a minute, then twice as long each time, at
    most ``wait_max``."""

    failures: int
    wait_max: timedelta

    def wait(self, failures: int) -> timedelta | None:
        """How long after so many failures in a row; None for not at all."""
        if failures < self.failures:
            return None
        doublings = min(failures - self.failures, 20)
        return min(_MINUTE * 2**doublings, self.wait_max)


LIMITS: Mapping[Scope, Limit] = {
    "account": Limit(failures=5, wait_max=15 * _MINUTE),
    "browser": Limit(failures=5, wait_max=15 * _MINUTE),
    # Of many people behind one address some mistype.
    "address": Limit(failures=20, wait_max=15 * _MINUTE),
    # Whoever gets here knows the password; three codes in a million are right at any time.
    "code": Limit(failures=5, wait_max=60 * _MINUTE),
}


@dataclass(frozen=True, slots=True, order=True)
class Counter:
    """What is counted, of which account or address."""

    scope: Scope
    key: str


class LockedOut(Exception):
    """Attempts are refused unchecked until ``until``."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"locked until {until.isoformat()}")
        self.until = until


def password_counters(
    request: HttpRequest, username: str, user: StaffUser | None
) -> tuple[Counter, ...]:
    """The counters of an attempt to sign in as ``username``, which is ``user`` or nobody.

    A name that is nobody's may be a password in the wrong box. It is kept as one of 65,536 marks,
    which no more gives it away than it fills the table, and it is locked out as real ones are.
    """
    if user is not None:
        browser = known_browser(request, user)
        if browser is not None:
            return (Counter("browser", f"{user.pk}:{browser}"),)
        account = str(user.pk)
    else:
        account = f"unknown:{keyed_hash(settings.SECRET_KEY, f'user name {username}')[:4]}"
    return (Counter("account", account), Counter("address", _network(client_address(request))))


def code_counters(request: HttpRequest, user: StaffUser) -> tuple[Counter, ...]:
    """The counter of an attempt at ``user``'s second factor."""
    browser = known_browser(request, user)
    return (Counter("code", f"{user.pk}:{browser}" if browser else str(user.pk)),)


def count_attempt(counters: Iterable[Counter], *, now: datetime) -> dict[Counter, datetime]:
    """Counts an attempt as failed, in a transaction of its own, before it is checked.

    Returns until when it locks what, should it fail. Raises ``LockedOut``, having counted nothing,
    if one of them is locked.
    """

    def work() -> dict[Counter, datetime]:
        locks = {}
        for counter in sorted(counters):
            until = _count(counter, now)
            if until is not None:
                locks[counter] = until
        return locks

    return run_in_transaction(work)


_COUNT = """
    INSERT INTO sign_in_counters AS counter (scope, key, failures, last_failed_at)
    VALUES (%(scope)s, %(key)s, 1, %(now)s)
    ON CONFLICT (scope, key) DO UPDATE
       SET failures = CASE WHEN counter.last_failed_at < %(forgotten)s THEN 1
                           ELSE counter.failures + 1 END,
           last_failed_at = %(now)s, locked_until = NULL
     WHERE counter.locked_until IS NULL OR counter.locked_until <= %(now)s
    RETURNING failures
"""


def _count(counter: Counter, now: datetime) -> datetime | None:
    values = {
        "scope": counter.scope,
        "key": counter.key,
        "now": now,
        "forgotten": now - _FORGOTTEN_AFTER,
    }
    rows = SignInCounter.objects.filter(scope=counter.scope, key=counter.key)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        counted = cursor.fetchone()
    if counted is None:
        raise LockedOut(rows.values_list("locked_until", flat=True)[0] or now)
    wait = LIMITS[counter.scope].wait(counted[0])
    if wait is None:
        return None
    rows.update(locked_until=now + wait)
    return now + wait


_UNCOUNT = """
    UPDATE sign_in_counters SET failures = greatest(failures - 1, 0), locked_until = NULL
     WHERE scope = %s AND key = %s
"""


def forget_attempt(counters: Iterable[Counter]) -> None:
    """The attempt was right: an address gets its count back, anything else starts anew.

    (An address does not: whoever has one account would wash it clean between guesses at others.)
    In the caller's transaction.
    """
    for counter in sorted(counters):
        if counter.scope == "address":
            with connection.cursor() as cursor:
                cursor.execute(_UNCOUNT, [counter.scope, counter.key])
        else:
            SignInCounter.objects.filter(scope=counter.scope, key=counter.key).delete()


def _of(user: Any) -> Q:
    scopes = Q(scope__in=("account", "browser", "code"))
    return scopes & (Q(key=str(user.pk)) | Q(key__startswith=f"{user.pk}:"))


def locked_until(user: StaffUser, *, now: datetime) -> datetime | None:
    """Until when attempts at the account are refused somewhere; None if nowhere."""
    locked = SignInCounter.objects.filter(_of(user), locked_until__gt=now)
    until: datetime | None = locked.aggregate(until=Max("locked_until"))["until"]
    return until


def unlock(user: StaffUser) -> int:
    """Forgets the failures of an account, its browsers and its second factor, in the caller's
    transaction; those of addresses stay. How many counters it had."""
    return SignInCounter.objects.filter(_of(user)).delete()[0]


def delete_forgotten(*, now: datetime | None = None) -> int:
    """Deletes counters that count for nothing any more."""
    day_ago = (now or datetime.now(UTC)) - _FORGOTTEN_AFTER
    return SignInCounter.objects.filter(last_failed_at__lt=day_ago).delete()[0]


def known_browser(request: HttpRequest, user: StaffUser) -> str | None:
    """The mark of a browser from which ``user`` has signed in before; None for any other."""
    try:
        owner, mark = signing.loads(
            request.COOKIES.get(BROWSER_COOKIE, ""),
            salt=_BROWSER_SALT,
            max_age=timedelta(days=_BROWSER_DAYS),
        )
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return str(mark) if owner == str(user.pk) else None


def remember_browser(request: HttpRequest, response: HttpResponse, user: StaffUser) -> None:
    """Lets this browser's later attempts at ``user``'s account count for themselves."""
    mark = known_browser(request, user) or secrets.token_urlsafe(12)
    response.set_cookie(
        BROWSER_COOKIE,
        signing.dumps([str(user.pk), mark], salt=_BROWSER_SALT),
        max_age=timedelta(days=_BROWSER_DAYS),
        path="/admin/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _network(address: str | None) -> str:
    """An IPv4 address, or the /64 of an IPv6 one, which is one customer's at least."""
    if not address:
        return "none"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "none"
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
