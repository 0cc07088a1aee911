"""Filters of lists under names, kept per person and, if the owner wants, shown to everybody.

A filtered list's address is its link already: what is stored is that address's query, once it has
been checked to hold nothing but this list's own parameters.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse

from payments_project.card_numbers import contains_card_number
from payments_project.console.models import (
    NAME_CHARACTERS_MAX,
    QUERY_CHARACTERS_MAX,
    SavedFilter,
)
from payments_project.console.search import cut_api_key, looks_like_card_number
from payments_project.staff.audit import changed, record_audit

# Of one list: more links than this are no help.
SHOWN_MAX = 40
OWN_MAX = 30
_VALUE_CHARACTERS_MAX = 200
_TAKEN = "You have a filter of that name already."


@dataclass(frozen=True, slots=True)
class FilterLink:
    """A saved filter as a link; ``edit_url`` for its owner, ``owner`` where it is a colleague's."""

    name: str
    url: str
    is_current: bool = False
    is_shared: bool = False
    edit_url: str = ""
    owner: str = ""


class SavedFilterForm(forms.Form):
    """A name, and whether everybody sees it who may view the list."""

    name = forms.CharField(
        max_length=NAME_CHARACTERS_MAX,
        widget=forms.TextInput(attrs={"class": "c-input", "autofocus": True}),
        help_text="Such as “My open disputes over $500”.",
    )
    is_shared = forms.BooleanField(
        required=False, label="Show it to everybody who may view this list"
    )

    def __init__(self, *args: Any, owner: Any, label: str, kept: UUID | None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._others = SavedFilter.objects.filter(owner=owner, list_label=label).exclude(pk=kept)
        self._is_new = kept is None

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if contains_card_number(name) or looks_like_card_number(name):
            raise ValidationError("That holds a card number.")
        if self._others.filter(name=name).exists():
            raise ValidationError(_TAKEN)
        return name

    def clean(self) -> dict[str, Any] | None:
        if self._is_new and len(self._others.values_list("pk")[:OWN_MAX]) == OWN_MAX:
            raise ValidationError(f"You have {OWN_MAX} filters of this list; delete one first.")
        return super().clean()


def checked_parameters(model_admin: Any, query: QueryDict) -> list[tuple[str, str]]:
    """What the query asks of the list, without its page, by name.

    Raises ``ValidationError`` for a parameter that is not this list's, for a value that no list
    takes, and for a card number or an API key anywhere.
    """
    kept: list[tuple[str, str]] = []
    for name in sorted(query):
        value = query.getlist(name)[-1].strip()
        if not value or name == PAGE_VAR:
            continue
        if name != SEARCH_VAR and not model_admin.lookup_allowed(name, value):
            raise ValidationError("The address holds something that is no filter of this list.")
        if "\0" in value or len(value) > _VALUE_CHARACTERS_MAX:
            raise ValidationError("The address holds a value that this list does not take.")
        if looks_like_card_number(value) or contains_card_number(value):
            raise ValidationError("The address holds a card number.")
        if cut_api_key(value) != value:
            raise ValidationError("The address holds an API key.")
        kept.append((name, value))
    return kept


def clean_query(model_admin: Any, query: QueryDict) -> str:
    """The query as it is stored. Raises ``ValidationError`` as ``checked_parameters`` does, and for
    an address without a filter."""
    written = urlencode(checked_parameters(model_admin, query))
    if not written:
        raise ValidationError("There is no filter to save: this is the whole list.")
    if len(written) > QUERY_CHARACTERS_MAX:
        raise ValidationError("The address is too long.")
    return written


def filter_links(model_admin: Any, request: HttpRequest) -> list[FilterLink]:
    """The list's saved filters that the user sees, by name; one query."""
    label = model_admin.opts.label_lower
    found = _visible(request).filter(list_label=label).order_by("name", "pk")[:SHOWN_MAX]
    try:
        current = clean_query(model_admin, request.GET)
    except ValidationError:
        current = ""
    return [_link(saved, request, current) for saved in found]


def filters_named(request: HttpRequest, words: str, *, limit: int) -> list[SavedFilter]:
    """The user's filters and the shared ones with ``words`` in their names; one query."""
    return list(_visible(request).filter(name__icontains=words).order_by("name", "pk")[:limit])


def list_address(saved: SavedFilter) -> str:
    """The filtered list."""
    return f"{_list(saved.list_label)}?{saved.query}"


def save_url(model_admin: Any, request: HttpRequest) -> str:
    """Where the list, as the address has it, is saved; empty where nothing is filtered."""
    try:
        written = clean_query(model_admin, request.GET)
    except ValidationError:
        return ""
    return f"{_address(model_admin, 'filter_new')}?{written}"


def new_filter_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Asks for a name and saves the filter that stands in the address."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    try:
        query = clean_query(model_admin, request.GET)
    except ValidationError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(_address(model_admin, "changelist"))
    label = model_admin.opts.label_lower
    sent = (request.POST,) if request.method == "POST" else ()
    form = SavedFilterForm(*sent, owner=request.user, label=label, kept=None)
    address = f"{_address(model_admin, 'changelist')}?{query}"
    if request.method != "POST" or not form.is_valid():
        return _page(model_admin, request, form, "Save this filter", address)
    saved = SavedFilter(owner_id=request.user.pk, list_label=label, query=query)
    saved.name, saved.is_shared = form.cleaned_data["name"], form.cleaned_data["is_shared"]
    try:
        with transaction.atomic():
            saved.save(force_insert=True)
            record_audit(
                request=request, action="saved_filter.created", obj=saved, after=_snapshot(saved)
            )
    except IntegrityError:
        form.add_error("name", _TAKEN)
        return _page(model_admin, request, form, "Save this filter", address)
    messages.success(request, f"“{saved.name}” is saved.")
    return HttpResponseRedirect(address)


def filter_view(model_admin: Any, request: HttpRequest, key: UUID) -> HttpResponse:
    """Renames, shares or deletes one filter, for its owner."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    label = model_admin.opts.label_lower
    saved = SavedFilter.objects.filter(pk=key, owner=request.user.pk, list_label=label).first()
    if saved is None:
        raise Http404
    if request.method == "POST" and "delete" in request.POST:
        with transaction.atomic():
            record_audit(
                request=request, action="saved_filter.deleted", obj=saved, before=_snapshot(saved)
            )
            saved.delete()
        messages.success(request, f"“{saved.name}” is deleted.")
        return HttpResponseRedirect(_address(model_admin, "changelist"))
    sent = (request.POST,) if request.method == "POST" else ()
    form = SavedFilterForm(
        *sent, owner=request.user, label=label, kept=saved.pk, initial=_snapshot(saved)
    )
    if request.method != "POST" or not form.is_valid():
        return _page(model_admin, request, form, saved.name, list_address(saved), saved)
    before = _snapshot(saved)
    saved.name, saved.is_shared = form.cleaned_data["name"], form.cleaned_data["is_shared"]
    old, new = changed(before, _snapshot(saved))
    try:
        with transaction.atomic():
            if new:
                saved.save(update_fields=["name", "is_shared"])
                record_audit(
                    request=request, action="saved_filter.changed", obj=saved, before=old, after=new
                )
    except IntegrityError:
        form.add_error("name", _TAKEN)
        return _page(model_admin, request, form, before["name"], list_address(saved), saved)
    messages.success(request, f"“{saved.name}” is saved.")
    return HttpResponseRedirect(list_address(saved))


def _visible(request: HttpRequest) -> Any:
    return SavedFilter.objects.filter(Q(owner=request.user.pk) | Q(is_shared=True)).select_related(
        "owner"
    )


def _link(saved: SavedFilter, request: HttpRequest, current: str) -> FilterLink:
    is_own = saved.owner_id == request.user.pk
    app, model = saved.list_label.split(".")
    return FilterLink(
        name=saved.name,
        url=list_address(saved),
        is_current=saved.query == current,
        is_shared=saved.is_shared,
        edit_url=reverse(f"admin:{app}_{model}_filter", args=[saved.pk]) if is_own else "",
        owner="" if is_own else saved.owner.get_username(),
    )


def _snapshot(saved: SavedFilter) -> dict[str, Any]:
    return {
        "name": saved.name,
        "is_shared": saved.is_shared,
        "list": saved.list_label,
        "query": saved.query,
    }


def _list(label: str) -> str:
    app, model = label.split(".")
    return reverse(f"admin:{app}_{model}_changelist")


def _address(model_admin: Any, name: str) -> str:
    return reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_{name}")


def _page(
    model_admin: Any,
    request: HttpRequest,
    form: forms.Form,
    title: str,
    back: str,
    saved: SavedFilter | None = None,
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "form": form,
        "saved": saved,
        "chips": _chips(QueryDict(back.partition("?")[2])),
        "back": back,
    }
    return TemplateResponse(request, "admin/console/saved_filter.html", context)


def _chips(query: QueryDict) -> list[dict[str, str]]:
    pairs = [(name, query.get(name, "")) for name in query]
    return [
        {"title": name.removesuffix("_id").replace("_", " "), "words": str(value).replace("_", " ")}
        for name, value in pairs
    ]
