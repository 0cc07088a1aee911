"""Reading transactions, their history and the ledger's entries; no locks, nothing written."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from payments_project.database.pages import Page, PageQuery, cursor_of, page_by_id
from payments_project.database.statements import planned_for_their_values
from payments_project.database.uuid7 import uuid7_floor, uuid7_time
from payments_project.events.models import Event
from payments_project.tenancy import Scope
from transactions import ledger_accounts as accounts
from transactions.access import history_of, transactions_of
from transactions.models import Transaction

# A payment has ten or so.
EVENTS_MAX = 100
# An event is made after its object, but its id is by the database's clock, which may be corrected.
CLOCK_SET_BACK_MAX = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """A state that a transaction reached (or a change within it), when, and what caused it."""

    event_id: UUID
    sequence: int
    type: str
    status: str
    at: datetime
    actor_kind: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class BalanceEntry:
    """One side of a ledger entry, as it changes one of the merchant's buckets; minor units."""

    entry_id: UUID
    bucket: str
    type: str
    amount: int
    currency: str
    source_id: UUID
    available_on: date | None
    created_at: datetime


def list_transactions(
    *, scope: Scope, query: PageQuery, filters: dict[str, Any] | None = None
) -> Page[Transaction]:
    """The page of a merchant's transactions that ``query`` asks for, newest first.

    ``filters`` are a queryset's; a range of time is one of ids (``pk__gte``, ``pk__lt``).
    Raises ``ResourceMissing`` for a cursor that is no id.
    """
    filters = filters or {}
    # Behind a cursor PostgreSQL would have a range of ids with two ends that it does not know when
    # it plans, take it for a few rows, and sort all of a merchant's instead of reading ten.
    rows = transactions_of(scope) if cursor_of(query) else history_of(scope)
    with _planning(filters):
        return page_by_id(rows.filter(**filters), query)


def payments_of_customer(customer_id: UUID, *, after: UUID | None, limit: int) -> list[UUID]:
    """The ids of the first ``limit`` of a customer's payments, in order, behind ``after``."""
    rows = Transaction.objects.filter(customer_id=customer_id)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def events_of(aggregatetype: str, key: UUID) -> "QuerySet[Event]":
    """The events of an object whose key is a UUIDv7, in order: the first ``EVENTS_MAX`` of them."""
    return Event.objects.filter(
        aggregateid=str(key),
        aggregatetype=aggregatetype,
        # Older months hold none of the object's events and need not be looked into.
        id__gte=uuid7_floor(uuid7_time(key) - CLOCK_SET_BACK_MAX),
    ).order_by("sequence")[:EVENTS_MAX]


def transaction_timeline(transaction: Transaction) -> list[TimelineStep]:
    """Every state of a transaction in order, from its events; of its first ``EVENTS_MAX``."""
    return [
        TimelineStep(
            event_id=event.pk,
            sequence=event.sequence,
            type=event.type,
            status=event.payload["object"]["status"],
            at=event.created_at,
            actor_kind=event.actor_kind,
            request_id=event.request_id,
        )
        for event in events_of("transaction", transaction.pk)
    ]


_ENTRIES = f"""
SELECT entry.id, side.bucket, entry.type, side.amount, entry.currency, entry.source_id,
       entry.available_on, entry.created_at
  FROM ledger_entries AS entry
 CROSS JOIN LATERAL (VALUES (entry.debit_account, -entry.amount),
                            (entry.credit_account, entry.amount)) AS side (bucket, amount)
 WHERE entry.merchant_id = %(merchant_id)s AND entry.environment = %(environment)s
   AND side.bucket IN ('{accounts.PENDING}', '{accounts.AVAILABLE}', '{accounts.RESERVED}')
"""


_OF_NO_PAYMENT = " AND entry.transaction_id IS NULL"


def list_balance_entries(
    *,
    scope: Scope,
    limit: int,
    after: tuple[UUID, str] | None = None,
    before: tuple[UUID, str] | None = None,
    filters: dict[str, Any] | None = None,
) -> list[BalanceEntry]:
    """At most ``limit`` entries, newest first, after or before a cursor (entry's id, bucket).

    With ``before`` they are the ones just before it, still newest first. ``filters`` may hold
    ``currency``, ``bucket``, ``type``, ``source_id`` (with the ``transaction_id`` that it was about,
    None for none), ``pk__gte`` and ``pk__lt``.
    """
    parameters: dict[str, Any] = {
        "merchant_id": scope.merchant_id,
        "environment": scope.environment,
        "limit": limit,
    }
    sql = _ENTRIES
    columns = {
        "currency": "entry.currency = ",
        "bucket": "side.bucket = ",
        "type": "entry.type = ",
        "source_id": "entry.source_id = ",
        "transaction_id": "entry.transaction_id = ",
        "pk__gte": "entry.id >= ",
        "pk__lt": "entry.id < ",
    }
    for name, value in (filters or {}).items():
        # An index on NULLs is used for IS NULL alone.
        sql += f" AND {columns[name]}%({name})s" if value is not None else _OF_NO_PAYMENT
        parameters[name] = value
    order = "DESC"
    if after is not None:
        # The first condition is for the index, the second for the side within an entry.
        sql += " AND entry.id <= %(cursor_id)s"
        sql += " AND (entry.id, side.bucket) < (%(cursor_id)s, %(cursor_bucket)s)"
        parameters |= {"cursor_id": after[0], "cursor_bucket": after[1]}
    elif before is not None:
        sql += " AND entry.id >= %(cursor_id)s"
        sql += " AND (entry.id, side.bucket) > (%(cursor_id)s, %(cursor_bucket)s)"
        parameters |= {"cursor_id": before[0], "cursor_bucket": before[1]}
        order = "ASC"
    sql += f" ORDER BY entry.id {order}, side.bucket {order} LIMIT %(limit)s"
    with _planning(parameters), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        entries = [BalanceEntry(*row) for row in cursor.fetchall()]
    return entries if before is None else entries[::-1]


def _planning(given: Mapping[str, Any]) -> AbstractContextManager[None]:
    """For a list whose filters or parameters are ``given``: a range of time decides its plan."""
    return planned_for_their_values() if {"pk__gte", "pk__lt"} & given.keys() else nullcontext()
