"""What staff do with webhooks: endpoints on and off, a test, and sending again."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest

from merchants import states
from merchants.locking import lock_own_webhook_endpoint
from merchants.services.resend_webhooks import (
    resend_webhook,
    resend_webhooks_since,
    send_test_webhook,
)
from merchants.services.update_webhook_endpoint import update_webhook_endpoint
from merchants.webhook_models import WebhookDelivery, WebhookEndpoint
from merchants.webhooks.retries import RESEND_DAYS_MAX, is_too_old
from payments_project.console import display
from payments_project.console.acts import Act, ActForm, Done, staff_actor
from payments_project.errors import Conflict
from payments_project.staff.audit import record_audit
from payments_project.tenancy import Scope

CHANGE_PERMISSION = "merchants.change_webhookendpoint"
RESEND_PERMISSION = "merchants.resend_webhookdelivery"

FAILED, EVERYTHING = "failed", "all"


class ResendForm(ActForm):
    """From when on, and what."""

    since = forms.DateTimeField(
        label="Since (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        initial=lambda: datetime.now(UTC) - timedelta(days=1),
        help_text=f"When the events happened; at most {RESEND_DAYS_MAX} days ago.",
    )
    which = forms.ChoiceField(
        choices=[
            (FAILED, "what failed"),
            (EVERYTHING, "everything that it wants, also what it took or never got"),
        ],
    )

    def clean_since(self) -> datetime:
        # The form's time is in UTC, as all of the console's are.
        since: datetime = self.cleaned_data["since"].replace(tzinfo=UTC)
        if since > datetime.now(UTC):
            raise forms.ValidationError("That is still to come.")
        return since


def scope_of(owned: WebhookEndpoint | WebhookDelivery) -> Scope:
    """Whose an endpoint or a delivery is."""
    return Scope(owned.merchant_id, owned.environment)


def _switch(
    request: HttpRequest, endpoint: WebhookEndpoint, values: Mapping[str, Any], status: str
) -> WebhookEndpoint:
    scope = scope_of(endpoint)
    locked = lock_own_webhook_endpoint(scope=scope, endpoint_id=endpoint.pk)
    if locked.status == status:
        raise Conflict(f"Somebody has {status} it already.")
    before = _summary(locked)
    changed = update_webhook_endpoint(
        scope=scope,
        endpoint_id=endpoint.pk,
        changes={"status": status},
        actor=staff_actor(request),
        disabled_by=states.BY_STAFF,
    )
    record_audit(
        request=request,
        action=f"webhook_endpoint.{status}",
        obj=changed,
        before=before,
        after=_summary(changed),
        reason=values["reason"],
    )
    return changed


def _summary(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {"status": endpoint.status, "disabled_reason": endpoint.disabled_reason}


def _disable(request: HttpRequest, endpoint: WebhookEndpoint, values: Mapping[str, Any]) -> Done:
    _switch(request, endpoint, values, states.DISABLED)
    return Done("It is disabled: nothing is sent there any more, and what was due is given up.")


def _enable(request: HttpRequest, endpoint: WebhookEndpoint, values: Mapping[str, Any]) -> Done:
    _switch(request, endpoint, values, states.ENABLED)
    return Done(
        "It is enabled and gets what happens from now on. What it missed is sent by “Send again”."
    )


def _test(request: HttpRequest, endpoint: WebhookEndpoint, values: Mapping[str, Any]) -> Done:
    delivery = send_test_webhook(
        scope=scope_of(endpoint), endpoint_id=endpoint.pk, actor=staff_actor(request)
    )
    record_audit(
        request=request,
        action="webhook_endpoint.tested",
        obj=endpoint,
        after={"delivery": str(delivery)},
        reason=values["reason"],
    )
    return Done(
        "A test event is on its way; reload to see what the endpoint answers.",
        url=display.object_url("merchants.WebhookDelivery", delivery) or "",
    )


def _resend_since(
    request: HttpRequest, endpoint: WebhookEndpoint, values: Mapping[str, Any]
) -> Done:
    only_failed = values["which"] == FAILED
    resent = resend_webhooks_since(
        scope=scope_of(endpoint),
        endpoint_id=endpoint.pk,
        since=values["since"],
        only_failed=only_failed,
    )
    record_audit(
        request=request,
        action="webhook_endpoint.resent",
        obj=endpoint,
        after={
            "since": values["since"].isoformat(),
            "which": values["which"],
            "count": resent.count,
            "continue_from": resent.continue_from.isoformat() if resent.continue_from else None,
        },
        reason=values["reason"],
    )
    webhooks = "1 webhook is" if resent.count == 1 else f"{resent.count:,} webhooks are"
    if resent.continue_from is None:
        return Done(f"{webhooks} on the way.")
    return Done(
        f"{webhooks} on the way, and there is more: send again once more, since"
        f" {resent.continue_from:%Y-%m-%d %H:%M} UTC."
    )


def _resend(request: HttpRequest, delivery: WebhookDelivery, values: Mapping[str, Any]) -> Done:
    resend_webhook(scope=scope_of(delivery), delivery=delivery)
    record_audit(
        request=request,
        action="webhook_delivery.resent",
        obj=delivery,
        before={"status": delivery.status, "attempts": delivery.attempt},
        after={"status": states.DELIVERY_PENDING, "event": str(delivery.event_id)},
        reason=values["reason"],
    )
    return Done("It is on its way again; reload to see what the endpoint answers.")


def is_enabled(endpoint: WebhookEndpoint) -> bool:
    """Whether anything is sent there."""
    return endpoint.status == states.ENABLED


def attach_endpoints(deliveries: list[WebhookDelivery]) -> None:
    """Their endpoints in one statement, without the secrets."""
    found = WebhookEndpoint.objects.only(
        "id",
        "merchant_id",
        "environment",
        "url",
        "status",
        "disabled_reason",
        "deleted_at",
        "paused_until",
    ).in_bulk({delivery.endpoint_id for delivery in deliveries})
    for delivery in deliveries:
        delivery.console_endpoint = found.get(delivery.endpoint_id)  # type: ignore[attr-defined]


def endpoint_of(delivery: WebhookDelivery) -> WebhookEndpoint | None:
    """A delivery's endpoint without its secrets, read once."""
    if not hasattr(delivery, "console_endpoint"):
        attach_endpoints([delivery])
    found: WebhookEndpoint | None = delivery.console_endpoint  # type: ignore[attr-defined]
    return found


def why_no_resend(delivery: WebhookDelivery) -> str:
    """Why a delivery is not sent again; empty if it can be."""
    endpoint = endpoint_of(delivery)
    if endpoint is None or endpoint.deleted_at is not None:
        return "Its endpoint was deleted."
    if not is_enabled(endpoint):
        return "Its endpoint is disabled; enable it first."
    if is_too_old(delivery.created_at):
        return f"Events are sent again for {RESEND_DAYS_MAX} days."
    return ""


DISABLE = Act(
    name="disable",
    title="Disable",
    icon="block",
    permission=CHANGE_PERMISSION,
    explanation="Nothing is sent there any more, and what is due is given up. The merchant can enable "
    "it again.",
    perform=_disable,
    is_offered=is_enabled,
    is_dangerous=True,
)
ENABLE = Act(
    name="enable",
    title="Enable",
    icon="check_circle",
    permission=CHANGE_PERMISSION,
    explanation="It gets what happens from now on, and its failures are forgotten. What it missed is "
    "not sent by itself.",
    perform=_enable,
    is_offered=lambda endpoint: not is_enabled(endpoint) and endpoint.deleted_at is None,
)
TEST = Act(
    name="test",
    title="Send test event",
    icon="science",
    permission=CHANGE_PERMISSION,
    explanation="The endpoint gets a webhook_endpoint.test, whatever it has asked for.",
    perform=_test,
    is_offered=is_enabled,
    is_once=True,
)
RESEND_SINCE = Act(
    name="resend",
    title="Send again",
    icon="replay",
    permission=RESEND_PERMISSION,
    explanation="Sends what happened since a time to this endpoint again, oldest first. Receivers "
    "tell by the webhook-id what they have had before.",
    form=ResendForm,
    perform=_resend_since,
    is_offered=is_enabled,
    is_once=True,
)
RESEND = Act(
    name="resend",
    title="Send again",
    icon="replay",
    permission=RESEND_PERMISSION,
    explanation="Sends it now, and if that fails as often as a new one. Receivers tell by the "
    "webhook-id what they have had before.",
    perform=_resend,
    is_offered=lambda delivery: not why_no_resend(delivery),
    why_not=why_no_resend,
    is_bulk=True,
)
