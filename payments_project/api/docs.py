"""``/docs``: the guide and the reference on one page, without anything from other hosts."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from payments_project.api import reference
from payments_project.events.catalogue import event_types
from payments_project.events.schemas import file_name

# number, brand or outcome, what happens
CARDS_PAID = (
    ("4242424242424242", "visa"),
    ("5555555555554444", "mastercard"),
    ("378282246310005", "amex"),
    ("6011111111111117", "discover"),
    ("3056930009020004", "diners"),
    ("3566002020360505", "jcb"),
)
CARDS_OTHERWISE = (
    ("4000000000000002", "402 card_declined", "declined: generic_decline"),
    ("4000000000009995", "402 card_declined", "declined: insufficient_funds"),
    ("4000000000009987", "402 card_declined", "declined: lost_card"),
    ("4000000000009979", "402 card_declined", "declined: stolen_card"),
    ("4000000000000069", "402 expired_card", "the card has expired"),
    ("4000000000000127", "402 incorrect_cvc", "the security code is wrong"),
    ("4000000000000119", "402 processing_error", "the issuer failed while working on it"),
    ("4000000000000341", "402 card_declined", "tokenises, then every charge is declined"),
    ("4100000000000019", "402 blocked_by_risk", "blocked before any gateway is asked"),
    ("4000000000004954", "201 succeeded", "paid, with risk.level high"),
    ("4000000000000259", "201 succeeded", "then disputed as fraudulent"),
    ("4000000000002685", "201 succeeded", "then disputed: product not received"),
    ("4000000000001976", "201 succeeded", "then an inquiry"),
    ("4000000000007726", "201 succeeded", "its refund is pending, then succeeds"),
    ("4000000000005126", "201 succeeded", "its refund succeeds, then fails"),
    ("4000000000000077", "201 succeeded", "straight to the available balance"),
    ("4000000000006009", "201 pending", "the gateway times out after charging"),
    ("4000000000006017", "201 pending", "the gateway times out without charging"),
    ("4000000000006025", "503 gateway_unavailable", "the gateway is down; nothing is charged"),
    ("4000000000006033", "201 captured", "confirmed by callback some seconds later"),
)
STATES = (
    ("pending", "The outcome is not known yet; an event tells it."),
    ("authorized", "The funds are held. Capture or cancel; else it ends by itself."),
    ("captured", "The gateway accepted the capture and confirms it later."),
    ("succeeded", "The money is yours. A refund in part leaves it here."),
    ("failed", "Declined, blocked or not charged. Final."),
    ("cancelled", "Voided, or expired before capture. Final."),
    ("refunded", "Refunded in full."),
    ("disputed", "A chargeback is open, or was lost."),
)


def docs(request: HttpRequest) -> HttpResponse:
    """``GET /docs``."""
    context = {
        "url": settings.PUBLIC_URL,
        "error_codes": [
            (item, _with_code(item.meaning), _with_code(item.remedy))
            for item in reference.ERROR_CODES
        ],
        "cards_paid": CARDS_PAID,
        "cards_otherwise": CARDS_OTHERWISE,
        "states": STATES,
        "event_types": [
            (item, _with_code(item.description), file_name(item)) for item in event_types()
        ],
        "tags": reference.TAGS,
        "authorization_days": settings.AUTHORIZATION_VALID_DAYS,
        "per_second": f"{settings.RATE_LIMIT_PER_SECOND:,}",
        "webhook_seconds": f"{settings.WEBHOOK_TIMEOUT_SECONDS:g}",
        "webhook_days": settings.WEBHOOK_DISABLED_AFTER_DAYS,
        "per_hour": f"{settings.RATE_LIMIT_PER_HOUR:,}",
    }
    return render(request, "docs.html", context)


def _with_code(text: str) -> SafeString:
    """``text`` with what stands in backticks as code."""
    parts = text.split("`")
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<code>{}</code>", part) if number % 2 else part,)
            for number, part in enumerate(parts)
        ),
    )
