"""What search shows of payments, read from the tables that know it."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from analytics.search.words import words_of

CHUNK = 500


def _milliseconds(column: str) -> str:
    return f"(extract(epoch FROM transactions.{column}) * 1000)::bigint"


# What a document shows, by its field. PostgreSQL writes it as JSON, in half the time that Python
# takes to read the columns and write them.
_SHOWN = {
    **{
        name: f"transactions.{name}"
        for name in (
            "id", "merchant_id", "environment", "revision", "status", "amount", "currency",
            "captured_amount", "refunded_amount", "fee_amount", "customer_id",
            "payment_method_token", "payment_method_type", "brand", "last_four", "gateway_name",
            "gateway_transaction_id", "failure_code", "decline_code", "risk_level", "description",
        )
    },
    "created_at": _milliseconds("created_at"),
    "updated_at": _milliseconds("updated_at"),
    "customer_email": "customers.email",
    "metadata": "coalesce(transactions.metadata, '{}')",
    "refunds": "coalesce(refunds.facts, '[]')",
    "disputes": "coalesce(disputes.facts, '[]')",
}  # fmt: skip
_DOCUMENT = ", ".join(f"'{name}', {value}" for name, value in _SHOWN.items())
_COLUMNS = f"""transactions.id, transactions.merchant_id, transactions.environment,
       transactions.revision, transactions.customer_id, customers.email, transactions.last_four,
       transactions.gateway_transaction_id, transactions.description, transactions.metadata,
       json_build_object({_DOCUMENT})::text"""
# Subqueries and no joins with groups: a page of payments looks up its own refunds and disputes.
_FROM = """
  LEFT JOIN customers ON customers.id = transactions.customer_id
       AND customers.merchant_id = transactions.merchant_id
  LEFT JOIN LATERAL (
       SELECT jsonb_agg(jsonb_build_object('status', status, 'amount', amount, 'reason', reason)
                       ORDER BY id) AS facts
         FROM refunds WHERE refunds.transaction_id = transactions.id) AS refunds ON true
  LEFT JOIN LATERAL (
       SELECT jsonb_agg(jsonb_build_object('type', dispute_type, 'status', status,
                                         'amount', amount, 'reason_code', reason_code)
                       ORDER BY id) AS facts
         FROM disputes WHERE disputes.transaction_id = transactions.id) AS disputes ON true
"""
_NAMED = f"SELECT {_COLUMNS} FROM transactions {_FROM} WHERE transactions.id = ANY(%(ids)s)"
_AFTER = f"""
SELECT {_COLUMNS}
  FROM (SELECT * FROM transactions WHERE id > %(after)s AND id <= %(until)s
         ORDER BY id LIMIT %(limit)s) AS transactions
       {_FROM}
 ORDER BY transactions.id
"""


class FoundPayment(NamedTuple):
    """A payment as search has it: what its words are made of, and ``document``, the JSON of all
    that is shown (amounts in minor units, times in milliseconds since 1970).

    It was read in one statement, so ``revision`` is that of everything in it but the customer's
    e-mail address, for which the revision is raised after the change.
    """

    id: UUID
    merchant_id: UUID
    environment: str
    revision: int
    customer_id: UUID | None
    customer_email: str | None
    last_four: str | None
    gateway_transaction_id: str | None
    description: str | None
    metadata: dict[str, str]
    document: str

    def words(self) -> list[str]:
        """The words that it is found by."""
        return words_of(
            texts=[self.description, self.customer_email, *self.metadata.values()],
            names=[
                self.last_four,
                self.gateway_transaction_id,
                str(self.id),
                str(self.customer_id) if self.customer_id else None,
            ],
        )


def read_chunks(ids: Collection[UUID]) -> Iterator[list[FoundPayment]]:
    """The payments with these ids, ``CHUNK`` at a time; each is read when it is asked for."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), CHUNK):
        yield read_payments(wanted[start : start + CHUNK])


def chunks_of(payments: Sequence[FoundPayment]) -> Iterator[Sequence[FoundPayment]]:
    """Payments that are read already, ``CHUNK`` at a time."""
    for start in range(0, len(payments), CHUNK):
        yield payments[start : start + CHUNK]


def read_payments(ids: Iterable[UUID]) -> list[FoundPayment]:
    """The payments with these ids, in one statement; what there is not is left out."""
    wanted = list(ids)
    return _read(_NAMED, {"ids": wanted}) if wanted else []


def read_payments_after(*, after: UUID, until: UUID, limit: int) -> list[FoundPayment]:
    """The first ``limit`` payments with ids greater than ``after``, up to ``until``, in order."""
    return _read(_AFTER, {"after": after, "until": until, "limit": limit})


def _read(statement: str, parameters: dict[str, Any]) -> list[FoundPayment]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [_payment(row) for row in cursor.fetchall()]


def _payment(row: Sequence[Any]) -> FoundPayment:
    # JSON comes as text from Django's cursors.
    *columns, metadata, document = row
    return FoundPayment._make([*columns, json.loads(metadata) if metadata else {}, document])
