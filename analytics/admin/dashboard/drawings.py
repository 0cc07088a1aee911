"""A dashboard's tiles and its charts over time."""

from collections.abc import Callable
from datetime import timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.admin.dashboard.figures import Figures, Step
from analytics.summary_selectors import DAY, Sums
from payments_project.console.charts import (
    BACK,
    BAD,
    REST,
    WARN,
    AnyChart,
    Bar,
    Chart,
    LineChart,
    Point,
    Series,
    count_tick,
    money_tick,
)
from payments_project.console.home import Tile
from payments_project.money import format_amount

Hint = SafeString | str


def tiles(figures: Figures) -> list[Tile]:
    """The period in six figures, each against as many days before."""
    shown, before = figures.shown, figures.before

    def amount(value: int) -> str:
        return format_amount(value, figures.currency)

    return [
        Tile(
            label="Gross volume",
            icon="payments",
            value=amount(shown.gross),
            hint=_growth(figures, shown.gross, before.gross, amount),
        ),
        Tile(
            label="Net volume",
            icon="savings",
            value=amount(shown.net),
            hint=_growth(figures, shown.net, before.net, amount),
        ),
        Tile(
            label="Payments",
            icon="credit_card",
            value=f"{shown.payments:,}",
            hint=_growth(figures, shown.payments, before.payments, "{:,}".format),
        ),
        Tile(
            label="Success rate",
            icon="trending_up",
            value=_rate(shown.success_rate, 1),
            hint=_shift(figures, lambda sums: sums.success_rate, 1, is_rise_good=True),
        ),
        Tile(
            label="Refund rate",
            icon="undo",
            value=_rate(shown.refund_rate, 1),
            hint=_shift(figures, lambda sums: sums.refund_rate, 1, is_rise_good=False),
        ),
        Tile(
            label="Dispute rate",
            icon="gavel",
            value=_rate(shown.dispute_rate, 2),
            hint=_shift(figures, lambda sums: sums.dispute_rate, 2, is_rise_good=False),
        ),
    ]


def charts(figures: Figures) -> list[AnyChart]:
    """The course of volume, payments, success, refunds and disputes."""
    return [
        _volume(figures),
        _payments(figures),
        _success(figures),
        _refunds(figures),
        _disputes(figures),
    ]


def step_words(figures: Figures, step: Step) -> str:
    """A day as ``Fri 27 Nov 2026``, a month as ``Nov 2026`` with its days where not all are in."""
    if figures.asked.grain == DAY:
        so_far = " so far" if step.first == figures.asked.today else ""
        return f"{step.first:%a %d %b %Y}{so_far}"
    is_whole = step.first.day == 1 and (step.last + timedelta(days=1)).day == 1
    return f"{step.first:%b %Y}" + (
        "" if is_whole else f" ({step.first.day}\N{EN DASH}{step.last.day})"
    )


def _label(figures: Figures, step: Step) -> str:
    if figures.asked.grain == DAY:
        return f"{step.first:%d %b}"
    return f"{step.first:%b}" if len(figures.steps) <= 12 else f"{step.first:%b %y}"


def _per(figures: Figures) -> str:
    return "by day" if figures.asked.grain == DAY else "by month"


def _bars(
    figures: Figures,
    words: Callable[[Sums], str],
    values: Callable[[Sums], tuple[int, ...]],
) -> list[Bar]:
    return [
        Bar(
            _label(figures, step),
            f"{step_words(figures, step)}: {words(step.sums)}",
            values(step.sums),
        )
        for step in figures.steps
    ]


def _volume(figures: Figures) -> Chart:
    def words(sums: Sums) -> str:
        gross, net = (format_amount(value, figures.currency) for value in (sums.gross, sums.net))
        return f"{gross} gross, {net} net"

    return Chart(
        title=f"Gross volume {_per(figures)}",
        bars=_bars(figures, words, lambda sums: (max(0, sums.gross),)),
        tick=money_tick(figures.currency),
        total=format_amount(figures.shown.gross, figures.currency),
        empty="Nothing was captured in these days.",
        is_wide=True,
    )


def _payments(figures: Figures) -> Chart:
    def words(sums: Sums) -> str:
        parts = f"{sums.succeeded:,} succeeded, {sums.failed:,} failed"
        return f"{parts}, {_others(sums):,} others" if _others(sums) else parts

    series = [Series("succeeded"), Series("failed", BAD)]
    has_others = any(_others(step.sums) for step in figures.steps)
    if has_others:
        series.append(Series("pending, authorized or cancelled", REST))
    return Chart(
        title=f"Payments {_per(figures)}",
        bars=_bars(
            figures,
            words,
            lambda sums: (sums.succeeded, sums.failed, _others(sums))[: len(series)],
        ),
        series=series,
        total=f"{figures.shown.payments:,}",
        empty="No payments in these days.",
    )


def _others(sums: Sums) -> int:
    return max(0, sums.payments - sums.succeeded - sums.failed)


def _success(figures: Figures) -> LineChart:
    points = []
    for step in figures.steps:
        rate = step.sums.success_rate
        words = "no payments" if rate is None else f"{rate:.1%} of {step.sums.payments:,} payments"
        title = f"{step_words(figures, step)}: {words}"
        points.append(Point(_label(figures, step), title, rate))
    return LineChart(
        title=f"Success rate {_per(figures)}",
        points=points,
        total=_rate(figures.shown.success_rate, 1),
        empty="No payments in these days.",
    )


def _refunds(figures: Figures) -> Chart:
    def words(sums: Sums) -> str:
        amount = format_amount(sums.refunded, figures.currency)
        return f"{amount} refunded of {sums.with_refunds:,} payments"

    return Chart(
        title=f"Refunds {_per(figures)}",
        bars=_bars(figures, words, lambda sums: (max(0, sums.refunded),)),
        series=(Series("", BACK),),
        tick=money_tick(figures.currency),
        total=format_amount(figures.shown.refunded, figures.currency),
        note="By the day of the payment, not of its refund.",
        empty="None of these payments was refunded.",
    )


def _disputes(figures: Figures) -> Chart:
    def words(sums: Sums) -> str:
        return f"{sums.disputed:,} payments with a chargeback, {sums.fraudulent:,} for fraud"

    def values(sums: Sums) -> tuple[int, ...]:
        fraudulent = min(sums.fraudulent, sums.disputed)
        return fraudulent, sums.disputed - fraudulent

    return Chart(
        title=f"Disputes {_per(figures)}",
        bars=_bars(figures, words, values),
        series=(Series("for fraud", BAD), Series("for other reasons", WARN)),
        tick=count_tick,
        total=f"{figures.shown.disputed:,}",
        note="By the day of the payment, not of its dispute.",
        empty="None of these payments was charged back.",
    )


def _rate(share: float | None, digits: int) -> str:
    return "—" if share is None else f"{share:.{digits}%}"


def _growth(figures: Figures, shown: int, before: int, words: Callable[[int], str]) -> Hint:
    """How much more or less than before, as a share of that."""
    if before <= 0:
        return "none in the days before" if shown else ""
    share = shown / before - 1
    number = f"{abs(share) * 100:,.{0 if abs(share) >= 0.1 else 1}f} %"
    return _change(figures, share, number, words(before), is_rise_good=True)


def _shift(
    figures: Figures, rate: Callable[[Sums], float | None], digits: int, *, is_rise_good: bool
) -> Hint:
    """How many points of a hundred a rate rose or fell."""
    shown, before = rate(figures.shown), rate(figures.before)
    if shown is None or before is None:
        return "" if shown is None else "none in the days before"
    number = f"{abs(shown - before) * 100:.{digits}f} points"
    return _change(
        figures, shown - before, number, _rate(before, digits), is_rise_good=is_rise_good
    )


def _change(
    figures: Figures, difference: float, number: str, was: str, *, is_rise_good: bool
) -> SafeString:
    period = figures.asked.period.before.words
    if not number.strip("0. %points"):
        return format_html('<span title="{}">as before</span>', f"{period}: {was}")
    return format_html(
        '<span class="{}" title="{}">{} {}</span> from {}',
        "c-up" if (difference > 0) == is_rise_good else "c-down",
        f"{period}: {was}",
        "▲" if difference > 0 else "▼",
        number,
        was,
    )
