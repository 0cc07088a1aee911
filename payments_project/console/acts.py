"""Acts: what staff do to an object, each by a button on its page, a form and one service.

``GET …/OBJECT/act/NAME/`` asks, ``POST`` acts. An act runs in one transaction together with its
audit entry, and needs a permission of its own beside the right to view the object. What may be done
to many objects at once is offered on their list too (``console.bulk``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from payments_project.actor import Actor
from payments_project.api.request_id import request_id_of
from payments_project.client_address import client_address
from payments_project.console import form_tokens
from payments_project.console.display import list_url, object_url
from payments_project.console.table_field import TableWidget
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import ServiceError

REASON_CHARACTERS_MAX = 500


_WITHOUT_A_BOX = (forms.CheckboxSelectMultiple, forms.CheckboxInput, TableWidget)


class ActForm(forms.Form):
    """What an act asks for; every act asks why, and the answer stands in the audit trail.

    ``instance`` is the object that is acted on, for initial values and for what it allows. Of a long
    form the fields in ``folded`` are out of sight until they are asked for.
    """

    folded: Sequence[str] = ()

    reason = forms.CharField(
        max_length=REASON_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For the audit trail: a ticket's number, who asked for it.",
    )

    def __init__(self, *args: Any, instance: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance = instance
        self.order_fields([name for name in self.fields if name != "reason"])
        for field in self.fields.values():
            if not isinstance(field.widget, _WITHOUT_A_BOX):
                field.widget.attrs["class"] = "c-input"

    def folded_fields(self) -> list[forms.BoundField]:
        """The fields out of sight."""
        return [self[name] for name in self.folded]

    def first_fields(self) -> list[forms.BoundField]:
        """The fields before those."""
        return self._in_sight(before=True)

    def last_fields(self) -> list[forms.BoundField]:
        """The fields after them."""
        return self._in_sight(before=False)

    def has_folded_errors(self) -> bool:
        """Whether something out of sight is wrong, which must be seen."""
        return any(name in self.errors for name in self.folded)

    def _in_sight(self, *, before: bool) -> list[forms.BoundField]:
        names = list(self.fields)
        place = names.index(self.folded[0])
        part = names[:place] if before else names[place:]
        return [self[name] for name in part if name not in self.folded]


@dataclass(frozen=True, slots=True)
class Done:
    """It is done; the object's page, or the one at ``url``, says ``message``."""

    message: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown on the answer alone, and kept nowhere: no other page has it again."""

    title: str
    message: str
    facts: Sequence[tuple[str, SafeString | str]]
    secret: str = ""


Perform = Callable[[HttpRequest, Any, Mapping[str, Any]], Done | Shown]


def _always(_instance: Any) -> bool:
    return True


def _by_its_state(instance: Any) -> str:
    status = getattr(instance, "status", "")
    words = f" ({status.replace('_', ' ')})" if isinstance(status, str) and status else ""
    return f"Its state{words} does not allow it."


@dataclass(frozen=True, slots=True)
class Act:
    """One act; ``name`` stands in its address.

    ``title`` stands on its page, and on its button where ``button`` is no shorter word.

    ``perform`` is given the request, the object and the form's values; it calls one service and
    writes the audit entry, in a transaction that is open already. It may be run again when the
    database asks for it. A ``ServiceError`` that it raises undoes everything and is shown.

    ``permission`` is what it needs, by the object where objects differ in that.

    An act that asks a gateway is not ``in_transaction``: it is run once, outside of one, and its
    service writes the audit entry in the transaction that commits the intent (``within=``).

    One that ``is_bulk`` may be done to many objects from their list, one after the other under the
    same rules. Its form is asked for once and checked for each object; ``bulk_form`` takes its
    place where it would ask what differs from object to object. ``why_not`` tells why it is not
    offered for an object. What is ``Shown`` has no place there: such an act is never bulk.
    """

    name: str
    title: str
    icon: str
    permission: str | Callable[[Any], str]
    explanation: str
    perform: Perform
    form: type[ActForm] = ActForm
    # The heading of the facts beside which its button stands; empty for the page's head.
    section: str = ""
    # What its button says there, where the heading says the rest.
    button: str = ""
    is_offered: Callable[[Any], bool] = _always
    is_dangerous: bool = False
    # Whether sending its form again, as reloading the answer does, would make another one.
    is_once: bool = False
    in_transaction: bool = True
    is_bulk: bool = False
    bulk_form: type[ActForm] | None = None
    why_not: Callable[[Any], str] = _by_its_state

    def is_allowed(self, request: HttpRequest, instance: Any) -> bool:
        """Whether the user has the right to it; what the object's state says of it aside."""
        needed = self.permission if isinstance(self.permission, str) else self.permission(instance)
        return bool(request.user.has_perm(needed))

    def may_be_allowed(self, request: HttpRequest) -> bool:
        """Whether the user has the right to it on some object."""
        return not isinstance(self.permission, str) or bool(request.user.has_perm(self.permission))

    def run(self, request: HttpRequest, instance: Any, values: Mapping[str, Any]) -> Done | Shown:
        """Carries the act out. Raises ``ServiceError`` for what it refuses."""
        if not self.in_transaction:
            return self.perform(request, instance, values)
        return run_in_transaction(lambda: self.perform(request, instance, values))

    def run_among_many(
        self, request: HttpRequest, instance: Any, values: Mapping[str, Any]
    ) -> Done:
        """As ``run``. Raises ``TypeError``, and undoes the act, if it has something to show."""

        def perform() -> Done:
            outcome = self.perform(request, instance, values)
            if not isinstance(outcome, Done):
                raise TypeError(f"{self.name} shows something, and can't be done to many")
            return outcome

        return run_in_transaction(perform) if self.in_transaction else perform()


_registered: dict[str, list[Act]] = {}


def register_act(label: str, act: Act) -> None:
    """Adds an act to the pages of ``label`` (``app.model``): an app on the left of the import order
    acts on an object of one to its right, as refunding a payment does."""
    _registered.setdefault(label.lower(), []).append(act)


def acts_of(model_admin: Any) -> list[Act]:
    """All acts on the objects of an admin: its own, then those that other apps have registered."""
    return [*model_admin.acts, *_registered.get(model_admin.opts.label_lower, ())]


def staff_actor(request: HttpRequest) -> Actor:
    """The member of staff behind a request, as events record the cause of a change."""
    return Actor(
        kind="staff",
        id=request.user.pk,
        request_id=request_id_of(request),
        ip=client_address(request),
    )


def offered(request: HttpRequest, acts: Iterable[Act], instance: Model) -> list[dict[str, Any]]:
    """The buttons for an object: acts that its state allows and the user may do."""
    label = f"{instance._meta.app_label}_{instance._meta.model_name}"
    return [
        {"act": act, "url": reverse(f"admin:{label}_act", args=[quote(instance.pk), act.name])}
        for act in acts
        if act.is_offered(instance) and act.is_allowed(request, instance)
    ]


def act_view(model_admin: Any, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
    """The page of one act on one object."""
    act = next((act for act in acts_of(model_admin) if act.name == name), None)
    if act is None:
        raise Http404
    instance = model_admin.get_object(request, unquote(object_id))
    if not model_admin.has_view_permission(request, instance):
        raise PermissionDenied
    if instance is None:
        if isinstance(act.permission, str) and not request.user.has_perm(act.permission):
            raise PermissionDenied
        raise Http404
    if not act.is_allowed(request, instance):
        raise PermissionDenied
    page = object_url(instance._meta.label, instance.pk) or reverse("admin:index")
    if not act.is_offered(instance):
        messages.warning(request, f"{act.title}: its state does not allow that any more.")
        return HttpResponseRedirect(page)
    instance.console_crumb = model_admin.found_as(instance)
    subject = {
        "original": instance,
        "subject": model_admin.found_as(instance),
        "subject_kind": model_admin.opts.verbose_name,
    }
    return _ask_and_act(model_admin, request, act, instance, page, subject)


def offered_on_list(request: HttpRequest, model_admin: Any) -> list[dict[str, Any]]:
    """The buttons above a list: acts on none of its objects that the user may do."""
    label = f"{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    return [
        {"act": act, "url": reverse(f"admin:{label}_act_on_list", args=[act.name])}
        for act in model_admin.list_acts
        if act.is_allowed(request, None)
    ]


def list_act_view(model_admin: Any, request: HttpRequest, name: str) -> HttpResponse:
    """The page of one act that is on no object; ``perform`` is given None for it."""
    act = next((act for act in model_admin.list_acts if act.name == name), None)
    if act is None:
        raise Http404
    if not model_admin.has_view_permission(request) or not act.is_allowed(request, None):
        raise PermissionDenied
    return _ask_and_act(model_admin, request, act, None, list_url(model_admin.opts.label), {})


def _ask_and_act(
    model_admin: Any,
    request: HttpRequest,
    act: Act,
    instance: Any,
    page: str,
    subject: dict[str, Any],
) -> HttpResponse:
    """Shows the act's form, or does the act and shows its answer or leads to ``page``."""
    key = "" if instance is None else instance.pk
    purpose = f"{model_admin.opts.label_lower} {key} {act.name}"
    if request.method == "POST" and act.is_once and not form_tokens.take_token(request, purpose):
        messages.warning(request, f"{act.title}: that form was sent already, or is too old.")
        return HttpResponseRedirect(page)
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    # A link to the form may fill fields in.
    asked = {name: value for name, value in request.GET.items() if name in act.form.base_fields}
    form = act.form(*sent, instance=instance, initial=asked)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": act.title,
        "opts": model_admin.opts,
        "act": act,
        "form": form,
        "subject_url": page,
        **subject,
    }
    if request.method == "POST" and form.is_valid():
        try:
            outcome = act.run(request, instance, form.cleaned_data)
        except ServiceError as error:
            form.add_error(error.param if error.param in form.fields else None, error.message)
        else:
            if isinstance(outcome, Done):
                messages.success(request, outcome.message)
                return HttpResponseRedirect(outcome.url or page)
            context |= {"title": outcome.title, "shown": outcome}
            return TemplateResponse(request, "admin/console/shown.html", context)
    context["form_token"] = form_tokens.new_token(request, purpose) if act.is_once else ""
    return TemplateResponse(request, "admin/console/act.html", context)
