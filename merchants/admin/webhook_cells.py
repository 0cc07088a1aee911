"""How deliveries and attempts are shown, wherever they stand."""

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
    """The status that was answered, or why there was no answer."""
    if row.error:
        words = _ERRORS.get(row.error, row.error.replace("_", " "))
        return display.badge(words, display.RED)
    if row.response_status is None:
        return display.EMPTY
    is_taken = 200 <= row.response_status < 300
    return display.badge(str(row.response_status), display.GREEN if is_taken else display.RED)


def took(duration_ms: int | None) -> str | Cell:
    """``85 ms`` or ``2.4 s``."""
    if duration_ms is None:
        return display.EMPTY
    return f"{duration_ms} ms" if duration_ms < 1_000 else f"{duration_ms / 1_000:.1f} s"
