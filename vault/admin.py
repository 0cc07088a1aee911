"""The vault in the console: what may be shown, read-only, and found by exact value."""

import re
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from vault.crypto.tokens import is_token
from vault.models import PaymentMethod

_LAST_FOUR = re.compile(r"[0-9]{4}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class ReachablePaginator(InfinitePaginator):
    """Pages without a COUNT, as far as paging makes sense; then one searches."""

    count = 10_000


@admin.register(PaymentMethod)
class PaymentMethodAdmin(ModelAdmin):
    """Newest first; no card data is read, let alone decrypted.

    Search takes one exact value: a token, the last four digits, a fingerprint or a customer's id.
    Each has its index. There are no filters, because a rare value would be looked for in all rows.
    """

    list_display = (
        "token",
        "brand",
        "last_four",
        "expires_at",
        "environment",
        "merchant_id",
        "customer_id",
        "is_active",
        "created_at",
        "last_used_at",
    )
    list_display_links = ("token",)
    search_fields = ("=token",)
    search_help_text = "Token, last four digits, fingerprint or customer id; exact"
    ordering = ("-created_at", "-token")
    sortable_by = ()
    paginator = ReachablePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    fields = (
        "token",
        "payment_method_type",
        "brand",
        "last_four",
        "expires_at",
        "fingerprint",
        "environment",
        "merchant_id",
        "customer_id",
        "is_active",
        "created_at",
        "last_used_at",
        "encryption_key_id",
        "event_sequence",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[PaymentMethod]:
        rows: QuerySet[PaymentMethod] = super().get_queryset(request)
        return rows.defer("encrypted_data")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PaymentMethod], search_term: str
    ) -> tuple[QuerySet[PaymentMethod], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = _search(term)
        return (queryset.filter(**wanted) if wanted else queryset.none()), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _search(term: str) -> dict[str, Any] | None:
    """The one column that a term of this form can be found in; None for any other term."""
    if is_token(term):
        return {"token": term}
    if _LAST_FOUR.fullmatch(term):
        return {"last_four": term}
    if _FINGERPRINT.fullmatch(term.lower()):
        return {"fingerprint": term.lower()}
    try:
        return {"customer_id": UUID(term)}
    except ValueError:
        return None
