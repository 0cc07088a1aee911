"""The base of the console's pages: lists that stay fast on large tables, pages that only show.

An admin of this kind is mostly declarations: which columns, which are money, what can be searched
by which index, which filters there are. What they look like is decided in
``payments_project.console.display``, once for all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.text import capfirst
from unfold.admin import ModelAdmin

from payments_project.console.acts import (
    Act,
    act_view,
    acts_of,
    list_act_view,
    offered,
    offered_on_list,
)
from payments_project.console.bulk import bulk_acts
from payments_project.console.changelist import EstimatePaginator, FastChangeList
from payments_project.console.display import list_url
from payments_project.console.filters import ConsoleFilter, CreatedFilter, active_filters
from payments_project.console.list_tools import ListTools
from payments_project.console.names import NAMED_IDS, attach_names
from payments_project.console.panels import OVERVIEW, Panel, links_of, panels_of, tabs_of
from payments_project.console.presented import Cell, Presented
from payments_project.console.search import (
    Conditions,
    Lookup,
    Term,
    cut_api_key,
    looks_like_card_number,
    recognise,
)
from payments_project.tenancy import ENVIRONMENTS

_NOT_BY_HAND = "Nothing is added, changed or deleted here by hand, whoever you are."

Fieldsets = Sequence[tuple[str | None, dict[str, Any]]]


class FastModelAdmin(ListTools, Presented, ModelAdmin):
    """A model's pages whose cost does not grow with its table.

    Lists have pages by key and no COUNT; filters come from code; a search recognises what was typed
    and asks one index. ``list_display`` and ``fieldsets`` name fields and methods of the admin;
    fields are shown by what they hold.
    """

    paginator = EstimatePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    ordering: ClassVar[Sequence[str]] = ("-pk",)
    sortable_by: ClassVar[Sequence[str]] = ()
    actions: ClassVar[Any] = None
    list_filter: ClassVar[Sequence[type[ConsoleFilter]]] = ()
    list_filter_submit = True
    list_fullwidth = True
    list_select_related: ClassVar[Sequence[str]] = ()
    change_list_template = "admin/console/change_list.html"
    list_after_template = "admin/console/list_panels.html"
    change_form_outer_after_template = "admin/console/panels.html"

    # Rows that a page may look at when a filter has no index.
    scan_rows_max: ClassVar[int] = 30_000
    # What the search box takes: for each kind of term the lookups to try, in order.
    search_by: ClassVar[Mapping[str, Sequence[Lookup]]] = {}
    # What a kind is called here, where its own name says too little.
    search_words: ClassVar[Mapping[str, str]] = {}
    # Kinds whose lookup has no index of its own: they look at ``scan_rows_max`` rows a page.
    search_by_scan: ClassVar[Sequence[str]] = ()

    # Parameters that narrow a list to one owner by an index: those that keep the list's order,
    # with the column between owner and key if there is one; and those that leave few rows.
    ordered_scopes: ClassVar[Sequence[str]] = ()
    scope_branches: ClassVar[tuple[str, Sequence[str]]] = ("environment", ENVIRONMENTS)
    small_scopes: ClassVar[Sequence[str]] = ()

    # --- lists ---

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FastChangeList]:
        return FastChangeList

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows: models.QuerySet[Any] = super().get_queryset(request)
        return rows.defer(*self.hidden) if self.hidden else rows

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        return [*self.tool_urls(), *urls]

    def get_list_display(self, request: HttpRequest) -> list[Callable[[Any], Cell] | str]:
        columns: list[Callable[[Any], Cell] | str] = [
            self.column(name) for name in self.list_display
        ]
        return ["action_checkbox", *columns] if bulk_acts(self, request) else columns

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        # Only that there are any: the box is shown, and get_search_results does the rest.
        return tuple(self.search_by)

    def get_list_display_links(
        self, request: HttpRequest, list_display: Sequence[Any]
    ) -> Sequence[Any]:
        return [column for column in list_display if column != "action_checkbox"][:1]

    def lookup_allowed(
        self, lookup: str, value: object, request: HttpRequest | None = None
    ) -> bool:
        """Only what a filter or a scope takes: an address can't ask for anything else."""
        return lookup in (*self.ordered_scopes, *self.small_scopes) or any(
            lookup in filter_class.parameters for filter_class in self.list_filter
        )

    def scope_of(self, changelist: FastChangeList) -> dict[str, Any]:
        """The conditions of an ordered scope that is in force, its branch included if chosen."""
        parameters = changelist.get_filters_params()
        scope = {name: parameters[name][-1] for name in self.ordered_scopes if name in parameters}
        branch_on = self.scope_branches[0]
        if scope and parameters.get(branch_on, [""])[-1] in self.scope_branches[1]:
            scope[branch_on] = parameters[branch_on][-1]
        return scope

    def key_range_of(self, changelist: FastChangeList) -> dict[str, Any]:
        """The range of keys that the filters leave."""
        conditions: dict[str, Any] = {}
        for spec in changelist.filter_specs:
            if isinstance(spec, ConsoleFilter):
                conditions |= spec.key_range()
        return conditions

    def unindexed_parameters(self, parameters: Mapping[str, Sequence[str]]) -> set[str]:
        """The filters in force that could read the whole table to find nothing."""
        given = {name for name, values in parameters.items() if any(values)}
        if given & set(self.small_scopes):
            return set()
        helped = set(self.ordered_scopes)
        if given & helped:
            helped.add(self.scope_branches[0])
        for filter_class in self.list_filter:
            for name in filter_class.parameters:
                if name in given and filter_class.is_indexed_for(parameters[name]):
                    helped.add(name)
        return given - helped

    def search_is_indexed(self, text: str) -> bool:
        """Whether the search has an index of its own, which then bounds the whole query."""
        term = recognise(text)
        return term is None or term.kind not in self.search_by_scan

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Rows of the one thing that the text is; none for anything unknown."""
        term = recognise(search_term)
        if term is None:
            return (queryset.none() if search_term.strip() else queryset), False
        conditions = self.find(term)
        return (queryset.none() if conditions is None else queryset.filter(**conditions)), False

    def find(self, term: Term) -> Conditions | None:
        """The conditions under which a recognised term has rows; None if it has none.

        Several lookups of one kind (a UUID may be a refund's or its payment's) are tried one after
        the other, each in its own index.
        """
        lookups = self.search_by.get(term.kind, ())
        for place, lookup in enumerate(lookups):
            conditions = {lookup: term.value} if isinstance(lookup, str) else lookup(term.value)
            if conditions is None:
                continue
            is_last = place == len(lookups) - 1
            if is_last or self._has_rows(conditions):
                return conditions
        return None

    def _has_rows(self, conditions: Conditions) -> bool:
        try:
            return bool(self.model.objects.filter(**conditions).values_list("pk")[:1])
        except (ValidationError, ValueError):
            return False

    @property
    def search_help_text(self) -> str:
        kinds = [self.search_words.get(kind, kind) for kind in self.search_by]
        if not kinds:
            return ""
        words = ", ".join(kinds[:-1]) + (" or " if len(kinds) > 1 else "") + kinds[-1]
        return f"{capfirst(words)}"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asked = request.GET.get(SEARCH_VAR, "")
        if len(cut_api_key(asked)) < len(asked.strip()):
            # The prefix finds the key; the rest would stay in the address and in the history.
            kept = request.GET.copy()
            kept[SEARCH_VAR] = cut_api_key(asked)
            return HttpResponseRedirect(f"{request.path}?{kept.urlencode()}")
        if looks_like_card_number(asked):
            # Neither looked up nor shown again, and out of the address.
            messages.error(request, "That is a card number. Search by its last four digits.")
            kept = request.GET.copy()
            del kept[SEARCH_VAR]
            return HttpResponseRedirect(f"{request.path}?{kept.urlencode()}")
        response: HttpResponse = super().changelist_view(request, extra_context)
        # A redirect, or the answer of an action, has no list.
        context: dict[str, Any] = getattr(response, "context_data", None) or {}
        changelist = context.get("cl")
        if changelist is not None:
            context |= {"title": capfirst(self.opts.verbose_name_plural), "subtitle": None}
            context |= self.tools_context(request)
            changelist.chips = self.chips_of(changelist)
            attach_names(changelist.result_list, self.columns_of(self.list_display))
            self.complete(changelist.result_list)
            context["list_panels"] = self.list_panels(request)
        return response

    def complete(self, rows: list[Any]) -> None:
        """For what a list shows beyond its own rows: one query for all of them."""

    def list_panels(self, request: HttpRequest) -> Sequence[Panel]:
        """For what stands below a list beside its rows."""
        return ()

    def chips_of(self, changelist: FastChangeList) -> list[dict[str, str]]:
        """What narrows the list, each with the address of the list without it."""
        parameters = changelist.get_filters_params()
        chips = [
            {
                "title": name.removesuffix("_id"),
                "words": self.scope_words(name, parameters[name][-1]),
                "url": changelist.get_query_string(remove=[name]),
            }
            for name in (*self.ordered_scopes, *self.small_scopes)
            if name in parameters
        ]
        for title, words, names in active_filters(changelist.filter_specs):
            url = changelist.get_query_string(remove=names)
            chips.append({"title": title, "words": words.replace("_", " "), "url": url})
        return chips

    def scope_words(self, name: str, value: str) -> str:
        """What a scope is called: the related object's name where there is one."""
        column = self.opts.get_field(name).attname  # type: ignore[union-attr]
        named = NAMED_IDS.get(column)
        if named is None or named.name_field is None:
            return value
        try:
            related = apps.get_model(named.label)
            found = related.objects.filter(pk=value).values_list(named.name_field).first()
        except (ValidationError, ValueError):
            return value
        return str(found[0]) if found and found[0] else value

    # --- one object's page ---

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Leads to the audit trail, which has what Django's own log has not."""
        found = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        if found is None:
            raise Http404
        return HttpResponseRedirect(list_url("payments_project.AuditEntry", object_id=found.pk))

    def lay_out(
        self, request: HttpRequest, context: dict[str, Any], instance: models.Model
    ) -> None:
        """For what a page has beside its form and its panels."""

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Says so, where Django's would lead home with a message."""
        raise Http404

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: models.Model | None = None,
    ) -> HttpResponse:
        if obj is not None:
            attach_names([obj], self.columns_of(NAMED_IDS))
            obj.console_crumb = self.crumb(obj)  # type: ignore[attr-defined]
            tabs = tabs_of(request, obj)
            tab = next((tab.name for tab in tabs if tab.is_current), OVERVIEW)
            context |= {"tabs": tabs, "panels": panels_of(request, obj, tab=tab)}
            context["links"] = links_of(request, obj)
            self.lay_out(request, context, obj)
        response: HttpResponse = super().render_change_form(
            request, context, add, change, form_url, obj
        )
        return response


class ReadOnlyAdmin(FastModelAdmin):
    """Pages that show and change nothing: adding, changing and deleting are refused to everyone.

    What staff may do to an object are its ``acts``, each with a service behind it.
    """

    # Acts on none of them: buttons above the list, such as the one that makes a new one.
    list_acts: ClassVar[Sequence[Act]] = ()
    change_form_template = "admin/console/detail.html"
    change_form_outer_after_template: ClassVar[Any] = None

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        acting = self.admin_site.admin_view(partial(act_view, self))
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        on_list = self.admin_site.admin_view(partial(list_act_view, self))
        return [
            path("<str:object_id>/act/<slug:name>/", acting, name=name),
            path("act/<slug:name>/", on_list, name=f"{name}_on_list"),
            *urls,
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"list_acts": offered_on_list(request, self), **(extra_context or {})}
        return super().changelist_view(request, context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        raise PermissionDenied(_NOT_BY_HAND)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        raise PermissionDenied(_NOT_BY_HAND)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lay_out(
        self, request: HttpRequest, context: dict[str, Any], instance: models.Model
    ) -> None:
        """Facts, which stand on the first tab, and the acts: each with the facts or the panel whose
        title is its section, the others at the page's head."""
        is_first = all(tab.is_current == (tab.name == OVERVIEW) for tab in context["tabs"])
        facts = self.facts_of(request, instance) if is_first else []
        by_section: dict[str, list[dict[str, Any]]] = {}
        for button in offered(request, acts_of(self), instance):
            by_section.setdefault(button["act"].section, []).append(button)
        context["facts"] = [
            {"title": title, "facts": values, "acts": by_section.pop(title or "-", [])}
            for title, values in facts
        ]
        context["panels"] = [
            replace(panel, acts=by_section.pop(panel.title, [])) for panel in context["panels"]
        ]
        context["acts"] = by_section.pop("", []) if is_first else []

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Fieldsets:
        if self.fieldsets:
            return self.fieldsets
        return [(None, {"fields": self._all_fields()})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        names = [
            name for _, options in self.get_fieldsets(request, obj) for name in options["fields"]
        ]
        return list(dict.fromkeys(names))

    def _all_fields(self) -> list[str]:
        return [
            field.name
            for field in self.opts.concrete_fields
            if field.name not in self.hidden and not isinstance(field, models.BinaryField)
        ]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: models.Model | None = None,
    ) -> HttpResponse:
        if obj is not None:
            attach_names([obj], self.columns_of(NAMED_IDS))
            context |= {
                "title": capfirst(self.opts.verbose_name),
                "subtitle": None,
                "headline": self.headline(obj),
                "headline_badges": self.badges_of(obj),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)


__all__ = ["ConsoleFilter", "CreatedFilter", "FastModelAdmin", "ReadOnlyAdmin"]
