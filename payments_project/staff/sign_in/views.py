"""The pages of signing in: user name and password, then the code, or the enrolment before it.

Until all is done nobody is logged in: the session holds only who gave the right password, and no
page of the console knows of it.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import segno
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.encryption.secrets import decrypt_secret, encrypt_secret
from payments_project.staff.models import StaffUser
from payments_project.staff.sign_in import second_factor, sessions
from payments_project.staff.sign_in.attempts import try_code
from payments_project.staff.sign_in.forms import CodeForm, SignInForm, wait_words
from payments_project.staff.sign_in.lock_out import LockedOut, remember_browser

NEXT = "next"
_PENDING = "sign_in_pending"
_PENDING_SECONDS = 600
_TOO_LATE = "That took too long, or was done elsewhere meanwhile. Sign in again."
WRONG_CODE = "That code is wrong, too old, or was used before. The app shows a new one soon."


@dataclass(frozen=True, slots=True)
class Pending:
    """Who has given the right password, and where to go once the second factor is shown."""

    user: StaffUser
    next: str


def sign_in(site: Any, request: HttpRequest) -> HttpResponse:
    """``/admin/login/``: user name and password."""
    now = datetime.now(UTC)
    wanted = _safe_next(request)
    if site.has_permission(request):
        return HttpResponseRedirect(wanted)
    _end_what_is_over(request, now)
    form = SignInForm(request, request.POST if request.method == "POST" else None, now=now)
    if request.method == "POST" and form.is_valid():
        return _after_password(request, form.get_user(), wanted, now)
    context = {
        **site.each_context(request),
        "title": "Sign in",
        "form": form,
        NEXT: wanted,
        "app_path": request.path,
        "locked_out": form.locked_out,
    }
    response = TemplateResponse(request, "admin/login.html", context)
    return _refused_for_now(response, form.locked_out, now)


def _after_password(
    request: HttpRequest, user: StaffUser, wanted: str, now: datetime
) -> HttpResponse:
    is_enrolled = second_factor.is_enrolled(user)
    if not is_enrolled and settings.STAFF_SECOND_FACTOR != sessions.REQUIRED:
        return complete(request, user, "none", HttpResponseRedirect(wanted), now)
    # A new key: nobody else holds the session in which the rest happens.
    request.session.flush()
    request.session[_PENDING] = {"user": str(user.pk), "at": int(now.timestamp()), NEXT: wanted}
    return HttpResponseRedirect(
        reverse("admin:sign_in_code" if is_enrolled else "admin:sign_in_enrol")
    )


def enter_code(site: Any, request: HttpRequest) -> HttpResponse:
    """``/admin/login/code/``: a code of the app, or a backup code."""
    now = datetime.now(UTC)
    pending = _pending(request, now)
    if pending is None or not second_factor.is_enrolled(pending.user):
        return _start_again(request)
    form = CodeForm(request.POST if request.method == "POST" else None)
    locked_out = None
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["code"]
        try:
            factor = try_code(request=request, user=pending.user, code=code, now=now)
        except LockedOut as error:
            locked_out = error
            form.add_error(None, wait_words(error, now))
        else:
            if factor is not None:
                if factor == "backup_code":
                    _count_backup_codes(request, pending.user)
                answer = HttpResponseRedirect(pending.next)
                return complete(request, pending.user, factor, answer, now)
            form.add_error(None, WRONG_CODE)
    context = {**site.each_context(request), "title": "Second factor", "form": form}
    response = TemplateResponse(request, "admin/sign_in/code.html", context)
    return _refused_for_now(response, locked_out, now)


def _count_backup_codes(request: HttpRequest, user: StaffUser) -> None:
    left = second_factor.backup_codes_left(user)
    messages.warning(
        request,
        f"That backup code is used up; {left} left. “Your sign-in” in your menu makes new ones.",
    )


def enrol_at_sign_in(site: Any, request: HttpRequest) -> HttpResponse:
    """``/admin/login/enrol/``: the first sign-in, where a second factor is required."""
    now = datetime.now(UTC)
    pending = _pending(request, now)
    if pending is None or second_factor.is_enrolled(pending.user):
        return _start_again(request)
    secret = enrolment_secret(request)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["code"]
        codes = run_in_transaction(
            lambda: second_factor.enrol(
                user=pending.user, secret=secret, code=code, request=request, now=now
            )
        )
        if codes is not None:
            shown = {"title": "Backup codes", "codes": codes, "go_on": pending.next}
            response = TemplateResponse(
                request, "admin/sign_in/backup_codes.html", site.each_context(request) | shown
            )
            return complete(request, pending.user, "totp", response, now)
        form.add_error(None, WRONG_CODE)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "Set up a second factor",
        "form": form,
        **enrolment_context(pending.user, secret),
    }
    return TemplateResponse(request, "admin/sign_in/enrol.html", context)


def complete(
    request: HttpRequest,
    user: StaffUser,
    factor: sessions.Factor,
    response: HttpResponse,
    now: datetime,
) -> HttpResponse:
    """Signs ``user`` in and answers ``response``, with what lets the browser be known again."""
    for name in (_PENDING, ENROLLING):
        request.session.pop(name, None)
    run_in_transaction(
        lambda: sessions.open_session(request=request, user=user, factor=factor, now=now)
    )
    remember_browser(request, response, user)
    return response


ENROLLING = "second_factor_secret"


def enrolment_secret(request: HttpRequest) -> bytes:
    """The secret that this session offers to an app; encrypted, since sessions lie in a table.

    It is the session's own: who else knows the password never sees it.
    """
    stored = request.session.get(ENROLLING)
    if stored is not None:
        return base64.b64decode(decrypt_secret(stored.encode()))
    secret = second_factor.new_secret()
    request.session[ENROLLING] = encrypt_secret(base64.b64encode(secret).decode()).decode()
    return secret


def enrolment_context(user: StaffUser, secret: bytes) -> dict[str, Any]:
    """What a page of enrolment shows: the QR code, and the same to type."""
    return {
        "username": user.get_username(),
        "issuer": second_factor.ISSUER,
        "qr_code": _qr_code(second_factor.provisioning_uri(user, secret)),
        "typed_secret": second_factor.typed_secret(secret),
    }


def _qr_code(text: str) -> SafeString:
    """An SVG without style or script, as the content security policy wants it."""
    made = segno.make(text, error="m", micro=False)
    svg = made.svg_inline(scale=5, border=3, omitsize=True, svgclass="c-qr", lineclass=None)
    return mark_safe(svg)  # noqa: S308 (made of numbers alone)


def _pending(request: HttpRequest, now: datetime) -> Pending | None:
    kept = request.session.get(_PENDING)
    if not kept or now.timestamp() - kept["at"] >= _PENDING_SECONDS:
        return None
    user = StaffUser.objects.filter(pk=UUID(kept["user"]), is_active=True, is_staff=True).first()
    return Pending(user, kept[NEXT]) if user is not None else None


def _start_again(request: HttpRequest) -> HttpResponse:
    if request.session.pop(_PENDING, None) is not None:
        messages.warning(request, _TOO_LATE)
    return HttpResponseRedirect(reverse("admin:login"))


def _end_what_is_over(request: HttpRequest, now: datetime) -> None:
    """Ends a session that has been idle or lasted too long, and says so."""
    state = sessions.state_of(request, now=now)
    if state not in ("idle", "expired"):
        return
    run_in_transaction(lambda: sessions.close_session(request=request, cause=state))
    minutes = settings.STAFF_SESSION_IDLE_SECONDS // 60
    hours = settings.STAFF_SESSION_SECONDS // 3600
    why = f"{minutes} minutes without a click" if state == "idle" else f"{hours} hours"
    messages.info(request, f"You were signed out after {why}.")


def _safe_next(request: HttpRequest) -> str:
    """Where to go after signing in: an address of this host, or the console's home."""
    wanted = request.POST.get(NEXT) or request.GET.get(NEXT) or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours and wanted.isprintable() else reverse("admin:index")


def _refused_for_now(
    response: TemplateResponse, locked_out: LockedOut | None, now: datetime
) -> TemplateResponse:
    if locked_out is not None:
        response.status_code = 429
        seconds = max(1, int((locked_out.until - now).total_seconds()))
        response.headers["Retry-After"] = str(seconds)
    return response
