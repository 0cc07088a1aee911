"""The console's site: its home page, its search over everything, its refusals."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial, update_wrapper
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.options import ModelAdmin
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from payments_project.console.display import object_url
from payments_project.console.home import home_context
from payments_project.console.saved_filters import filters_named, list_address
from payments_project.console.search import LAST_FOUR, Term, looks_like_card_number, recognise
from payments_project.database.statements import planned_for_their_values
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.staff.audit import record_audit
from payments_project.staff.sign_in import account, sessions, views

# Of each kind of object, and pages by name.
FOUND_MAX = 5

_FOUND = {"HX-Trigger": "search"}

# The theme loads what it has from our own server and sets styles by script objects only. Its
# Alpine.js evaluates expressions that stand in the pages, hence 'unsafe-eval'; inline scripts,
# inline styles and foreign hosts stay out.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class ConsoleSite(UnfoldAdminSite):
    """Unfold's site with what a payment service's staff need around the models' pages."""

    index_title = "Home"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        # The colours stand in console/theme.css: an inline style would need 'unsafe-inline'.
        return context | {
            "colors": None,
            "is_embedded": settings.EMBEDDED,
            "session_idle_seconds": settings.STAFF_SESSION_IDLE_SECONDS,
        }

    def get_urls(self) -> list[URLPattern]:
        """Django's and the theme's, and the pages of signing in and of one's own account."""
        signing_in = {
            "login/code/": (views.enter_code, "sign_in_code"),
            "login/enrol/": (views.enrol_at_sign_in, "sign_in_enrol"),
        }
        own = {
            "account/": (account.account, "account"),
            "account/second-factor/": (account.enrol, "account_second_factor"),
            "account/backup-codes/": (account.new_backup_codes, "account_backup_codes"),
            "account/end-sessions/": (account.end_other_sessions, "account_end_sessions"),
            "session/": (account.session_state, "session"),
        }
        urls: list[URLPattern] = super().get_urls()
        return [
            *(
                path(address, partial(self._outside, view=view), name=name)
                for address, (view, name) in signing_in.items()
            ),
            *(
                path(address, self.admin_view(partial(view, self)), name=name)
                for address, (view, name) in own.items()
            ),
            *urls,
        ]

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether an active member of staff is signed in, second factor included where one is
        asked for, in a session that is neither idle nor too old."""
        return bool(
            super().has_permission(request)
            and sessions.state_of(request, now=datetime.now(UTC)) == "open"
        )

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The first page of signing in, in place of Django's."""
        return self._outside(request, view=views.sign_in)

    @method_decorator(sensitive_post_parameters())
    @method_decorator(never_cache)
    def _outside(
        self, request: HttpRequest, *, view: Callable[[Any, HttpRequest], HttpResponse]
    ) -> HttpResponse:
        """A page for those who are not signed in yet."""
        request.current_app = self.name  # type: ignore[attr-defined]
        response = view(self, request)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Signs out here, on record, and says so where one signs in."""
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:index"))
        run_in_transaction(lambda: sessions.close_session(request=request, cause="by oneself"))
        messages.success(request, "You are signed out.")
        return HttpResponseRedirect(reverse("admin:login"))

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's, on record; a new password ends every other session."""
        user: Any = request.user
        before = user.password
        with transaction.atomic():
            response: HttpResponse = super().password_change(request, extra_context)
            if user.password != before:
                sessions.end_sessions(user, but=request.session.session_key)
                record_audit(action="staff_user.password_changed", obj=user, request=request)
        return response

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The home page: what needs somebody now, and today in figures."""
        return super().index(request, {**home_context(request), **(extra_context or {})})

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Pages by name and objects by an exact id, e-mail or digits, for the Ctrl+K box.

        Unlike Unfold's, nothing is kept in the cache: what staff look for is their own business,
        and somebody will paste a card number here.
        """
        text = request.GET.get("s", "").strip()
        if not text:
            return HttpResponse()
        started = time.monotonic()
        hint = ""
        if looks_like_card_number(text):
            hint = "card number"
            digits = "".join(filter(str.isdigit, text))[-4:]
            results = self._offers(request, Term(LAST_FOUR, digits))
        else:
            results = self._found(request, text)
            if not results:
                hint = "nothing"
                results = self._offers(request, recognise(text))
        # The box shows an answer only where it has at least one row to go to.
        results = results or [SearchResult("Home", "page", reverse(f"{self.name}:index"), "home")]
        paginator = Paginator(results, max(1, len(results)))
        is_extended = "extended" in request.GET
        template = "command_results" if is_extended else "search_results"
        return TemplateResponse(
            request,
            "admin/console/found.html",
            {
                "hint": hint,
                "results_template": f"unfold/helpers/{template}.html",
                "page_obj": paginator,
                "results": paginator.page(1),
                "page_counter": 0,
                "execution_time": time.monotonic() - started,
                "command_show_history": False,
            },
            headers=_FOUND,
        )

    def _found(self, request: HttpRequest, text: str) -> list[SearchResult]:
        found = self._objects(request, text)
        term = recognise(text)
        if term is not None and term.kind == LAST_FOUR:
            found += self._offers(request, term)
        words = text.lower()
        for app in self.get_app_list(request):
            found += [
                SearchResult(str(m["name"]), str(app["name"]), m["admin_url"], "tag")
                for m in app["models"]
                if words in str(m["name"]).lower()
            ]
        return found + self._filters(request, text)

    def _filters(self, request: HttpRequest, text: str) -> list[SearchResult]:
        """Saved filters by a part of their name, of lists that the user may view."""
        if "\0" in text:
            return []
        allowed = {
            model._meta.label_lower: str(model._meta.verbose_name_plural)
            for model, model_admin in self._registry.items()
            if model_admin.has_view_permission(request)
        }
        return [
            SearchResult(
                saved.name,
                f"filter of {allowed[saved.list_label]}",
                list_address(saved),
                "bookmark",
            )
            for saved in filters_named(request, text, limit=FOUND_MAX)
            if saved.list_label in allowed
        ]

    def _objects(self, request: HttpRequest, text: str) -> list[SearchResult]:
        term = recognise(text)
        if term is None:
            return []
        found: list[SearchResult] = []
        for model, model_admin in self._registry.items():
            searchable = term.kind in getattr(model_admin, "search_by", {})
            by_scan = term.kind in getattr(model_admin, "search_by_scan", ())
            if not searchable or by_scan or not model_admin.has_view_permission(request):
                continue
            conditions = model_admin.find(term)  # type: ignore[attr-defined]
            if conditions is None:
                continue
            rows = model_admin.get_queryset(request).filter(**conditions)
            order = model_admin.get_ordering(request)
            found += [
                _result(self.name, model, model_admin, row)
                for row in rows.order_by(*order)[:FOUND_MAX]
            ]
        return found

    def _offers(self, request: HttpRequest, term: Term | None) -> list[SearchResult]:
        """The lists that look for the term row by row, which is done only when asked for."""
        return [
            _offer(self.name, model, term)
            for model, model_admin in self._registry.items()
            if term is not None
            and term.kind in getattr(model_admin, "search_by_scan", ())
            and model_admin.has_view_permission(request)
        ]

    def admin_view(
        self, view: Callable[..., HttpResponse], cacheable: bool = False
    ) -> Callable[..., HttpResponse]:
        """As Django's, with refusals as pages of the console and a content security policy."""
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if self.has_permission(request) and not _only_looks_at_session(request):
                sessions.note_use(request, now=datetime.now(UTC))
            try:
                # Few pages ask the same twice, and a plan for any value knows no partial index.
                with planned_for_their_values():
                    response: HttpResponse = inner(request, *args, **kwargs)
                    if isinstance(response, SimpleTemplateResponse):
                        response.render()
            except PermissionDenied as refusal:
                reason = str(refusal) or "Your roles do not include this page."
                response = self._refusal(request, 403, "lock", "Not allowed", reason)
            except Http404:
                response = self._refusal(
                    request, 404, "search_off", "Not found", "There is nothing at this address."
                )
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            return response

        return update_wrapper(guarded, view)

    def _refusal(
        self, request: HttpRequest, status: int, icon: str, title: str, reason: str
    ) -> HttpResponse:
        if not self.has_permission(request):
            # Nobody signed in: Django's own answer tells nothing of the console.
            raise Http404 if status == 404 else PermissionDenied
        context = {**self.each_context(request), "title": title, "sign": icon, "reason": reason}
        return TemplateResponse(request, "admin/console/refused.html", context, status=status)


def _only_looks_at_session(request: HttpRequest) -> bool:
    """The page itself asks how long it has; that is no use of the console."""
    return request.method == "GET" and request.path == reverse("admin:session")


def _offer(site: str, model: type[Model], term: Term) -> SearchResult:
    options = model._meta
    url = reverse(f"{site}:{options.app_label}_{options.model_name}_changelist")
    query = urlencode({SEARCH_VAR: term.value})
    words = f"···· {term.value}" if term.kind == LAST_FOUR else f"“{term.value}”"
    title = f"Search {options.verbose_name_plural} for {words}"
    return SearchResult(title, "list", f"{url}?{query}", "search")


def _result(site: str, model: type[Model], model_admin: ModelAdmin, row: Model) -> SearchResult:
    options = model._meta
    link = object_url(options.label, row.pk) or reverse(f"{site}:index")
    shown_as = getattr(model_admin, "found_as", str)
    return SearchResult(shown_as(row), str(options.verbose_name), link, "arrow_outward")
