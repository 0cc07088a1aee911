"""Marking days whose summary is due: a consumer of what happened to payments."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from analytics.daily_summaries import SummaryKey
from payments_project.database.uuid7 import uuid7_time
from payments_project.events.consumers import Consumer
from payments_project.events.log_reader import Selection
from payments_project.events.logged import LoggedEvent

_MARK = """
INSERT INTO summary_days_due (merchant_id, environment, summary_date, currency)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::date[], %s::text[])
"""


def mark_days_due(keys: Iterable[SummaryKey]) -> None:
    """Has these summaries computed again by the next ``roll_up_due_days``.

    Each is marked once, as a row of its own whether or not there is one already: so marking waits
    for no computation, and a mark that comes while its day is computed stays for the next run.
    """
    distinct = sorted(set(keys))
    if distinct:
        with connection.cursor() as cursor:
            cursor.execute(_MARK, [list(column) for column in zip(*distinct, strict=True)])


def _key(event: LoggedEvent) -> SummaryKey:
    """The day of the payment that the event tells of, or whose refund or dispute it tells of."""
    told = event.data["object"]
    payment = told["id"] if event.row.aggregatetype == "transaction" else told["transaction"]
    return SummaryKey(
        event.merchant_id, event.environment, uuid7_time(UUID(payment)).date(), told["currency"]
    )


def _handle(events: Sequence[LoggedEvent]) -> None:
    mark_days_due(_key(event) for event in events)


DAILY_SUMMARIES = Consumer(
    name="daily_summaries",
    handle=_handle,
    objects=Selection(("transaction", "refund", "dispute"), is_excluded=False),
    batch_events=500,
)
