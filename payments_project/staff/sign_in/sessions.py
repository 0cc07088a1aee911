"""Sessions of staff: when one is open, when it is over, and ending all of somebody's.

A session counts as signed in by a mark that ``open_session`` writes once password and second factor
are done; being logged in by Django's own means is not enough. Times are UTC.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth import login as auth_login
from django.contrib.auth import logout as auth_logout
from django.db.models import QuerySet
from django.http import HttpRequest

from payments_project.client_address import client_address
from payments_project.staff.audit import record_audit
from payments_project.staff.models import StaffUser
from payments_project.staff.sign_in.models import StaffSession
from payments_project.staff.sign_in.session_store import SEEN_AT, SIGN_IN

Factor = Literal["totp", "backup_code", "none"]
State = Literal["open", "idle", "expired", "none"]

REQUIRED, OPTIONAL = "required", "optional"
# A use is written down only so often: a page is not worth an UPDATE.
SEEN_EVERY_SECONDS = 30
_BACKEND = "django.contrib.auth.backends.ModelBackend"


def open_session(*, request: HttpRequest, user: StaffUser, factor: Factor, now: datetime) -> None:
    """Signs ``user`` in, in the caller's transaction, under a new session key; on record."""
    auth_login(request, user, backend=_BACKEND)
    at = int(now.timestamp())
    request.session[SIGN_IN] = {"at": at, "factor": factor, "ip": client_address(request)}
    request.session[SEEN_AT] = at
    request.session.save()
    record_audit(
        action="staff_user.signed_in",
        obj=user,
        request=request,
        user=user,
        after={"second_factor": factor},
    )


def state_of(request: HttpRequest, *, now: datetime) -> State:
    """Whether somebody is signed in here, or why not any more. Changes nothing."""
    mark = request.session.get(SIGN_IN)
    if not mark or not request.user.is_authenticated:
        return "none"
    if settings.STAFF_SECOND_FACTOR == REQUIRED and mark["factor"] == "none":
        return "none"
    if now.timestamp() - mark["at"] >= settings.STAFF_SESSION_SECONDS:
        return "expired"
    return "open" if seconds_left(request, now=now) > 0 else "idle"


def seconds_left(request: HttpRequest, *, now: datetime) -> int:
    """After how many seconds without a request the session ends."""
    mark, seen_at = request.session[SIGN_IN], request.session.get(SEEN_AT, 0)
    idle_end = seen_at + settings.STAFF_SESSION_IDLE_SECONDS
    end = mark["at"] + settings.STAFF_SESSION_SECONDS
    return int(min(idle_end, end) - now.timestamp())


def note_use(request: HttpRequest, *, now: datetime, at_once: bool = False) -> None:
    """Counts the idle time of an open session from now; ``at_once`` even if it did so lately."""
    at = int(now.timestamp())
    if at_once or at - request.session.get(SEEN_AT, 0) >= SEEN_EVERY_SECONDS:
        request.session[SEEN_AT] = at


def set_factor(request: HttpRequest, factor: Factor) -> None:
    """Notes that the second factor has been shown in this session."""
    request.session[SIGN_IN] = {**request.session[SIGN_IN], "factor": factor}


def close_session(*, request: HttpRequest, cause: str) -> None:
    """Signs out here, in the caller's transaction; on record with its cause."""
    if request.user.is_authenticated:
        record_audit(
            action="staff_user.signed_out",
            obj=request.user,
            request=request,
            after={"cause": cause},
        )
    auth_logout(request)


def open_sessions(user: Any, *, now: datetime) -> QuerySet[StaffSession]:
    """The sessions of ``user`` in which somebody is signed in, last used first."""
    idle = now - timedelta(seconds=settings.STAFF_SESSION_IDLE_SECONDS)
    over = now - timedelta(seconds=settings.STAFF_SESSION_SECONDS)
    found = StaffSession.objects.filter(user=user, seen_at__gt=idle, signed_in_at__gt=over)
    return found.order_by("-seen_at")


def end_sessions(user: Any, *, but: str | None = None) -> int:
    """Ends every session of ``user`` at once, the one with the key ``but`` aside; how many.

    In the caller's transaction. A request under way in one of them is finished.
    """
    rows = StaffSession.objects.filter(user=user)
    if but is not None:
        rows = rows.exclude(session_key=but)
    return rows.delete()[0]
