"""Webhook endpoints in the console: where merchants hear of events, and whether that works."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from merchants import states
from merchants.admin.webhook_acts import DISABLE, ENABLE, RESEND_SINCE, TEST
from merchants.admin.webhook_cells import answer, delivery_link, took
from merchants.models import Merchant
from merchants.webhook_models import WebhookDelivery, WebhookEndpoint
from merchants.webhooks.event_filters import EVERYTHING
from merchants.webhooks.health import (
    DISABLED,
    FAILING,
    HEALTH,
    PAUSED,
    WELL,
    failing_endpoints,
    health_of,
    needs_a_look,
    with_health,
)
from payments_project.console import display
from payments_project.console.filters import (
    ConsoleFilter,
    CreatedFilter,
    choice_filter,
    environment_filter,
)
from payments_project.console.home import Counted, HomeParts, home_part, queue_tile
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import ID
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin

DELIVERIES_ON_A_PAGE = 20
ENDPOINTS_ON_A_PAGE = 20
DAYS = 14
# No index finds an endpoint's attempts: they are looked up delivery by delivery.
DELIVERIES_LOOKED_AT = 2_000
NEEDS_A_LOOK = "needs a look"

SECRETS = ("secret", "previous_secret")
TONES = {
    WELL: display.GREEN, FAILING: display.RED, PAUSED: display.AMBER, DISABLED: display.GREY,
}  # fmt: skip
_REASONS = {
    states.BY_MERCHANT: "by the merchant",
    states.BY_STAFF: "by staff",
    states.AS_DELETED: "deleted",
    states.AS_GONE: "it answered 410",
    states.AS_FAILING: "it failed too long",
}


class HealthFilter(ConsoleFilter):
    """How an endpoint is; ``needs a look`` are those that the home page counts."""

    title = "health"
    parameters = ("health",)

    @classmethod
    def is_indexed_for(cls, values: Any) -> bool:
        return bool(values) and values[-1] in (FAILING, PAUSED, NEEDS_A_LOOK)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        yield self.select([*HEALTH, NEEDS_A_LOOK])

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        chosen = self.used_parameters.get("health")
        if chosen is None:
            return queryset
        if chosen == NEEDS_A_LOOK:
            return queryset.filter(needs_a_look())
        return queryset.filter(with_health(chosen)) if chosen in HEALTH else queryset.none()


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Endpoints of all merchants, newest first; merchants make and change them by the API."""

    list_display = (
        "address",
        "health",
        "merchant",
        "events",
        "created_at",
        "environment",
    )
    export_fields = (
        "id", "created_at", "merchant", "merchant_name", "environment", "status",
        "disabled_reason", "disabled_at", "consecutive_failures", "failing_since",
        "enabled_events", "deleted_at",
    )  # fmt: skip
    list_filter = (
        HealthFilter,
        choice_filter("disabled_reason", _REASONS, title="disabled because"),
        environment_filter,
        CreatedFilter,
    )
    ordered_scopes = ("merchant",)
    search_by = {ID: ("pk", "merchant_id")}
    hidden = SECRETS
    acts = (TEST, RESEND_SINCE, ENABLE, DISABLE)
    labels = {
        "created_at": "Made",
        "updated_at": "Changed",
        "failing_since": "Failing since",
        "paused_until": "Nothing is sent before",
        "disabled_at": "Disabled",
        "deleted_at": "Deleted",
        "consecutive_failures": "Failures in a row",
        "previous_secret_until": "Old secret signs until",
    }
    fieldsets: Fieldsets = (
        (
            "Webhook endpoint",
            {"fields": ("id", "whole_address", "description", "merchant", "event_filters")},
        ),
        (
            "Health",
            {
                "fields": (
                    "health", "failing_since", "consecutive_failures", "paused_until", "disabled",
                    "disabled_at",
                )
            },
        ),
        (
            "Course",
            {"fields": ("created_at", "updated_at", "previous_secret_until", "deleted_at")},
        ),
    )  # fmt: skip

    def headline(self, instance: WebhookEndpoint) -> Cell:  # type: ignore[override]
        return shown_url(instance.url)

    def found_as(self, instance: WebhookEndpoint) -> str:  # type: ignore[override]
        return shown_url(instance.url)

    def badges_of(self, instance: WebhookEndpoint) -> list[Cell]:  # type: ignore[override]
        return [health_badge(instance), self.show(instance, "environment")]

    @admin.display(description="Address")
    def address(self, endpoint: WebhookEndpoint) -> Cell:
        return address_cell(endpoint)

    @admin.display(description="Address")
    def whole_address(self, endpoint: WebhookEndpoint) -> Cell:
        return display.code(shown_url(endpoint.url))

    @admin.display(description="State")
    def health(self, endpoint: WebhookEndpoint) -> Cell:
        return health_cell(endpoint)

    @admin.display(description="Disabled because")
    def disabled(self, endpoint: WebhookEndpoint) -> str:
        reason = endpoint.disabled_reason
        return _REASONS.get(reason, reason) if reason else ""

    @admin.display(description="Events")
    def events(self, endpoint: WebhookEndpoint) -> Cell:
        return display.clip(_events_words(endpoint))

    @admin.display(description="Events")
    def event_filters(self, endpoint: WebhookEndpoint) -> str:
        filters = endpoint.enabled_events
        return "every event" if filters == [EVERYTHING] else ", ".join(filters)


def shown_url(url: str) -> str:
    """A URL without its query, in which merchants put what opens their servers; ``?…`` tells that
    there is one."""
    parts = urlsplit(url)
    query = "?…" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"


def address_cell(endpoint: WebhookEndpoint) -> Cell:
    """Where there is little room: ``https`` goes without saying."""
    return display.clip(shown_url(endpoint.url).removeprefix("https://"), is_long=True)


def _events_words(endpoint: WebhookEndpoint) -> str:
    filters = endpoint.enabled_events
    if filters == [EVERYTHING]:
        return "every event"
    return filters[0] if len(filters) == 1 else f"{filters[0]} and {len(filters) - 1} more"


def health_badge(endpoint: WebhookEndpoint) -> Cell:
    """``well``, ``failing``, ``paused``, ``disabled`` or ``deleted``; red where it is the endpoint's
    own fault."""
    health = health_of(endpoint)
    if endpoint.disabled_reason == states.AS_DELETED:
        return display.badge(states.AS_DELETED, TONES[DISABLED])
    is_its_fault = endpoint.disabled_reason in states.ENDPOINTS_OWN_FAULT
    return display.badge(health, display.RED if is_its_fault else TONES[health])


def health_cell(endpoint: WebhookEndpoint) -> Cell:
    """The badge, with since when it fails or why it is disabled."""
    reason = endpoint.disabled_reason
    if reason == states.AS_DELETED:
        return health_badge(endpoint)
    words: Cell = ""
    if reason is not None:
        words = _REASONS.get(reason, reason)
    elif endpoint.failing_since is not None:
        words = format_html("since {}", display.ago(endpoint.failing_since))
    return format_html('{} <small class="c-muted">{}</small>', health_badge(endpoint), words)


@panel("merchants.webhookendpoint", permission="merchants.view_webhookdelivery")
def deliveries_panel(request: HttpRequest, endpoint: WebhookEndpoint) -> Panel:
    """The newest deliveries, found by the endpoint's index."""
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("-id")
    return Panel(
        title="Deliveries",
        icon="send",
        columns=[
            Column("Event"), Column("State"), Column("Attempts", is_number=True, is_minor=True),
            Column("Answer"), Column("Took", is_number=True, is_minor=True),
            Column("Happened", is_minor=True),
        ],
        rows=[
            [
                delivery_link(row),
                display.badge(row.status),
                str(row.attempt),
                answer(row),
                took(row.duration_ms),
                display.ago(row.created_at),
            ]
            for row in rows[:DELIVERIES_ON_A_PAGE]
        ],
        empty="Nothing was sent there yet.",
        more_url=display.list_url("merchants.webhookdelivery", endpoint=endpoint.pk),
        order=10,
    )  # fmt: skip


_ATTEMPTS = """
SELECT (attempt.created_at AT TIME ZONE 'UTC')::date AS day, count(*),
       count(*) FILTER (WHERE attempt.error IS NULL AND attempt.response_status BETWEEN 200 AND 299),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY attempt.duration_ms)
  FROM (SELECT id FROM webhook_deliveries
         WHERE endpoint_id = %(endpoint)s
           AND id >= uuidv7_floor(now() - make_interval(days => %(days)s))
         ORDER BY id DESC LIMIT %(deliveries)s) AS delivery
  JOIN webhook_attempts AS attempt ON attempt.delivery_id = delivery.id
   AND attempt.id >= uuidv7_floor(now() - make_interval(days => %(days)s))
 GROUP BY day ORDER BY day DESC
"""


@panel("merchants.webhookendpoint", permission="merchants.view_webhookattempt")
def attempts_panel(request: HttpRequest, endpoint: WebhookEndpoint) -> Panel | None:
    """How often it was tried each day, and how often that worked."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ATTEMPTS,
            {"endpoint": endpoint.pk, "days": DAYS, "deliveries": DELIVERIES_LOOKED_AT},
        )
        days: list[tuple[Any, ...]] = cursor.fetchall()
    if not days:
        return None
    return Panel(
        title="Attempts by day",
        icon="calendar_month",
        note=f"Days in UTC, for the newest {DELIVERIES_LOOKED_AT:,} events of the last {DAYS} days.",
        columns=[
            Column("Day"), Column("Attempts", is_number=True), Column("Taken", is_number=True),
            Column("Failed", is_number=True), Column("Half within", is_number=True, is_minor=True),
        ],
        rows=[
            [
                display.day(day),
                f"{count:,}",
                f"{taken:,}",
                f"{count - taken:,}",
                took(round(median)),
            ]
            for day, count, taken, median in days
        ],
        order=20,
    )  # fmt: skip


@panel("merchants.merchant", permission="merchants.view_webhookendpoint", tab="Webhooks")
def merchant_endpoints_panel(request: HttpRequest, merchant: Merchant) -> Panel:
    """A merchant's endpoints of both environments, newest first."""
    rows = WebhookEndpoint.objects.filter(merchant=merchant, deleted_at__isnull=True)
    deliveries = request.user.has_perm("merchants.view_webhookdelivery")
    return Panel(
        title="Webhook endpoints",
        icon="webhook",
        columns=[
            Column("Address"), Column("State"), Column("Events", is_minor=True),
            Column("Environment"), Column(""),
        ],
        rows=[
            [
                display.object_link("merchants.WebhookEndpoint", row.pk, address_cell(row)),
                health_cell(row),
                display.clip(_events_words(row), is_long=True),
                display.environment_badge(row.environment),
                _deliveries_link(row) if deliveries else "",
            ]
            for row in rows.defer(*SECRETS).order_by("-pk")[:ENDPOINTS_ON_A_PAGE]
        ],
        empty="No webhook endpoints.",
        more_url=display.list_url("merchants.webhookendpoint", merchant=merchant.pk),
    )  # fmt: skip


def _deliveries_link(endpoint: WebhookEndpoint) -> Cell:
    url = display.list_url("merchants.webhookdelivery", endpoint=endpoint.pk)
    return format_html('<a class="c-link" href="{}">deliveries</a>', url)


@home_part(permission="merchants.view_webhookendpoint")
def failing_webhooks(request: HttpRequest, environment: str) -> HomeParts:
    """Endpoints that fail, or were disabled for it within a week."""
    (count,) = yield Counted([failing_endpoints().filter(environment=environment)])
    yield queue_tile(
        label="Webhooks failing",
        icon="webhook",
        count=count,
        hint="endpoints, disabled ones included",
        url=display.list_url(
            "merchants.webhookendpoint", environment=environment, health=NEEDS_A_LOOK
        ),
        order=52,
    )
