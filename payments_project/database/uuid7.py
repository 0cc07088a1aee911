"""UUIDv7 ids (RFC 9562, section 5.7): made by PostgreSQL, read by anyone.

The first 48 bits are Unix milliseconds, so ids sort by time and a month is a range of ids.
PostgreSQL makes them, because its clock is the only one that all hosts share.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import DateTimeField, Func, UUIDField

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)


class UUID7(Func):
    """``uuidv7()`` of PostgreSQL 18, for ``db_default``."""

    function = "uuidv7"
    template = "%(function)s()"
    arity = 0
    output_field = UUIDField()


class UUID7Time(Func):
    """``uuid_extract_timestamp(id)``: when the id was made; milliseconds, UTC."""

    function = "uuid_extract_timestamp"
    arity = 1
    output_field = DateTimeField()


def uuid7_floor(moment: datetime) -> UUID:
    """The least UUIDv7 of the millisecond that holds ``moment``; a range over ids starts here."""
    # Whole numbers all the way: as seconds in a float, some milliseconds from 2106 on come out less.
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    return UUID(int=(milliseconds << 80) | _VERSION_AND_VARIANT)


def uuid7_time(value: UUID) -> datetime:
    """When ``value`` was made, to the millisecond, in UTC: as ``uuid_extract_timestamp``."""
    milliseconds = value.int >> 80
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(
        microsecond=milliseconds % 1000 * 1000
    )
