"""Webhook deliveries in the console: each event on its way to an endpoint, with every attempt."""

from datetime import datetime, timedelta

from django.contrib import admin
from django.http import HttpRequest

from merchants import states
from merchants.admin.webhook_acts import RESEND, attach_endpoints, endpoint_of
from merchants.admin.webhook_cells import answer, took
from merchants.admin.webhook_endpoints import address_cell, shown_url
from merchants.webhook_models import WebhookAttempt, WebhookDelivery
from payments_project.console import display
from payments_project.console.filters import CreatedFilter, choice_filter, environment_filter
from payments_project.console.panels import ROWS_MAX, Column, Panel, first_of_many, panel
from payments_project.console.presented import Cell
from payments_project.console.search import ID
from payments_project.database.uuid7 import uuid7_floor
from payments_project.events.models import Event
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin

ATTEMPTS_ON_A_PAGE = 50


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Deliveries to all endpoints, newest first."""

    list_display = (
        "created_at",
        "event_type",
        "status",
        "answer",
        "attempt",
        "address",
        "environment",
    )
    export_fields = (
        "id", "created_at", "merchant_id", "merchant_name", "environment", "endpoint", "event_id",
        "event_type", "aggregateid", "status", "attempt", "response_status", "error",
        "duration_ms", "next_attempt_at", "finished_at",
    )  # fmt: skip
    list_filter = (
        choice_filter("status", states.DELIVERY_STATES, indexed=(states.DELIVERY_PENDING,)),
        environment_filter,
        CreatedFilter,
    )
    ordered_scopes = ("endpoint",)
    scope_branches = ("", ())
    small_scopes = ("event_id",)
    search_by = {ID: ("pk", "event_id", "endpoint_id")}
    acts = (RESEND,)
    labels = {
        "created_at": "Event",
        "event_type": "Type",
        "merchant_id": "Merchant",
        "attempt": "Attempts",
        "give_up_at": "Given up after",
        "finished_at": "Finished",
        "leased_until": "A worker is at it until",
    }
    fieldsets: Fieldsets = (
        (
            "Webhook delivery",
            {"fields": ("id", "event", "event_type", "endpoint_link", "merchant_id")},
        ),
        (
            "Course",
            {
                "fields": (
                    "created_at", "attempt", "answer", "took", "next_attempt", "leased_until",
                    "give_up_at", "finished_at",
                )
            },
        ),
    )  # fmt: skip

    def complete(self, rows: list[WebhookDelivery]) -> None:
        attach_endpoints(rows)

    def headline(self, instance: WebhookDelivery) -> Cell:  # type: ignore[override]
        return instance.event_type

    def crumb(self, instance: WebhookDelivery) -> str:  # type: ignore[override]
        return f"{instance.event_type} …{str(instance.pk)[-8:]}"

    def found_as(self, instance: WebhookDelivery) -> str:  # type: ignore[override]
        return f"{instance.event_type} · {instance.status}"

    @admin.display(description="Answer")
    def answer(self, delivery: WebhookDelivery) -> Cell:
        return answer(delivery)

    @admin.display(description="Took")
    def took(self, delivery: WebhookDelivery) -> Cell:
        return took(delivery.duration_ms)

    @admin.display(description="Next attempt")
    def next_attempt(self, delivery: WebhookDelivery) -> Cell:
        return display.moment(_next_attempt_at(delivery))

    @admin.display(description="Endpoint")
    def address(self, delivery: WebhookDelivery) -> Cell:
        endpoint = endpoint_of(delivery)
        text = address_cell(endpoint) if endpoint is not None else None
        return display.object_link("merchants.WebhookEndpoint", delivery.endpoint_id, text)

    @admin.display(description="Endpoint")
    def endpoint_link(self, delivery: WebhookDelivery) -> Cell:
        endpoint = endpoint_of(delivery)
        text = shown_url(endpoint.url) if endpoint is not None else None
        return display.object_link("merchants.WebhookEndpoint", delivery.endpoint_id, text)

    @admin.display(description="Event")
    def event(self, delivery: WebhookDelivery) -> Cell:
        return display.object_link(
            "payments_project.Event", delivery.event_id, display.code(delivery.event_id)
        )


@panel("merchants.webhookdelivery", permission="merchants.view_webhookattempt")
def attempts_panel(request: HttpRequest, delivery: WebhookDelivery) -> Panel:
    """Every request and what came of it, newest first."""
    # None is older than the event: the months before are left out.
    since = uuid7_floor(delivery.created_at)
    rows = WebhookAttempt.objects.filter(delivery_id=delivery.pk, id__gte=since)
    attempts = list(rows.order_by("-id")[:ATTEMPTS_ON_A_PAGE])
    return Panel(
        title="Attempts",
        icon="sync_alt",
        note=f"The newest {ATTEMPTS_ON_A_PAGE}." if len(attempts) == ATTEMPTS_ON_A_PAGE else "",
        columns=[
            Column("#", is_number=True), Column("Time"), Column("Answer"),
            Column("Took", is_number=True), Column("What it said", is_text=True),
        ],
        rows=[
            [
                str(attempt.attempt),
                display.moment(attempt.created_at),
                answer(attempt),
                took(attempt.duration_ms),
                display.excerpt(attempt.response_excerpt),
            ]
            for attempt in attempts
        ],
        empty="It was not tried yet.",
    )  # fmt: skip


@panel("payments_project.event", permission="merchants.view_webhookdelivery")
def event_deliveries_panel(request: HttpRequest, event: Event) -> Panel | None:
    """Where an event was sent. A delivery's id has its event's time, so one month is looked at."""
    rows = list(
        WebhookDelivery.objects.filter(
            event_id=event.pk,
            id__gte=uuid7_floor(event.created_at),
            id__lt=uuid7_floor(event.created_at + timedelta(milliseconds=1)),
        ).order_by("id")[:ROWS_MAX]
    )
    attach_endpoints(rows)
    return Panel(
        title="Webhooks",
        icon="webhook",
        note=first_of_many(rows),
        columns=[
            Column("Endpoint"), Column("State"), Column("Answer"),
            Column("Attempts", is_number=True), Column("Next attempt", is_minor=True),
        ],
        rows=[_event_row(row) for row in rows],
        empty="No endpoint wanted it.",
        more_url=display.list_url("merchants.webhookdelivery", event_id=event.pk) if rows else "",
        order=60,
    )  # fmt: skip


def _next_attempt_at(delivery: WebhookDelivery) -> datetime | None:
    """When it is tried at the earliest: not before the pause of its endpoint is over."""
    due, endpoint = delivery.next_attempt_at, endpoint_of(delivery)
    if due is None or endpoint is None or endpoint.paused_until is None:
        return due
    return max(due, endpoint.paused_until)


def _event_row(row: WebhookDelivery) -> list[Cell]:
    endpoint = endpoint_of(row)
    address = address_cell(endpoint) if endpoint is not None else row.event_type
    return [
        display.object_link("merchants.WebhookDelivery", row.pk, address),
        display.badge(row.status),
        answer(row),
        str(row.attempt),
        display.ago(_next_attempt_at(row)),
    ]
