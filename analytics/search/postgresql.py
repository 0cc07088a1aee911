"""PostgreSQL's own search: an index of words beside the payments, and the payments themselves.

States, amounts and nearly everything that is filtered by are asked of the payments, so they are
never behind; only words are (``analytics.search.freshness``), and a card's last four digits.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import OperationalError, connections, router, transaction

from analytics.search.lexemes import tsquery_of
from analytics.search.query import (
    AMOUNT,
    AMOUNT_STEPS,
    CREATED_AT,
    FACET_VALUES_MAX,
    FIELD_FACETS,
    POSTGRESQL,
    Found,
    Place,
    Range,
    SearchQuery,
)
from payments_project.database.statements import planned_for_their_values
from payments_project.database.uuid7 import uuid7_floor, uuid7_time
from payments_project.errors import Unavailable
from payments_project.tenancy import Scope
from payments_project.times import day_start
from transactions.access import history_start
from transactions.models import Transaction

# More than these are not counted, nor looked at for facets: this also answers while the other
# engine is away, and a merchant's ten million payments must not hold the database meanwhile.
COUNTED_MAX = 10_000
SECONDS_MAX = 5
# So much is looked at first, in whole months; then twice as much each time, until enough is found.
# What is there often is found in the newest months, without reading it all.
SPAN_DAYS = 31

_TOTAL, _PLACE = "total", "place"
_FACET_COLUMNS = {
    **{name: f"counted.{column}" for name, column in FIELD_FACETS.items()},
    AMOUNT: "width_bucket(counted.amount, %(steps)s::bigint[])::text",
}


def find(scope: Scope, query: SearchQuery, *, after: Place | None) -> Found:
    """A page behind ``after`` (the first one without), and counts of all that is found.

    Reads this merchant's and environment's payments alone. Raises ``Unavailable`` for what takes
    longer than ``SECONDS_MAX``.
    """
    spans = _spans(scope, query)
    where, values = _conditions(scope, query)
    with _patient(values) as fetch:
        counted = _counted(fetch, query, where, spans, after)
        places = counted.places
        if not counted.is_all and not _are_newest(places, query):
            places = _page(fetch, query, where, spans, after)
    return Found(
        places=places[: query.limit],
        has_more=len(places) > query.limit,
        total=counted.total,
        is_total_exact=counted.is_all,
        engine=POSTGRESQL,
        facets=counted.facets,
    )


def reads_words(query: SearchQuery) -> bool:
    """Whether what is found depends on the index of words."""
    return bool(_lexemes_asked(query))


Fetch = Callable[[str, Range, Mapping[str, Any]], list[Any]]


@contextmanager
def _patient(conditions: Mapping[str, Any]) -> Iterator[Fetch]:
    """Statements of one transaction, each of a span, which together take ``SECONDS_MAX`` at most.
    ``conditions`` are the values of all of them."""
    using = router.db_for_read(Transaction)
    deadline = time.monotonic() + SECONDS_MAX

    def fetch(statement: str, span: Range, values: Mapping[str, Any]) -> list[Any]:
        milliseconds = max(1, round((deadline - time.monotonic()) * 1000))
        cursor.execute(f"SET LOCAL statement_timeout = {milliseconds}")
        cursor.execute(statement, {**conditions, "begin": span.gte, "end": span.lt, **values})
        found: list[Any] = cursor.fetchall()
        return found

    try:
        with (
            transaction.atomic(using=using),
            planned_for_their_values(using),
            connections[using].cursor() as cursor,
        ):
            # Starting other processes takes longer than most searches, and each of a busy merchant's
            # would take those of all.
            cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
            yield fetch
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise Unavailable(
                "The search takes too long; narrow it, by created_at for instance.",
                code="search_unavailable",
                retry_after=10,
            ) from None
        raise


def _spans(scope: Scope, query: SearchQuery) -> list[Range]:
    """Ranges of ids that together hold all that the query may find, the newest first."""
    first = history_start(scope)
    if first is None or (query.words is not None and not query.words):
        return []
    # PostgreSQL's clock may be ahead of this host's.
    end = uuid7_floor(datetime.now(UTC) + timedelta(days=1))
    if query.created.gte is not None:
        first = max(first, query.created.gte)
    if query.created.lt is not None:
        end = min(end, query.created.lt)
    spans, days = [], SPAN_DAYS
    while first < end:
        back = (uuid7_time(end) - timedelta(days=days)).date()
        begin = max(first, uuid7_floor(day_start(back.replace(day=1))))
        spans.append(Range(begin, end))
        end, days = begin, days * 2
    return spans


class _Counted(NamedTuple):
    """The newest ``COUNTED_MAX`` that are found, or all: how many, each facet's values with their
    numbers, the commonest first, and the page that they would have."""

    total: int
    is_all: bool
    facets: dict[str, list[tuple[Any, int]]]
    places: list[Place]


def _counted(
    fetch: Fetch, query: SearchQuery, where: str, spans: Sequence[Range], after: Place | None
) -> _Counted:
    """One statement of a span for counts and page: what is found is looked for once. For a page
    alone PostgreSQL goes through all payments, newest first, where it takes a rare word for a
    common one."""
    beyond, order, place = _order(query, after)
    rows = [f"('{_TOTAL}', '')", *(f"('{name}', {_FACET_COLUMNS[name]})" for name in query.facets)]
    statement = f"""
        WITH counted AS MATERIALIZED (
            SELECT payment.id, payment.status, payment.currency, payment.brand,
                   payment.gateway_name, payment.amount
              FROM {where} ORDER BY payment.id DESC LIMIT %(counted)s
        )
        SELECT facet.name, facet.value, count(*)
          FROM counted CROSS JOIN LATERAL (VALUES {", ".join(rows)}) AS facet (name, value)
         WHERE facet.value IS NOT NULL
         GROUP BY 1, 2
         UNION ALL
        SELECT '{_PLACE}', id::text, amount
          FROM (SELECT payment.id, payment.amount FROM counted AS payment
                 WHERE {beyond} ORDER BY {order} LIMIT %(rows)s) AS page
    """
    numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    places = []
    for span in spans:
        left = COUNTED_MAX + 1 - numbers[_TOTAL].total()
        if not left:
            break
        values = {**place, "steps": list(AMOUNT_STEPS), "counted": left}
        for name, value, number in fetch(statement, span, values):
            if name == _PLACE:
                places.append(Place(UUID(value), number))
            else:
                numbers[name][value] += number
    total = numbers[_TOTAL].total()
    places.sort(key=_sort_key(query), reverse=query.is_descending)
    return _Counted(
        total=min(total, COUNTED_MAX),
        is_all=total <= COUNTED_MAX,
        facets={name: _facet(name, numbers[name].items()) for name in query.facets},
        places=places[: query.limit + 1],
    )


def _facet(name: str, counts: Iterable[tuple[str, int]]) -> list[tuple[Any, int]]:
    if name == AMOUNT:
        return sorted((AMOUNT_STEPS[int(step) - 1], count) for step, count in counts)
    return sorted(counts, key=lambda row: (-row[1], row[0]))[:FACET_VALUES_MAX]


def _are_newest(places: Sequence[Place], query: SearchQuery) -> bool:
    """Whether a page out of the newest is the page of all."""
    is_newest_first = query.sort_field == CREATED_AT and query.is_descending
    return is_newest_first and len(places) > query.limit


def _sort_key(query: SearchQuery) -> Callable[[Place], Any]:
    if query.sort_field == CREATED_AT:
        return lambda place: place.id
    return lambda place: (place.amount, place.id)


def _page(
    fetch: Fetch, query: SearchQuery, where: str, spans: Sequence[Range], after: Place | None
) -> list[Place]:
    beyond, order, place = _order(query, after)
    statement = (
        f"SELECT payment.id, payment.amount FROM {where} AND {beyond}"
        f" ORDER BY {order} LIMIT %(rows)s"
    )
    if query.sort_field != CREATED_AT:
        spans = [Range(spans[-1].gte, spans[0].lt)]
    places: list[Place] = []
    for span in spans if query.is_descending else reversed(spans):
        values = {**place, "rows": query.limit + 1 - len(places)}
        places += [Place(*row) for row in fetch(statement, span, values)]
        if len(places) > query.limit:
            break
    return places


def _order(query: SearchQuery, after: Place | None) -> tuple[str, str, dict[str, Any]]:
    """What lies behind ``after``, as a condition, the order, and their values."""
    direction, sign = ("DESC", "<") if query.is_descending else ("ASC", ">")
    columns = ["payment.id"] if query.sort_field == CREATED_AT else ["payment.amount", "payment.id"]
    order = ", ".join(f"{name} {direction}" for name in columns)
    values: dict[str, Any] = {"rows": query.limit + 1}
    if after is None:
        return "true", order, values
    behind = {"payment.id": "%(after_id)s", "payment.amount": "%(after_amount)s"}
    beyond = f"({', '.join(columns)}) {sign} ({', '.join(behind[name] for name in columns)})"
    return beyond, order, {**values, "after_id": after.id, "after_amount": after.amount}


def _conditions(scope: Scope, query: SearchQuery) -> tuple[str, dict[str, Any]]:
    """Tables and conditions of what is found in a span, with their values but the span's ``begin``
    and ``end``; a payment is ``payment``."""
    tables = "transactions AS payment"
    conditions = [
        "payment.merchant_id = %(merchant)s",
        "payment.environment = %(environment)s",
        "payment.id >= %(begin)s",
        "payment.id < %(end)s",
    ]
    values: dict[str, Any] = {"merchant": scope.merchant_id, "environment": scope.environment}
    for column, value in query.equal.items():
        conditions.append(f"payment.{column} = %(is_{column})s")
        values[f"is_{column}"] = value
    for name, sign, end in (("gte", ">=", query.amount.gte), ("lt", "<", query.amount.lt)):
        if end is not None:
            conditions.append(f"payment.amount {sign} %(amount_{name})s")
            values[f"amount_{name}"] = end
    if asked := _lexemes_asked(query):
        tables += " JOIN transaction_words AS known ON known.id = payment.id"
        conditions += [
            "known.words @@ %(words)s::tsquery",
            # The words' months are left out by their own key.
            "known.id >= %(begin)s",
            "known.id < %(end)s",
        ]
        values["words"] = tsquery_of(scope, asked, with_typos=query.with_typos)
    return f"{tables} WHERE {' AND '.join(conditions)}", values


def _lexemes_asked(query: SearchQuery) -> list[Sequence[str]]:
    """Words of the text, and the card's last four digits: they are a word of a payment too, and the
    payments' own indices do not know them."""
    last_four = query.equal.get("last_four")
    return [*(query.words or ()), *([[last_four]] if last_four else ())]
