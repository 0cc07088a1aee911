"""API keys: what they may do and whether they are used. The keys themselves are not kept."""

from django.contrib import admin
from django.http import HttpRequest

from merchants.admin.key_acts import REVOKE_KEY, ROTATE_KEY, is_usable
from merchants.models import ApiKey, Merchant
from payments_project.console import display
from payments_project.console.filters import (
    CreatedFilter,
    choice_filter,
    environment_filter,
    flag_filter,
)
from payments_project.console.names import name_of
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import API_KEY, ID
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin

KEYS_ON_A_PAGE = 10


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys of all merchants, newest first; new ones are made on a merchant's page."""

    list_display = (
        "key",
        "name",
        "state",
        "key_type",
        "merchant",
        "last_used_at",
        "expires_at",
        "created_at",
        "environment",
    )
    export_fields = (
        "id", "created_at", "merchant", "merchant_name", "environment", "name", "key_prefix",
        "key_type", "permissions", "is_active", "last_used_at", "expires_at", "revoked_at",
        "created_by",
    )  # fmt: skip
    list_filter = (
        environment_filter,
        flag_filter("is_active", title="active"),
        choice_filter("key_type", (ApiKey.SECRET, ApiKey.PUBLISHABLE), title="type"),
        CreatedFilter,
    )
    ordered_scopes = ("merchant",)
    search_by = {ID: ("pk",), API_KEY: ("key_prefix",)}
    hidden = ("key_hash",)
    acts = (ROTATE_KEY, REVOKE_KEY)
    labels = {
        "created_at": "Created",
        "key_type": "Type",
        "last_used_at": "Last used",
        "expires_at": "Expires",
        "revoked_at": "Revoked",
        "rate_limit_per_second": "Calls per second",
        "rate_limit_per_hour": "Calls per hour",
    }
    fieldsets: Fieldsets = (
        ("API key", {"fields": ("id", "name", "key", "key_type", "merchant", "created_by_link")}),
        (
            "Rights",
            {"fields": ("permissions_list", "rate_limit_per_second", "rate_limit_per_hour")},
        ),
        ("Course", {"fields": ("created_at", "last_used_at", "expires_at", "revoked_at")}),
    )

    def headline(self, instance: ApiKey) -> Cell:  # type: ignore[override]
        return f"{instance.key_prefix}…"

    def found_as(self, instance: ApiKey) -> str:  # type: ignore[override]
        return f"{instance.key_prefix}… {instance.name}".strip()

    def badges_of(self, instance: ApiKey) -> list[Cell]:  # type: ignore[override]
        return [state_badge(instance), *super().badges_of(instance)]

    @admin.display(description="Key")
    def key(self, key: ApiKey) -> Cell:
        return display.code(f"{key.key_prefix}…")

    @admin.display(description="State")
    def state(self, key: ApiKey) -> Cell:
        return state_badge(key)

    @admin.display(description="Permissions")
    def permissions_list(self, key: ApiKey) -> str:
        return ", ".join(key.permissions or ())

    @admin.display(description="Made by")
    def created_by_link(self, key: ApiKey) -> Cell:
        """Staff by name; what is no member of staff is the key that made it through the API."""
        if not key.created_by:
            return "the system"
        name = name_of(key, "created_by")
        if name:
            return display.object_link("payments_project.StaffUser", key.created_by, name)
        return display.object_link("merchants.ApiKey", key.created_by, "an API key")


def state_badge(key: ApiKey) -> Cell:
    """Active, revoked or expired."""
    if not key.is_active:
        return display.badge("revoked", display.RED)
    if not is_usable(key):
        return display.badge("expired", display.GREY)
    return display.badge("active")


@panel("merchants.merchant", permission="merchants.view_apikey", tab="API keys")
def merchant_keys_panel(request: HttpRequest, merchant: Merchant) -> Panel:
    """A merchant's newest keys of both environments."""
    keys = ApiKey.objects.filter(merchant=merchant).defer("key_hash").order_by("-pk")
    return Panel(
        title="API keys",
        icon="key",
        columns=[
            Column("Key"),
            Column("Name"),
            Column("State"),
            Column("Type", is_minor=True),
            Column("Last used"),
            Column("Environment"),
        ],
        rows=[
            [
                display.object_link("merchants.ApiKey", key.pk, f"{key.key_prefix}…"),
                display.clip(key.name),
                state_badge(key),
                key.key_type,
                display.ago(key.last_used_at),
                display.environment_badge(key.environment),
            ]
            for key in keys[:KEYS_ON_A_PAGE]
        ],
        empty="No keys yet.",
        more_url=display.list_url("merchants.apikey", merchant=merchant.pk),
        order=20,
    )
