"""A dashboard's figures: what the summaries of its days come to, in one currency and in each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from analytics.admin.dashboard.asked import Asked
from analytics.summary_selectors import DAY, Bucket, Sums, read_oldest_due, read_sums


@dataclass(frozen=True, slots=True)
class Step:
    """One day or month of those shown, as far as it lies within them."""

    first: date
    last: date
    sums: Sums


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that a dashboard draws from the summaries; amounts in minor units of ``currency``.

    ``currency`` is the one asked for, or that of most payments; empty where there are none.
    ``currencies`` has each one's sums in the period, that of most payments first. ``due_since`` is
    the time of the oldest change that is not in the summaries yet.
    """

    asked: Asked
    currency: str
    shown: Sums
    before: Sums
    steps: Sequence[Step]
    currencies: Sequence[tuple[str, Sums]]
    computed_at: datetime | None
    due_since: datetime | None
    merchant_id: UUID | None = None


def read_figures(asked: Asked, *, merchant_id: UUID | None = None) -> Figures:
    """The figures of all merchants, or of one: two statements."""
    period, before = asked.period, asked.period.before
    buckets = read_sums(
        environment=asked.environment,
        before=before.first,
        first=period.first,
        last=period.last,
        grain=asked.grain,
        merchant_id=merchant_id,
    )
    of_period = [bucket for bucket in buckets if bucket.start is not None]
    of_before = [bucket for bucket in buckets if bucket.start is None]
    currencies = _by_currency(of_period)
    currency = asked.currency or _first(currencies) or _first(_by_currency(of_before))
    by_start = {bucket.start: bucket.sums for bucket in of_period if bucket.currency == currency}
    return Figures(
        asked=asked,
        currency=currency,
        shown=dict(currencies).get(currency, Sums()),
        before=dict(_by_currency(of_before)).get(currency, Sums()),
        steps=[
            Step(first, last, by_start.get(start, Sums())) for start, first, last in _steps(asked)
        ],
        currencies=currencies,
        computed_at=max((b.computed_at for b in of_period if b.computed_at), default=None),
        due_since=read_oldest_due(
            environment=asked.environment,
            first=period.first,
            last=period.last,
            merchant_id=merchant_id,
        ),
        merchant_id=merchant_id,
    )


def _by_currency(buckets: Iterable[Bucket]) -> list[tuple[str, Sums]]:
    """Each currency's sums, that of most payments first."""
    sums: dict[str, Sums] = {}
    for bucket in buckets:
        sums[bucket.currency] = sums.get(bucket.currency, Sums()) + bucket.sums
    return sorted(sums.items(), key=lambda item: (-item[1].payments, item[0]))


def _first(currencies: Sequence[tuple[str, Sums]]) -> str:
    return currencies[0][0] if currencies else ""


def _steps(asked: Asked) -> list[tuple[date, date, date]]:
    """Each day or month shown: what the database calls it, its first and its last day shown."""
    period = asked.period
    if asked.grain == DAY:
        days = [period.first + timedelta(days=place) for place in range(period.days)]
        return [(day, day, day) for day in days]
    steps, start = [], period.first.replace(day=1)
    while start <= period.last:
        following = (start + timedelta(days=32)).replace(day=1)
        last = min(following - timedelta(days=1), period.last)
        steps.append((start, max(start, period.first), last))
        start = following
    return steps
