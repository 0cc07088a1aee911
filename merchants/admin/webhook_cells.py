"""How deliveries and attempts are shown, wherever they stand."""

from django.utils.html import format_html

from merchants.webhook_models import WebhookAttempt, WebhookDelivery
from payments_project.console import display
from payments_project.console.presented import Cell

# What stands for no answer, in words.
_ERRORS = {
    "endpoint_disabled": "disabled",
    "event_gone": "event not kept",
    "given_up": "given up",
}


def delivery_link(delivery: WebhookDelivery) -> Cell:
    """The delivery by the type of its event."""
    return display.object_link("merchants.WebhookDelivery", delivery.pk, delivery.event_type)


def answer(row: WebhookDelivery | WebhookAttempt) -> Cell:
    """The status that was answered last, or why there was no answer; both where a delivery was ended
    for another reason than its last answer."""
    words = _ERRORS.get(row.error, row.error.replace("_", " ")) if row.error else ""
    status = row.response_status
    if status is None:
        return display.badge(words, display.RED) if words else display.EMPTY
    badge = display.badge(str(status), display.GREEN if 200 <= status < 300 else display.RED)
    return format_html('{} <small class="c-muted">{}</small>', badge, words) if words else badge


def took(duration_ms: int | None) -> str | Cell:
    """``85 ms`` or ``2.4 s``."""
    if duration_ms is None:
        return display.EMPTY
    return f"{duration_ms} ms" if duration_ms < 1_000 else f"{duration_ms / 1_000:.1f} s"
