"""Cells: a value as staff read it. All return safe HTML; what is shown is escaped here.

Markup has classes of ``static/console/console.css`` and no inline style or script, so that a
content security policy may forbid both.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin.utils import quote
from django.urls import NoReverseMatch, reverse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from payments_project.money import format_amount
from payments_project.tenancy import TEST

EMPTY = mark_safe('<span class="c-none" title="none">—</span>')

GREEN, AMBER, RED, BLUE, GREY, VIOLET = "green", "amber", "red", "blue", "grey", "violet"

# One colour per word across the console, so that it can be learned.
TONES: Mapping[str, str] = {
    "succeeded": GREEN, "active": GREEN, "won": GREEN, "verified": GREEN, "approved": GREEN,
    "finished": GREEN, "done": GREEN, "applied": GREEN, "cleared": GREEN, "paid": GREEN,
    "captured": GREEN, "low": GREEN, "confirmed": GREEN,
    "pending": AMBER, "open": AMBER, "under_review": AMBER, "medium": AMBER, "confirming": AMBER,
    "started": AMBER, "unverified": AMBER, "suspended": AMBER, "unconfirmed": AMBER,
    "accepted": AMBER, "authorized": BLUE, "chargeback": RED, "inquiry": BLUE,
    "failed": RED, "lost": RED, "disputed": RED, "high": RED, "declined": RED, "rejected": RED,
    "returned": RED,
    "refunded": VIOLET,
    "cancelled": GREY, "closed": GREY, "voided": GREY, "warning_closed": GREY,
}  # fmt: skip

BRANDS = {
    "visa": "Visa", "mastercard": "Mastercard", "amex": "Amex", "discover": "Discover",
    "diners": "Diners", "jcb": "JCB", "unionpay": "UnionPay", "maestro": "Maestro",
}  # fmt: skip


# Of a longer one the beginning stands there, and the rest when it is asked for.
EXCERPT_CHARACTERS = 120

_UNITS = ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s"))


def badge(value: str | None, tone: str | None = None) -> SafeString:
    """A state as a coloured word; the colour is the word's own unless ``tone`` is given."""
    if not value:
        return EMPTY
    words = value.replace("_", " ")
    return format_html(
        '<span class="c-badge c-{}">{}</span>', tone or TONES.get(value, GREY), words
    )


def environment_badge(environment: str) -> SafeString:
    """``TEST`` stands out, since nothing in it is money; live is the ordinary case."""
    tone = "test" if environment == TEST else "live"
    return format_html('<span class="c-env c-env-{}">{}</span>', tone, environment)


def money(amount: int | None, currency: str) -> SafeString:
    """An amount of minor units with its currency's code beside it; negative ones stand out."""
    if amount is None:
        return EMPTY
    written = format_amount(int(amount), currency)
    return format_html(
        '<span class="c-money{}">{}<span class="c-code">{}</span></span>',
        mark_safe(" c-negative") if amount < 0 else "",
        # A currency without a symbol is written by its code, which stands behind already.
        written.replace(f"{currency}\N{NO-BREAK SPACE}", ""),
        currency,
    )


def moment(value: datetime | None, *, now: datetime | None = None) -> SafeString:
    """A time in UTC, to the second, with its age; the whole of it in the tooltip."""
    if value is None:
        return EMPTY
    value = value.astimezone(UTC)
    now = now or datetime.now(UTC)
    written = f"{value:%d %b %H:%M:%S}" if value.year == now.year else f"{value:%d %b %Y %H:%M}"
    return format_html(
        '<time class="c-time" datetime="{}" title="{} UTC">{}<span class="c-age">{}</span></time>',
        value.isoformat(),
        f"{value:%Y-%m-%d %H:%M:%S.%f}"[:-3],
        written,
        age(value, now=now),
    )


def ago(value: datetime | None, *, now: datetime | None = None) -> SafeString:
    """Only the age of a time, where there is little room; the time itself in the tooltip."""
    if value is None:
        return EMPTY
    return format_html(
        '<time class="c-time" datetime="{}" title="{} UTC">{}</time>',
        value.isoformat(),
        f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        age(value, now=now or datetime.now(UTC)),
    )


def age(value: datetime, *, now: datetime) -> str:
    """``5 min ago``, ``in 3 days``: the largest unit that is not zero."""
    seconds = int((now - value).total_seconds())
    if abs(seconds) < 1:
        return "now"
    size, unit = next(step for step in _UNITS if abs(seconds) >= step[0])
    count = abs(seconds) // size
    words = f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def day(value: date | None) -> SafeString:
    """A date, written so that no one takes the month for the day."""
    if value is None:
        return EMPTY
    written = f"{value:%d %b %Y}"
    return format_html('<time class="c-time" datetime="{}">{}</time>', value, written)


def due(value: date | None, *, today: date | None = None) -> SafeString:
    """A deadline with the days that are left; the last three and what is past stand out."""
    if value is None:
        return EMPTY
    written = format_html('<time class="c-time" datetime="{}">{}</time>', value, f"{value:%d %b}")
    left = value - (today or datetime.now(UTC).date())
    if left < timedelta(0):
        tone, words = RED, f"{-left.days} d overdue"
    elif not left:
        tone, words = RED, "today"
    else:
        tone, words = (RED if left.days <= 3 else GREY), f"{left.days} d left"
    return format_html("{} {}", written, badge(words, tone))


def card(brand: str | None, last_four: str | None) -> SafeString:
    """``Visa ···· 4242``."""
    if not last_four:
        return EMPTY
    return format_html(
        '<span class="c-card"><span class="c-brand">{}</span> <span class="c-dots">····</span> '
        "{}</span>",
        BRANDS.get(brand or "", brand or "card"),
        last_four,
    )


def clip(text: str | None, *, is_long: bool = False) -> SafeString:
    """A name that gives way where there is little room; the whole in the tooltip. ``is_long`` for
    one whose beginning says too little, such as an address."""
    if not text:
        return EMPTY
    css = "c-clip c-long" if is_long else "c-clip"
    return format_html('<span class="{0}" title="{1}">{1}</span>', css, text)


def excerpt(text: str | None) -> SafeString:
    """What somebody else's server said, as it is; folded away where it is long."""
    if not text:
        return EMPTY
    block = format_html('<pre class="c-excerpt">{}</pre>', text)
    if len(text) <= EXCERPT_CHARACTERS:
        return block
    first = text[:EXCERPT_CHARACTERS].split("\n")[0]
    return format_html("<details><summary>{}…</summary>{}</details>", first, block)


def code(value: object) -> SafeString:
    """An identifier in full, in letters of one width; a click selects all of it."""
    if value is None or value == "":
        return EMPTY
    return format_html('<code class="c-id">{}</code>', value)


def short_code(value: UUID | str | None) -> SafeString:
    """The end of an identifier, whose beginning is only its time; the whole in the tooltip."""
    if not value:
        return EMPTY
    text = str(value)
    if len(text) <= 14:
        return code(text)
    return format_html('<code class="c-id" title="{}">…{}</code>', text, text[-8:])


def object_url(label: str, key: object) -> str | None:
    """The console's page of an object; None where its model has no page.

    Quoted as Django's own links are: its pages read ``_26`` in an address as ``&``, and a token may
    begin ``pm_26``.
    """
    app, model = label.lower().split(".")
    try:
        return reverse(f"admin:{app}_{model}_change", args=[quote(key)])
    except NoReverseMatch:
        return None


def object_link(label: str, key: object, text: str | SafeString | None = None) -> SafeString:
    """A link to an object, by its model's ``app.model`` label; plain text if it has no page."""
    if not key:
        return EMPTY
    shown = text if text is not None else short_code(str(key))
    url = object_url(label, key)
    if url is None:
        return format_html("{}", shown)
    return format_html('<a class="c-link" href="{}" title="{}">{}</a>', url, key, shown)


def act_url(label: str, key: object, name: str, **initial: object) -> str:
    """The page of an act on an object; ``initial`` fills fields of its form."""
    app, model = label.lower().split(".")
    return reverse(f"admin:{app}_{model}_act", args=[quote(key), name], query=initial)


def boolean(value: bool | None) -> SafeString:
    """Yes or no, as a sign and a word for those who don't see the sign."""
    if value is None:
        return EMPTY
    return badge("yes", GREEN) if value else badge("no", GREY)


def progress(done: int, expected: int) -> SafeString:
    """A bar of how much is done, with the numbers beside it; of an estimate, which may be passed."""
    most = max(expected, done, 1)
    return format_html(
        '<progress class="c-progress" value="{0}" max="{1}" aria-label="{2}"></progress>{2}',
        done,
        most,
        f"{done:,} of about {most:,}",
    )


def pretty_json(value: Any) -> SafeString:
    """JSON with its keys, texts and numbers set apart; folded away beyond forty lines."""
    if value in (None, {}, []):
        return EMPTY
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str, sort_keys=True)
    block = format_html('<pre class="c-json">{}</pre>', _coloured(text))
    lines = text.count("\n") + 1
    if lines <= 40:
        return block
    return format_html("<details><summary>{} lines</summary>{}</details>", lines, block)


def _coloured(text: str) -> SafeString:
    """Lines of ``json.dumps(indent=2)``, each a key, a value and a comma at most."""

    def line(raw: str) -> SafeString:
        indent, rest = raw[: len(raw) - len(raw.lstrip())], raw.lstrip()
        key, separator, value = rest.partition('": ')
        if rest.startswith('"') and separator:
            return format_html('{}<span class="c-key">{}"</span>: {}', indent, key, _value(value))
        return format_html("{}{}", indent, _value(rest))

    return format_html_join("\n", "{}", ((line(raw),) for raw in text.split("\n")))


def _value(text: str) -> SafeString:
    if text.startswith('"'):
        return format_html('<span class="c-string">{}</span>', text)
    if text[:1] in "{}[]":
        return mark_safe(escape(text))  # noqa: S308 (escaped)
    return format_html('<span class="c-number">{}</span>', text)


def list_url(label: str, **filters: object) -> str:
    """The console's list of a model, of what ``filters`` find; empty where it has none."""
    app, model = label.lower().split(".")
    try:
        return reverse(f"admin:{app}_{model}_changelist", query=filters)
    except NoReverseMatch:
        return ""


_ACTOR_PAGES = {"api_key": "merchants.ApiKey", "staff": "payments_project.StaffUser"}


def actor(kind: str | None, key: UUID | str | None) -> SafeString:
    """Who caused a change: an API key, a member of staff, a gateway or the system itself."""
    if not kind:
        return EMPTY
    words = kind.replace("_", " ").replace("api", "API")
    label = _ACTOR_PAGES.get(kind)
    return object_link(label, key, words) if label and key else format_html("{}", words)
