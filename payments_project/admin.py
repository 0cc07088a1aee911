"""The platform's tables in the console: the event log, idempotency keys, months, state machines.

Readers of the log and dead letters are in ``console.event_readers`` and ``console.dead_letters``.
"""

from typing import Any

from django.contrib import admin
from django.db import connection
from django.http import HttpRequest

from payments_project.console import dead_letters, display, engines, event_readers, jobs
from payments_project.console.filters import (
    CreatedFilter,
    choice_filter,
    environment_filter,
)
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import ID, TEXT, TOKEN
from payments_project.models import (
    Event,
    IdempotencyKey,
    MonthlyTable,
    StatusTransition,
)
from payments_project.staff import admin as staff_admin
from payments_project.staff import approval_admin
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin

# What events tell of, and where the console shows it.
AGGREGATES = {
    "transaction": "transactions.Transaction",
    "refund": "disputes.Refund",
    "dispute": "disputes.Dispute",
    "customer": "merchants.Customer",
    "payment_method": "vault.PaymentMethod",
    "api_key": "merchants.ApiKey",
    "merchant": "merchants.Merchant",
    "payout": "transactions.Payout",
    "balance_adjustment": "transactions.BalanceAdjustment",
    "webhook_endpoint": "merchants.WebhookEndpoint",
}


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The event log, newest first."""

    list_display = (
        "created_at",
        "type",
        "subject",
        "merchant_id",
        "actor",
        "request_id",
        "environment",
    )
    export_fields = (
        "id", "created_at", "type", "aggregatetype", "aggregateid", "sequence", "merchant_id",
        "environment", "actor_kind", "actor_id", "request_id",
    )  # fmt: skip
    list_filter = (
        choice_filter("aggregatetype", AGGREGATES, title="object"),
        environment_filter,
        CreatedFilter,
    )
    ordered_scopes = ("merchant_id",)
    small_scopes = ("aggregateid",)
    search_by = {ID: ("pk", "aggregateid"), TOKEN: ("aggregateid",)}
    codes = ("request_id", "idempotency_key", "aggregateid")
    labels = {"created_at": "Time", "merchant_id": "Merchant", "aggregatetype": "Object"}
    fieldsets: Fieldsets = (
        (
            "Event",
            {
                "fields": (
                    "id", "type", "subject", "sequence", "created_at", "merchant_id", "environment",
                )
            },
        ),
        ("Cause", {"fields": ("actor", "request_id", "idempotency_key")}),
        ("Log", {"fields": ("position", "xid")}),
    )  # fmt: skip

    def headline(self, instance: Event) -> str:  # type: ignore[override]
        return instance.type

    @admin.display(description="Object")
    def subject(self, event: Event) -> Cell:
        label = AGGREGATES.get(event.aggregatetype)
        return display.object_link(label, event.aggregateid) if label else event.aggregateid

    @admin.display(description="By")
    def actor(self, event: Event) -> Cell:
        return display.actor(event.actor_kind, event.actor_id)


@panel("payments_project.event", permission="payments_project.view_event")
def payload_panel(request: HttpRequest, event: Event) -> Panel:
    """What the event says."""
    return Panel(title="Payload", icon="data_object", body=display.pretty_json(event.payload))


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    """Keys of the last day; what was answered and what was asked stay out of sight."""

    list_display = (
        "created_at",
        "key",
        "request_path",
        "recovery_point",
        "response_status",
        "locked_until",
        "merchant_id",
        "environment",
    )
    export_fields = (
        "id", "created_at", "key", "request_path", "recovery_point", "response_status",
        "locked_until", "finished_at", "merchant_id", "environment", "api_key_id", "resource_id",
    )  # fmt: skip
    list_filter = (
        choice_filter("recovery_point", (IdempotencyKey.STARTED, IdempotencyKey.FINISHED)),
        environment_filter,
        CreatedFilter,
    )
    search_by = {ID: ("pk",), TEXT: ("key",)}
    search_words = {TEXT: "key"}
    search_by_scan = (TEXT,)
    badges = ("recovery_point",)
    codes = ("key", "request_path", "resource_id")
    hidden = ("response_body", "response_secrets", "request_fingerprint")
    labels = {
        "created_at": "Time",
        "merchant_id": "Merchant",
        "api_key_id": "API key",
        "response_status": "Reply",
    }
    fieldsets: Fieldsets = (
        (
            "Request",
            {
                "fields": (
                    "id", "key", "request_path", "api_key_id", "merchant_id", "environment",
                    "created_at",
                )
            },
        ),
        (
            "Progress",
            {
                "fields": (
                    "recovery_point", "locked_until", "resource_id", "response_status",
                    "finished_at",
                )
            },
        ),
    )  # fmt: skip

    def headline(self, instance: IdempotencyKey) -> str:  # type: ignore[override]
        return instance.key


@admin.register(MonthlyTable)
class MonthlyTableAdmin(ReadOnlyAdmin):
    """The tables that are split by month."""

    list_display = ("table_name",)
    export_fields = ("table_name",)


_MONTHS = """
    SELECT child.relname, greatest(child.reltuples, 0)::bigint, pg_total_relation_size(child.oid),
           pg_get_expr(child.relpartbound, child.oid)
      FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
     WHERE inhparent = %s::regclass
     ORDER BY child.relname DESC
"""


@panel("payments_project.monthlytable", permission="payments_project.view_monthlytable")
def months_panel(request: HttpRequest, table: MonthlyTable) -> Panel:
    """The months that there are, from the catalogue."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS, [f'"{table.pk}"'])
        months: list[tuple[Any, ...]] = cursor.fetchall()
    return Panel(
        title=f"{len(months)} months",
        icon="calendar_view_month",
        note="Rows are the planner's estimate; the size includes indexes.",
        columns=[Column("Partition"), Column("Rows", is_number=True), Column("MiB", True)],
        rows=[
            [display.code(name), f"{rows:,}", f"{size / 2**20:,.1f}"]
            for name, rows, size, _ in months
        ],
    )


@admin.register(StatusTransition)
class StatusTransitionAdmin(ReadOnlyAdmin):
    """Which state may follow which; the database enforces it."""

    list_display = ("machine", "from_status", "to_status")
    export_fields = ("id", "machine", "from_status", "to_status")
    badges = ("from_status", "to_status")


__all__ = ["approval_admin", "dead_letters", "engines", "event_readers", "jobs", "staff_admin"]
