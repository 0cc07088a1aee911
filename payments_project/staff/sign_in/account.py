"""The pages of one's own account: second factor, backup codes, open sessions, password."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from payments_project.console import display
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import Conflict
from payments_project.staff.audit import record_audit
from payments_project.staff.sign_in import second_factor, sessions
from payments_project.staff.sign_in.attempts import try_code, try_password
from payments_project.staff.sign_in.forms import CodeForm, PasswordCodeForm, wait_words
from payments_project.staff.sign_in.lock_out import LockedOut
from payments_project.staff.sign_in.models import SecondFactor
from payments_project.staff.sign_in.views import (
    ENROLLING,
    WRONG_CODE,
    enrolment_context,
    enrolment_secret,
)

_SESSIONS_SHOWN = 20


def account(site: Any, request: HttpRequest) -> HttpResponse:
    """``/admin/account/``: how one's own sign-in stands."""
    now = datetime.now(UTC)
    user: Any = request.user
    factor = SecondFactor.objects.filter(user=user).only("enrolled_at").first()
    found = sessions.open_sessions(user, now=now)[:_SESSIONS_SHOWN]
    context = {
        **site.each_context(request),
        "title": "Your sign-in",
        "enrolled": display.moment(factor.enrolled_at, now=now) if factor else "",
        "codes_left": second_factor.backup_codes_left(user),
        "last_sign_in": display.moment(user.last_login, now=now),
        "sessions": [
            {
                "since": display.moment(row.signed_in_at, now=now),
                "seen": display.ago(row.seen_at, now=now),
                "address": display.code(row.ip_address),
                "is_this": row.session_key == request.session.session_key,
            }
            for row in found
        ],
    }
    return TemplateResponse(request, "admin/sign_in/account.html", context)


def enrol(site: Any, request: HttpRequest) -> HttpResponse:
    """``/admin/account/second-factor/``: enrolling although nobody has to."""
    now = datetime.now(UTC)
    user: Any = request.user
    if second_factor.is_enrolled(user):
        messages.info(request, "You have a second factor. A colleague can reset it.")
        return HttpResponseRedirect(reverse("admin:account"))
    secret = enrolment_secret(request)
    form = PasswordCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        codes = _enrol(request, form, secret, now)
        if codes is not None:
            return _codes_page(site, request, codes)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "Set up a second factor",
        "form": form,
        **enrolment_context(user, secret),
    }
    return TemplateResponse(request, "admin/sign_in/account_enrol.html", context)


def _enrol(
    request: HttpRequest, form: PasswordCodeForm, secret: bytes, now: datetime
) -> list[str] | None:
    user: Any = request.user
    password, code = form.cleaned_data["password"], form.cleaned_data["code"]
    try:
        known = try_password(
            request=request, username=user.get_username(), password=password, now=now
        )
    except LockedOut as locked_out:
        form.add_error(None, wait_words(locked_out, now))
        return None
    if known is None:
        form.add_error("password", "That is not your password.")
        return None

    def work() -> list[str] | None:
        codes = second_factor.enrol(user=user, secret=secret, code=code, request=request, now=now)
        if codes is not None:
            # Those that were opened with the password alone.
            sessions.end_sessions(user, but=request.session.session_key)
        return codes

    try:
        codes = run_in_transaction(work)
    except Conflict as error:
        form.add_error(None, error.message)
        return None
    if codes is None:
        form.add_error("code", WRONG_CODE)
        return None
    request.session.pop(ENROLLING, None)
    sessions.set_factor(request, "totp")
    return codes


def new_backup_codes(site: Any, request: HttpRequest) -> HttpResponse:
    """``/admin/account/backup-codes/``: new ones for old, for a code of the app."""
    now = datetime.now(UTC)
    user: Any = request.user
    if not second_factor.is_enrolled(user):
        return HttpResponseRedirect(reverse("admin:account_second_factor"))
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            factor = try_code(request=request, user=user, code=form.cleaned_data["code"], now=now)
        except LockedOut as locked_out:
            form.add_error(None, wait_words(locked_out, now))
        else:
            if factor is not None:
                codes = run_in_transaction(
                    lambda: second_factor.new_backup_codes(user=user, request=request)
                )
                return _codes_page(site, request, codes)
            form.add_error("code", WRONG_CODE)
    context = {**site.each_context(request), "title": "New backup codes", "form": form}
    return TemplateResponse(request, "admin/sign_in/account_code.html", context)


def _codes_page(site: Any, request: HttpRequest, codes: list[str]) -> HttpResponse:
    context = {
        **site.each_context(request),
        "title": "Backup codes",
        "codes": codes,
        "go_on": reverse("admin:account"),
    }
    return TemplateResponse(request, "admin/sign_in/account_backup_codes.html", context)


def end_other_sessions(site: Any, request: HttpRequest) -> HttpResponse:
    """``/admin/account/end-sessions/``: signs oneself out everywhere else."""
    page = HttpResponseRedirect(reverse("admin:account"))
    if request.method != "POST":
        return page
    user: Any = request.user

    def work() -> int:
        ended = sessions.end_sessions(user, but=request.session.session_key)
        if ended:
            record_audit(
                action="staff_user.sessions_ended",
                obj=user,
                request=request,
                after={"count": ended},
            )
        return ended

    run_in_transaction(work)
    messages.success(request, "You are signed out everywhere else.")
    return page


def session_state(site: Any, request: HttpRequest) -> HttpResponse:
    """``/admin/session/``: the seconds that are left; a POST counts as use, a GET does not."""
    now = datetime.now(UTC)
    if request.method == "POST":
        sessions.note_use(request, now=now, at_once=True)
    left = sessions.seconds_left(request, now=now)
    return JsonResponse({"seconds_left": left})
