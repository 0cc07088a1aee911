"""PostgreSQL's own search: an index of words beside the payments, and the payments themselves.

States, amounts and everything that is filtered by are asked of the payments, so they are never
behind; only words are (``analytics.search.freshness``).
"""

from collections.abc import Callable, Mapping, Sequence
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
    SearchQuery,
)
from payments_project.database.statements import planned_for_their_values
from payments_project.errors import Unavailable
from payments_project.tenancy import Scope
from transactions.models import Transaction

# More than these are not counted, nor looked at for facets: this also answers while the other
# engine is away, and a merchant's ten million payments must not hold the database meanwhile.
COUNTED_MAX = 20_000
SECONDS_MAX = 5

_TOTAL = "('total', 'all')"
_FACET_COLUMNS = {
    **{name: f"counted.{column}" for name, column in FIELD_FACETS.items()},
    AMOUNT: "width_bucket(counted.amount, %(steps)s::bigint[])::text",
}


def find(scope: Scope, query: SearchQuery, *, after: Place | None) -> Found:
    """A page behind ``after`` (the first one without), and counts of all that is found.

    Reads this merchant's and environment's payments alone. Raises ``Unavailable`` for what takes
    longer than ``SECONDS_MAX``.
    """
    using = router.db_for_read(Transaction)
    where, values = _conditions(scope, query)
    try:
        with (
            transaction.atomic(using=using),
            planned_for_their_values(using),
            connections[using].cursor() as cursor,
        ):
            cursor.execute(f"SET LOCAL statement_timeout = '{SECONDS_MAX}s'")
            counted = _counted(cursor, query, where, values, after)
            places = counted.places
            if not counted.is_all and not _are_newest(places, query):
                places = _page(cursor, query, where, values, after)
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise Unavailable(
                "The search takes too long; narrow it, by created_at for instance.",
                code="search_unavailable",
                retry_after=10,
            ) from None
        raise
    return Found(
        places=places[: query.limit],
        has_more=len(places) > query.limit,
        total=counted.total,
        is_total_exact=counted.is_all,
        engine=POSTGRESQL,
        facets=counted.facets,
    )


class _Counted(NamedTuple):
    """The newest ``COUNTED_MAX`` that are found, or all: how many, each facet's values with their
    numbers, the commonest first, and the page that they would have."""

    total: int
    is_all: bool
    facets: dict[str, list[tuple[Any, int]]]
    places: list[Place]


def _counted(
    cursor: Any, query: SearchQuery, where: str, values: Mapping[str, Any], after: Place | None
) -> _Counted:
    """One statement for counts and page: what is found is looked for once. For a page alone
    PostgreSQL goes through all payments, newest first, where it takes a rare word for a common
    one."""
    beyond, order, place = _order(query, after)
    rows = [_TOTAL, *(f"('{name}', {_FACET_COLUMNS[name]})" for name in query.facets)]
    cursor.execute(
        f"""
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
        SELECT 'place', id::text, amount
          FROM (SELECT payment.id, payment.amount FROM counted AS payment
                 WHERE {beyond} ORDER BY {order} LIMIT %(rows)s) AS page
        """,
        {**values, **place, "steps": list(AMOUNT_STEPS), "counted": COUNTED_MAX + 1},
    )
    found: dict[str, list[tuple[str, int]]] = {"total": [], "place": []}
    for name, value, number in cursor.fetchall():
        found.setdefault(name, []).append((value, number))
    total = sum(number for _, number in found["total"])
    places = [Place(UUID(key), amount) for key, amount in found["place"]]
    return _Counted(
        total=min(total, COUNTED_MAX),
        is_all=total <= COUNTED_MAX,
        facets={name: _facet(name, found.get(name, [])) for name in query.facets},
        places=sorted(places, key=_sort_key(query), reverse=query.is_descending),
    )


def _facet(name: str, counts: Sequence[tuple[str, int]]) -> list[tuple[Any, int]]:
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
    cursor: Any, query: SearchQuery, where: str, values: Mapping[str, Any], after: Place | None
) -> list[Place]:
    beyond, order, place = _order(query, after)
    cursor.execute(
        f"SELECT payment.id, payment.amount FROM {where} AND {beyond}"
        f" ORDER BY {order} LIMIT %(rows)s",
        {**values, **place},
    )
    return [Place(*row) for row in cursor.fetchall()]


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
    """Tables and conditions of what is found, with their values; a payment is ``payment``."""
    values: dict[str, Any] = {"merchant": scope.merchant_id, "environment": scope.environment}
    tables = "transactions AS payment"
    conditions = ["payment.merchant_id = %(merchant)s", "payment.environment = %(environment)s"]
    for column, value in query.equal.items():
        conditions.append(f"payment.{column} = %(is_{column})s")
        values[f"is_{column}"] = value
    for column, ends in (("amount", query.amount), ("id", query.created)):
        for name, sign, end in (("gte", ">=", ends.gte), ("lt", "<", ends.lt)):
            if end is not None:
                conditions.append(f"payment.{column} {sign} %({column}_{name})s")
                values[f"{column}_{name}"] = end
    if query.words is not None and not query.words:
        conditions.append("false")
    elif query.words:
        tables += " JOIN transaction_words AS known ON known.id = payment.id"
        conditions.append("known.words @@ %(words)s::tsquery")
        values["words"] = tsquery_of(scope, query.words, with_typos=query.with_typos)
        # The words' months are left out by their own key.
        conditions += [
            f"known.id {sign} %(id_{name})s"
            for name, sign in (("gte", ">="), ("lt", "<"))
            if f"id_{name}" in values
        ]
    return f"{tables} WHERE {' AND '.join(conditions)}", values
