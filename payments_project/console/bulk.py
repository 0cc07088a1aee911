"""Acts on many objects, chosen on their list.

``POST …/LIST/bulk/NAME/`` with the chosen keys asks: what will be done, to which, to which not and
why. Sent again with the form and its token it acts, on one object after the other, each by the
rules of a single act: the right, what is offered, the form, a transaction and an audit entry of its
own. What is refused or fails for one touches no other.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.db.models import Model
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse

from payments_project.console import display, form_tokens
from payments_project.console.acts import Act, ActForm, acts_of
from payments_project.console.display import object_url
from payments_project.console.presented import Cell
from payments_project.errors import ServiceError

BULK_MAX = 100
# What has not been begun by then is left for another time: a request does not work for ever.
BULK_SECONDS_MAX = 60
# The hidden field that leads back to the list as it was.
LIST_QUERY = "list_query"

DONE, REFUSED, FAILED, LEFT = "done", "refused", "failed", "not begun"
TONES = {DONE: display.GREEN, REFUSED: display.AMBER, FAILED: display.RED, LEFT: display.GREY}

_GONE = "There is no such object, or you may not see it."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """An object that was chosen; ``why_not`` is empty where the act can be done to it."""

    key: str
    instance: Model | None
    name: str
    badges: Sequence[Cell] = ()
    url: str = ""
    why_not: str = ""

    @property
    def key_end(self) -> str:
        """What tells it from another of the same name."""
        return f"…{self.key[-8:]}"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of them."""

    chosen: Chosen
    outcome: str
    message: str

    @property
    def badge(self) -> Cell:
        """The outcome as a coloured word."""
        return display.badge(self.outcome, TONES[self.outcome])


def bulk_acts(model_admin: Any, request: HttpRequest) -> list[dict[str, Any]]:
    """The acts that the user may do to many objects of the list, with their addresses."""
    label = f"{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    return [
        {"act": act, "url": reverse(f"admin:{label}_bulk", args=[act.name])}
        for act in acts_of(model_admin)
        if act.is_bulk and act.may_be_allowed(request)
    ]


def bulk_view(model_admin: Any, request: HttpRequest, name: str) -> HttpResponse:
    """The page that asks, and the one that answers."""
    act = next((act for act in acts_of(model_admin) if act.is_bulk and act.name == name), None)
    if act is None:
        raise Http404
    if not model_admin.has_view_permission(request) or not act.may_be_allowed(request):
        raise PermissionDenied
    back = _back(model_admin, request)
    keys = list(dict.fromkeys(request.POST.getlist(ACTION_CHECKBOX_NAME)))
    if not keys:
        messages.warning(request, f"{act.title}: choose rows of the list first.")
        return HttpResponseRedirect(back)
    if len(keys) > BULK_MAX:
        messages.error(request, f"{act.title}: at most {BULK_MAX} at once, not {len(keys)}.")
        return HttpResponseRedirect(back)
    chosen = _choose(model_admin, request, act, keys)
    page = _Page(model_admin, request, act, chosen, back)
    return page.act() if form_tokens.FIELD in request.POST else page.ask()


class _Page:
    """One request: its list, its act and what was chosen."""

    def __init__(
        self, model_admin: Any, request: HttpRequest, act: Act, chosen: list[Chosen], back: str
    ) -> None:
        self.model_admin, self.request, self.acting = model_admin, request, act
        self.chosen, self.back = chosen, back
        self.possible = [item for item in chosen if not item.why_not]
        self.form_class: type[ActForm] = act.bulk_form or act.form
        self.purpose = f"{model_admin.opts.label_lower} bulk {act.name}"

    def ask(self, form: Form | None = None) -> HttpResponse:
        """What will be done to which, with the act's form; nothing is done yet."""
        if form is None and self.possible:
            form = self.form_class(instance=self.possible[0].instance)
        return self._answer(
            "admin/console/bulk.html",
            form=form,
            possible=self.possible,
            impossible=[item for item in self.chosen if item.why_not],
            keys=[item.key for item in self.chosen],
            key_name=ACTION_CHECKBOX_NAME,
            form_token=form_tokens.new_token(self.request, self.purpose),
            list_query=self.request.POST.get(LIST_QUERY, ""),
        )

    def act(self) -> HttpResponse:
        """Acts, and shows a result for each; or asks again for what is wrong for all of them."""
        forms = [self._form_for(item.instance) for item in self.possible]
        if not any(form.is_valid() for form in forms):
            return self.ask(forms[0] if forms else None)
        if not form_tokens.take_token(self.request, self.purpose):
            messages.warning(
                self.request,
                f"{self.acting.title}: that form was sent already, or is too old. "
                "What it did stands in the audit trail.",
            )
            return HttpResponseRedirect(self.back)
        results = list(self._results())
        counts = {
            outcome: sum(result.outcome == outcome for result in results) for outcome in TONES
        }
        return self._answer(
            "admin/console/bulk_done.html",
            # What needs another look stands first.
            results=sorted(results, key=lambda result: list(TONES)[::-1].index(result.outcome)),
            counts=[(outcome, count, TONES[outcome]) for outcome, count in counts.items() if count],
        )

    def _results(self) -> Iterable[Result]:
        deadline = time.monotonic() + BULK_SECONDS_MAX
        for item in self.chosen:
            if item.why_not:
                yield Result(item, REFUSED, item.why_not)
            elif time.monotonic() > deadline:
                words = f"One request works for {BULK_SECONDS_MAX} s at most: choose it again."
                yield Result(item, LEFT, words)
            else:
                yield Result(item, *self._act_on(item))

    def _act_on(self, item: Chosen) -> tuple[str, str]:
        """Acts on one object, read anew: those before it may have changed it."""
        try:
            instance = self.model_admin.get_object(self.request, item.key)
            why_not = _why_not(self.model_admin, self.request, self.acting, instance)
            if why_not:
                return REFUSED, why_not
            form = self._form_for(instance)
            if not form.is_valid():
                return REFUSED, _words_of(form)
            done = self.acting.run_among_many(self.request, instance, form.cleaned_data)
        except ServiceError as error:
            return REFUSED, error.message
        except PermissionDenied:
            return REFUSED, "Your roles do not include it."
        except Exception:
            logger.exception("bulk act %s failed for one object", self.purpose)
            # A connection that was lost is given back, so that the next object has another.
            connection.close_if_unusable_or_obsolete()
            return FAILED, "It failed on our side; the log has why. See its page for its state."
        return DONE, done.message

    def _form_for(self, instance: Model | None) -> ActForm:
        for file in chain.from_iterable(files for _, files in self.request.FILES.lists()):
            # Each object's form reads it from its beginning.
            file.seek(0)
        return self.form_class(self.request.POST, self.request.FILES, instance=instance)

    def _answer(self, template: str, **context: Any) -> HttpResponse:
        options = self.model_admin.opts
        return TemplateResponse(
            self.request,
            template,
            {
                **self.model_admin.admin_site.each_context(self.request),
                "title": self.acting.title,
                "opts": options,
                "act": self.acting,
                "back": self.back,
                **context,
            },
        )


def _back(model_admin: Any, request: HttpRequest) -> str:
    """The list as it was; what is sent is only ever a query of this list's address."""
    label = f"{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    address = reverse(f"admin:{label}_changelist")
    query = QueryDict(request.POST.get(LIST_QUERY, "").removeprefix("?"))
    written = urlencode([(name, value) for name, values in query.lists() for value in values])
    return f"{address}?{written}" if written else address


def _choose(model_admin: Any, request: HttpRequest, act: Act, keys: Sequence[str]) -> list[Chosen]:
    """What was chosen, in the list's order, each with why the act can't be done to it."""
    valid = {key: value for key in keys if (value := _key_value(model_admin, key)) is not None}
    found: Mapping[Any, Model] = {
        row.pk: row for row in model_admin.get_queryset(request).filter(pk__in=valid.values())
    }
    model_admin.complete(list(found.values()))
    chosen = []
    for key in keys:
        instance = found.get(valid.get(key))
        if instance is None:
            chosen.append(Chosen(key, None, "", why_not=_GONE))
            continue
        chosen.append(
            Chosen(
                key=key,
                instance=instance,
                # Without its state, which the act changes.
                name=model_admin.crumb(instance),
                badges=model_admin.badges_of(instance),
                url=object_url(instance._meta.label, instance.pk) or "",
                why_not=_why_not(model_admin, request, act, instance),
            )
        )
    return chosen


def _key_value(model_admin: Any, key: str) -> Any:
    try:
        return model_admin.opts.pk.to_python(key) if "\0" not in key else None
    except ValidationError:
        return None


def _why_not(model_admin: Any, request: HttpRequest, act: Act, instance: Model | None) -> str:
    """Why the act can't be done to the object; empty if it can."""
    if instance is None or not model_admin.has_view_permission(request, instance):
        return _GONE
    if not act.is_allowed(request, instance):
        return "Your roles do not include it."
    return "" if act.is_offered(instance) else act.why_not(instance)


def _words_of(form: Form) -> str:
    """What is wrong with a form, in one line."""
    return " ".join(
        str(error) if name == "__all__" else f"{form[name].label}: {error}"
        for name, errors in form.errors.items()
        for error in errors
    )
