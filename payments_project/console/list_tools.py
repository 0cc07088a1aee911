"""What a list offers beside its rows: acts on many of them, its export, its saved filters."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from payments_project.console.acts import Act
from payments_project.console.bulk import BULK_MAX, LIST_QUERY, bulk_acts, bulk_view
from payments_project.console.export import export_url, export_view
from payments_project.console.saved_filters import (
    filter_links,
    filter_view,
    new_filter_view,
    save_url,
)


class ListTools:
    """Mixed into a model's admin."""

    opts: Any
    admin_site: Any
    acts: ClassVar[Sequence[Act]] = ()

    # What a CSV file of the list holds: fields, first those of the list's order; no file without.
    export_fields: ClassVar[Sequence[str]] = ()
    # Where the currency of the row's amounts is, as a path of fields.
    export_currency: ClassVar[str] = "currency"

    def tool_urls(self) -> list[URLPattern]:
        """The addresses of the tools, below the list's own."""
        label = f"{self.opts.app_label}_{self.opts.model_name}"
        views = (
            ("bulk/<slug:name>/", bulk_view, "bulk"),
            ("export/", export_view, "export"),
            ("filters/new/", new_filter_view, "filter_new"),
            ("filters/<uuid:key>/", filter_view, "filter"),
        )
        return [
            path(route, self.admin_site.admin_view(partial(view, self)), name=f"{label}_{name}")
            for route, view, name in views
        ]

    def tools_context(self, request: HttpRequest) -> dict[str, Any]:
        """What the list's template shows of them."""
        return {
            "bulk_acts": bulk_acts(self, request),
            "bulk_max": BULK_MAX,
            "list_query_name": LIST_QUERY,
            "export_url": export_url(self, request),
            "saved_filters": filter_links(self, request),
            "save_filter_url": save_url(self, request),
        }

    def action_checkbox(self, instance: Any) -> SafeString:
        """The box that chooses a row."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="c-select" aria-label="Choose {}">',
            ACTION_CHECKBOX_NAME,
            instance.pk,
            self.found_as(instance),  # type: ignore[attr-defined]
        )

    action_checkbox.short_description = "Choose"  # type: ignore[attr-defined]
