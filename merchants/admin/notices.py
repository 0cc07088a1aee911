"""E-mails to merchants in the console: what was sent, what waits, what could not be sent."""

from django.contrib import admin

from merchants.models import MerchantNotice
from payments_project.console import display
from payments_project.console.filters import CreatedFilter, environment_filter
from payments_project.console.presented import Cell
from payments_project.console.search import ID
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin


@admin.register(MerchantNotice)
class MerchantNoticeAdmin(ReadOnlyAdmin):
    """Notices, newest first."""

    list_display = ("created_at", "what", "state", "attempts", "merchant", "environment")
    export_fields = (
        "id", "created_at", "merchant", "merchant_name", "environment", "kind", "object_id",
        "occasion", "attempts", "next_attempt_at", "last_error", "sent_at", "gave_up_at",
    )  # fmt: skip
    list_filter = (environment_filter, CreatedFilter)
    ordered_scopes = ("merchant",)
    scope_branches = ("", ())
    search_by = {ID: ("pk",)}
    labels = {
        "created_at": "Written",
        "sent_at": "Sent",
        "gave_up_at": "Given up",
        "next_attempt_at": "Next attempt",
        "last_error": "Last failure",
        "object_id": "About",
    }
    fieldsets: Fieldsets = (
        ("Notice", {"fields": ("id", "merchant", "what", "object_id", "occasion", "context")}),
        (
            "Course",
            {
                "fields": (
                    "state", "created_at", "sent_at", "attempts", "next_attempt_at", "last_error",
                    "gave_up_at",
                )
            },
        ),
    )  # fmt: skip

    def headline(self, instance: MerchantNotice) -> Cell:  # type: ignore[override]
        return instance.kind.replace("_", " ")

    @admin.display(description="What")
    def what(self, notice: MerchantNotice) -> Cell:
        return notice.kind.replace("_", " ")

    @admin.display(description="State")
    def state(self, notice: MerchantNotice) -> Cell:
        if notice.sent_at is not None:
            return display.badge("sent", display.GREEN)
        if notice.gave_up_at is not None:
            return display.badge("given up", display.RED)
        return display.badge("waits", display.AMBER)
