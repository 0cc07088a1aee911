"""Column types of PostgreSQL that Django has no field for."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func


class CurrentTransactionId(Func):
    """``pg_current_xact_id()``: the transaction that writes the row, for ``db_default``."""

    function = "pg_current_xact_id"
    template = "%(function)s()"
    arity = 0


class TransactionTime(Func):
    """``now()``: when the transaction began; Django's ``Now`` is the statement's time."""

    function = "now"
    template = "%(function)s()"
    arity = 0
    output_field = models.DateTimeField()


class RowTime(Func):
    """``clock_timestamp()``: when the row was made, as the ``uuidv7()`` beside it has it. A list in
    the order of its ids is in the order of these times too, whatever their transactions waited for.
    """

    function = "clock_timestamp"
    template = "%(function)s()"
    arity = 0
    output_field = models.DateTimeField()


class Xid8Field(models.Field):
    """A 64-bit transaction id. psycopg hands ``xid8`` over as text; here it is an ``int``."""

    description = "PostgreSQL transaction id (xid8)"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "xid8"

    def from_db_value(self, value: Any, *_: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(value)


class SnapshotField(models.Field):
    """A ``pg_snapshot``, kept as its text form."""

    description = "PostgreSQL snapshot (pg_snapshot)"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "pg_snapshot"


class IdentityField(models.BigIntegerField):
    """``bigint GENERATED ALWAYS AS IDENTITY`` beside another primary key: the database counts.

    Rows are inserted by SQL that leaves the column out; the ORM reads it only.
    """

    description = "Identity column"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bigint GENERATED ALWAYS AS IDENTITY"
