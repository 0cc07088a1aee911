"""PostgreSQL's own search: an index of words beside the payments, and the payments themselves.

States, amounts and everything that is filtered by are asked of the payments, so they are never
behind; only words are (``analytics.search.freshness``).
"""

from collections.abc import Mapping
from typing import Any

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
            places = _page(cursor, query, where, values, after)
            total, facets = _counts(cursor, query, where, values)
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
        total=min(total, COUNTED_MAX),
        is_total_exact=total <= COUNTED_MAX,
        engine=POSTGRESQL,
        facets=facets,
    )


def _page(
    cursor: Any, query: SearchQuery, where: str, values: Mapping[str, Any], after: Place | None
) -> list[Place]:
    order, beyond = ("DESC", "<") if query.is_descending else ("ASC", ">")
    columns = ["payment.id"] if query.sort_field == CREATED_AT else ["payment.amount", "payment.id"]
    more, parameters = "", {**values, "rows": query.limit + 1}
    if after is not None:
        behind = {"payment.id": "%(after_id)s", "payment.amount": "%(after_amount)s"}
        more = (
            f"AND ({', '.join(columns)}) {beyond} ({', '.join(behind[name] for name in columns)})"
        )
        parameters |= {"after_id": after.id, "after_amount": after.amount}
    ordered = ", ".join(f"{name} {order}" for name in columns)
    cursor.execute(
        f"SELECT payment.id, payment.amount FROM {where} {more} ORDER BY {ordered} LIMIT %(rows)s",
        parameters,
    )
    return [Place(*row) for row in cursor.fetchall()]


def _counts(
    cursor: Any, query: SearchQuery, where: str, values: Mapping[str, Any]
) -> tuple[int, dict[str, list[tuple[Any, int]]]]:
    """How many there are, up to one more than ``COUNTED_MAX``, and each facet's values with their
    numbers, the commonest first."""
    counted = [_TOTAL, *(f"('{name}', {_FACET_COLUMNS[name]})" for name in query.facets)]
    cursor.execute(
        f"""
        SELECT facet.name, facet.value, count(*)
          FROM (SELECT payment.status, payment.currency, payment.brand, payment.gateway_name,
                       payment.amount
                  FROM {where} ORDER BY payment.id DESC LIMIT %(counted)s) AS counted
         CROSS JOIN LATERAL (VALUES {", ".join(counted)}) AS facet (name, value)
         WHERE facet.value IS NOT NULL
         GROUP BY 1, 2
         ORDER BY 3 DESC, 2
        """,
        {**values, "steps": list(AMOUNT_STEPS), "counted": COUNTED_MAX + 1},
    )
    total = 0
    facets: dict[str, list[tuple[Any, int]]] = {name: [] for name in query.facets}
    for name, value, count in cursor.fetchall():
        if name == "total":
            total = count
        elif name == AMOUNT:
            facets[name].append((AMOUNT_STEPS[int(value) - 1], count))
        elif len(facets[name]) < FACET_VALUES_MAX:
            facets[name].append((value, count))
    if AMOUNT in facets:
        facets[AMOUNT].sort()
    return total, facets


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
