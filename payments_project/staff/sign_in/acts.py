"""What an administrator does about a colleague's sign-in, and how it stands on the colleague's page."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from payments_project.console import display
from payments_project.console.acts import Act, Done
from payments_project.console.panels import Panel, panel
from payments_project.errors import Conflict
from payments_project.staff.audit import record_audit
from payments_project.staff.models import StaffUser
from payments_project.staff.rights import may_change
from payments_project.staff.sign_in import lock_out, second_factor, sessions
from payments_project.staff.sign_in.models import SecondFactor

PANEL = "Sign-in"


class ColleagueAct(Act):
    """An act on a colleague's account: never on one's own, nor on that of somebody who holds a right
    that one lacks."""

    __slots__ = ()

    def is_allowed(self, request: HttpRequest, instance: Any) -> bool:
        if not Act.is_allowed(self, request, instance) or instance is None:
            return False
        return instance.pk != request.user.pk and may_change(request.user, instance)


def _reset(request: HttpRequest, user: StaffUser, values: Mapping[str, Any]) -> Done:
    if not second_factor.reset(user=user, request=request, reason=values["reason"]):
        raise Conflict("There is no second factor any more.")
    sessions.end_sessions(user)
    return Done(f"{user.username} is signed out, and enrols again at the next sign-in.")


def _unlock(request: HttpRequest, user: StaffUser, values: Mapping[str, Any]) -> Done:
    until = lock_out.locked_until(user, now=datetime.now(UTC))
    lock_out.unlock(user)
    record_audit(
        action="staff_user.unlocked",
        obj=user,
        request=request,
        before={"locked_until": until.isoformat(timespec="seconds") if until else None},
        reason=values["reason"],
    )
    return Done(f"{user.username} can try again at once.")


def _end_sessions(request: HttpRequest, user: StaffUser, values: Mapping[str, Any]) -> Done:
    ended = sessions.end_sessions(user)
    record_audit(
        action="staff_user.sessions_ended",
        obj=user,
        request=request,
        after={"count": ended},
        reason=values["reason"],
    )
    return Done(f"{user.username} is signed out everywhere.")


ACTS: Sequence[Act] = (
    ColleagueAct(
        name="unlock",
        title="Unlock",
        icon="lock_open",
        permission="payments_project.unlock_staffuser",
        explanation=(
            "The failed attempts are forgotten, and the account can be tried again at once. Ask the"
            " person first whether the attempts were theirs."
        ),
        perform=_unlock,
        section=PANEL,
        is_offered=lambda user: lock_out.locked_until(user, now=datetime.now(UTC)) is not None,
    ),
    ColleagueAct(
        name="end-sessions",
        title="Sign out everywhere",
        icon="logout",
        permission="payments_project.end_sessions",
        explanation="Every browser in which the person is signed in has to sign in again.",
        perform=_end_sessions,
        section=PANEL,
        is_offered=lambda user: sessions.open_sessions(user, now=datetime.now(UTC)).exists(),
    ),
    ColleagueAct(
        name="reset-second-factor",
        title="Reset second factor",
        icon="phonelink_erase",
        permission="payments_project.reset_second_factor",
        explanation=(
            "For a lost phone. The app and the backup codes stop working, every session ends, and"
            " the next sign-in, with the password alone, enrols another phone. Make sure that it is"
            " the person who asks, and by another way than e-mail."
        ),
        perform=_reset,
        section=PANEL,
        is_dangerous=True,
        is_offered=second_factor.is_enrolled,
    ),
)


@panel("payments_project.staffuser", permission="payments_project.view_staffuser")
def sign_in_panel(request: HttpRequest, user: StaffUser) -> Panel:
    """How a colleague's sign-in stands."""
    now = datetime.now(UTC)
    factor = SecondFactor.objects.filter(user=user).only("enrolled_at").first()
    until = lock_out.locked_until(user, now=now)
    count = sessions.open_sessions(user, now=now).count()
    left = second_factor.backup_codes_left(user)
    return Panel(
        title=PANEL,
        icon="passkey",
        body=format_html(
            '<dl class="c-facts">{}</dl>',
            format_html_join(
                "",
                '<div class="c-fact"><dt>{}</dt><dd>{}</dd></div>',
                (
                    ("Last sign-in", display.moment(user.last_login, now=now)),
                    ("Second factor", _since(factor, now)),
                    ("Backup codes left", left if factor else display.EMPTY),
                    ("Locked until", display.moment(until, now=now)),
                    ("Open sessions", count),
                ),
            ),
        ),
        order=10,
    )


def _since(factor: SecondFactor | None, now: datetime) -> Any:
    if factor is None:
        return display.badge("none", display.AMBER)
    return display.moment(factor.enrolled_at, now=now)
