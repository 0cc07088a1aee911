"""The home page's figures: today against the same weekday a week ago, and the last two weeks.

All but the newest hours comes from the hourly roll-up, so that the page costs the same however many
payments there are.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.selectors import (
    OPEN_ROWS_MAX,
    DayOfPayments,
    Slice,
    busiest_currency,
    midnight_before,
    read_days,
    read_declines,
    read_today,
)
from disputes.models import Dispute
from payments_project.console import display
from payments_project.console.charts import (
    BAD,
    REST,
    Bar,
    Chart,
    LineChart,
    Point,
    Ranked,
    Ranking,
    Series,
    money_tick,
)
from payments_project.console.home import HomeParts, Tile, home_part
from payments_project.database.uuid7 import uuid7_floor
from payments_project.money import format_amount
from payments_project.times import day_start

DAYS_DRAWN = 14
DECLINES_DAYS = 7
DECLINES_MAX = 6
CURRENCIES_SHOWN = 3


@home_part(permission="transactions.view_transaction")
def course_of_payments(request: HttpRequest, environment: str) -> HomeParts:
    """Volume and success rate: today, against last week, and day by day."""
    now = datetime.now(UTC)
    midnight = midnight_before(now)
    slices, is_all = read_today(environment=environment, now=now)
    days = read_days(environment=environment, now=now, days=DAYS_DRAWN)
    last_week = [day for day in days if day.day == now.date() - timedelta(days=7)]
    of_today = {"environment": environment, "created_from": midnight.date()}
    yield _volume_tile(slices, last_week, display.list_url("transactions.transaction", **of_today))
    yield _rate_tile(
        slices,
        last_week,
        display.list_url("transactions.transaction", **of_today, status="failed"),
    )
    yield Chart(
        title="Payments today, by hour (UTC)",
        bars=_hours(slices),
        series=(Series("succeeded"), Series("failed", BAD)),
        empty="No payment was decided yet.",
        note="" if is_all else f"Of the last hours only the newest {OPEN_ROWS_MAX:,} payments.",
        order=10,
    )
    if days:
        yield _volume_chart(days, now.date())
        yield _rate_chart(days, now.date())
    since = midnight - timedelta(days=DECLINES_DAYS - 1)
    declines = read_declines(environment=environment, since=since, most=DECLINES_MAX)
    yield Ranking(
        title="Declines by code, last 7 days",
        rows=[Ranked(code.replace("_", " "), f"{count:,}", count) for code, count in declines],
        empty="No payment was declined.",
        order=13,
    )


@home_part(permission="disputes.view_dispute")
def course_of_disputes(request: HttpRequest, environment: str) -> HomeParts:
    """How many disputes were opened, day by day: a range of their keys."""
    today = datetime.now(UTC).date()
    first = day_start(today - timedelta(days=DAYS_DRAWN - 1))
    opened = (
        Dispute.objects.filter(environment=environment, id__gte=uuid7_floor(first))
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values_list("day", "dispute_type")
        .annotate(count=Count("pk"))
    )
    counts = {(day, kind): count for day, kind, count in opened}
    bars = [
        Bar(
            label,
            f"{day:%d %b}: {counts.get((day, Dispute.CHARGEBACK), 0)} chargebacks, "
            f"{counts.get((day, Dispute.INQUIRY), 0)} inquiries",
            (counts.get((day, Dispute.INQUIRY), 0), counts.get((day, Dispute.CHARGEBACK), 0)),
        )
        for day, label in _labelled(today)
    ]
    yield Chart(
        title="Disputes opened, by day",
        bars=bars,
        series=(Series("inquiries", REST), Series("chargebacks", BAD)),
        empty="No dispute was opened.",
        order=14,
    )


def _labelled(today: date) -> list[tuple[date, str]]:
    """The days drawn and what they are called, the oldest first."""
    days = [today - timedelta(days=back) for back in reversed(range(DAYS_DRAWN))]
    return [(day, f"{day:%d %b}") for day in days]


def _volume_tile(slices: Sequence[Slice], last_week: Sequence[DayOfPayments], url: str) -> Tile:
    volumes = _volumes(slices)
    hint: SafeString | str = " · ".join(
        format_amount(amount, code) for code, amount in volumes[1:CURRENCIES_SHOWN]
    )
    if len(volumes) > CURRENCIES_SHOWN:
        hint = f"{hint} and {len(volumes) - CURRENCIES_SHOWN} more"
    if volumes:
        code, amount = volumes[0]
        before = sum(day.captured_by_now for day in last_week if day.currency == code)
        if before:
            hint = format_html("{} {}", _change(amount / before - 1), hint)
    return Tile(
        label="Volume today",
        icon="payments",
        value=format_amount(volumes[0][1], volumes[0][0]) if volumes else "—",
        hint=hint or "captured since midnight",
        url=url,
        order=10,
        is_queue=False,
    )


def _rate_tile(slices: Sequence[Slice], last_week: Sequence[DayOfPayments], url: str) -> Tile:
    succeeded = sum(part.succeeded for part in slices)
    decided = succeeded + sum(part.failed for part in slices)
    hint: SafeString | str = f"{succeeded:,} of {decided:,} decided"
    good = sum(day.succeeded_by_now for day in last_week)
    before = good + sum(day.failed_by_now for day in last_week)
    if decided and before:
        change = succeeded / decided - good / before
        hint = format_html("{} {}", _change(change, unit=" points"), hint)
    return Tile(
        label="Success today",
        icon="trending_up",
        value=f"{succeeded / decided:.1%}" if decided else "—",
        hint=hint if decided else "none decided yet",
        url=url,
        order=11,
        is_queue=False,
    )


def _change(share: float, unit: str = " %") -> SafeString:
    """``+12 % on last week``: against the same weekday, up to this time of day."""
    css = "c-up" if share >= 0 else "c-down"
    number = f"{share * 100:+.0f}{unit}" if abs(share) >= 0.01 else f"±0{unit}"
    return format_html(
        '<span class="{}" title="against the same weekday last week, up to this hour">{}</span>'
        " on last week ·",
        css,
        number,
    )


def _volumes(slices: Sequence[Slice]) -> list[tuple[str, int]]:
    """What was captured in each currency, that of most payments first."""
    captured: dict[str, int] = {}
    counts: dict[str, int] = {}
    for part in slices:
        captured[part.currency] = captured.get(part.currency, 0) + part.captured
        counts[part.currency] = counts.get(part.currency, 0) + part.count
    ordered = sorted(captured.items(), key=lambda item: -counts[item[0]])
    return [(code, amount) for code, amount in ordered if amount]


def _hours(slices: Sequence[Slice]) -> list[Bar]:
    bars = []
    for hour in range(24):
        good = sum(part.succeeded for part in slices if part.hour.hour == hour)
        bad = sum(part.failed for part in slices if part.hour.hour == hour)
        title = f"{hour:02}:00 — {good} succeeded, {bad} failed"
        bars.append(Bar(f"{hour:02}", title, (good, bad)))
    return bars


def _volume_chart(days: Sequence[DayOfPayments], today: date) -> Chart:
    currency = busiest_currency(days) or ""
    captured = {day.day: day.captured for day in days if day.currency == currency}
    others = {day.currency for day in days} - {currency}
    return Chart(
        title=f"Volume by day in {currency}",
        bars=[
            Bar(label, f"{label}: {format_amount(captured.get(day, 0), currency)}",
                (captured.get(day, 0),))
            for day, label in _labelled(today)
        ],
        tick=money_tick(currency),
        empty="Nothing was captured.",
        note=f"The currency of most payments; there are {len(others)} more." if others else "",
        order=11,
    )  # fmt: skip


def _rate_chart(days: Sequence[DayOfPayments], today: date) -> LineChart:
    points = []
    for day, label in _labelled(today):
        of_day = [row for row in days if row.day == day]
        succeeded = sum(row.succeeded for row in of_day)
        decided = succeeded + sum(row.failed for row in of_day)
        share = succeeded / decided if decided else None
        words = "none decided" if share is None else f"{share:.1%} of {decided:,}"
        points.append(Point(label, f"{day:%d %b}: {words}", share))
    return LineChart(title="Success rate by day", points=points, order=12)
