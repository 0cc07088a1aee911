"""UUIDv7 ids (RFC 9562, section 5.7): made by PostgreSQL, read by anyone.

The first 48 bits are Unix milliseconds, so ids sort by time and a month is a range of ids.
PostgreSQL makes them, because its clock is the only one that all hosts share.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import DateTimeField, FloatField, Func, UUIDField, Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MILLISECONDS_MAX = (1 << 48) - 1
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


class UUID7Before(Func):
    """The least UUIDv7 of the moment ``seconds`` ago, by PostgreSQL's own clock.

    What is younger by its id is left alone: the ids have PostgreSQL's time, which a host's clock
    may be behind or ahead of. A subquery, because its one value bounds an index scan and leaves out
    months; of a volatile function alone each row would be asked.
    """

    function = "uuidv7_floor"
    template = "(SELECT %(function)s(clock_timestamp() - make_interval(secs => %(expressions)s)))"
    arity = 1
    output_field = UUIDField()

    def __init__(self, seconds: float) -> None:
        super().__init__(Value(float(seconds), output_field=FloatField()))


def uuid7_floor(moment: datetime) -> UUID:
    """The least UUIDv7 of the millisecond that holds ``moment``; a range over ids starts here."""
    # Whole numbers all the way: as seconds in a float, some milliseconds from 2106 on come out less.
    return _first_id((moment - _EPOCH) // _MILLISECOND)


def uuid7_range(moments: Mapping[str, datetime]) -> dict[str, UUID]:
    """The ids whose time is in a range: ``gte`` and ``lt`` of an id, each where there is that end.

    ``moments`` has any of ``gte``, ``gt``, ``lte`` and ``lt``. Exact: an id has a whole
    millisecond, so those "after 12:00:00.0004" start with the id of 12:00:00.001.
    """
    floors = {name: (moment - _EPOCH) // _MILLISECOND for name, moment in moments.items()}
    ceilings = {name: -((_EPOCH - moment) // _MILLISECOND) for name, moment in moments.items()}
    lower = [ceilings[name] for name in moments if name == "gte"]
    lower += [floors[name] + 1 for name in moments if name == "gt"]
    upper = [floors[name] + 1 for name in moments if name == "lte"]
    upper += [ceilings[name] for name in moments if name == "lt"]
    ends = {"gte": max(lower, default=None), "lt": min(upper, default=None)}
    return {name: _first_id(end) for name, end in ends.items() if end is not None}


def _first_id(milliseconds: int) -> UUID:
    within = min(max(milliseconds, 0), _MILLISECONDS_MAX)
    return UUID(int=(within << 80) | _VERSION_AND_VARIANT)


def uuid7_time(value: UUID) -> datetime:
    """When ``value`` was made, to the millisecond, in UTC: as ``uuid_extract_timestamp``."""
    milliseconds = value.int >> 80
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(
        microsecond=milliseconds % 1000 * 1000
    )


def uuid_of(value: str) -> UUID | None:
    """An id as somebody gave it; None for what can't be one, which no object has."""
    try:
        return UUID(value) if len(value) == 36 else None
    except ValueError:
        return None
