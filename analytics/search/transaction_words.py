"""Keeping payments' words for PostgreSQL's own search."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from analytics.models import TransactionWords
from analytics.search.content import FoundPayment
from analytics.search.lexemes import lexemes_of
from payments_project.database.partitions import create_month
from payments_project.tenancy import Scope

_WRITE = """
INSERT INTO transaction_words AS known (id, revision, words)
SELECT id, revision, array_to_tsvector(string_to_array(words, ' '))
  FROM unnest(%(ids)s::uuid[], %(revisions)s::bigint[], %(words)s::text[])
       AS given (id, revision, words)
 ORDER BY id
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, words = excluded.words
 WHERE known.revision < excluded.revision
"""
_MISSING_MONTHS = """
SELECT DISTINCT date_trunc('month', uuid_extract_timestamp(id), 'UTC')::date
  FROM unnest(%s::uuid[]) AS given (id)
 WHERE to_regclass('transaction_words_' || to_char(
           uuid_extract_timestamp(id) AT TIME ZONE 'UTC', 'YYYY_MM')) IS NULL
"""


def write_words(chunks: Iterable[Sequence[FoundPayment]]) -> int:
    """Makes payments findable by their words, a statement for each chunk; returns how many rows it
    wrote. Words of the same revision or a later one stay as they are."""
    return sum(_write(payments) for payments in chunks if payments)


def _write(payments: Sequence[FoundPayment]) -> int:
    _make_months([payment.id for payment in payments])
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            {
                "ids": [payment.id for payment in payments],
                "revisions": [payment.revision for payment in payments],
                "words": [
                    " ".join(
                        lexemes_of(Scope(payment.merchant_id, payment.environment), payment.words())
                    )
                    for payment in payments
                ],
            },
        )
        return int(cursor.rowcount)


def _make_months(ids: Sequence[UUID]) -> None:
    """Payments may be recorded of months long past, for which no words were kept before."""
    with connection.cursor() as cursor:
        cursor.execute(_MISSING_MONTHS, [list(ids)])
        months = [row[0] for row in cursor.fetchall()]
    for month in months:
        create_month(table=TransactionWords._meta.db_table, month=month)
