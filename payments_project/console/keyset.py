"""Pages by key: the rows before or after a row, in the order of an index.

The order is descending in every field and unique as a whole, which its last field sees to. A place
in it is the fields' values of one row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Field, Model, Q

OLDER = "older"
NEWER = "newer"
_BETWEEN = "~"

Place = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page starts: beside the row at ``place``, on its older or newer side."""

    side: str
    place: Place

    def __str__(self) -> str:
        return f"{self.side}.{_BETWEEN.join(map(_written, self.place))}"


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """The fields that a list is ordered by, newest (or greatest) first."""

    fields: tuple[Field, ...]

    @classmethod
    def of(cls, model: type[Model], ordering: Sequence[str]) -> "KeyOrder":
        """From ``("-summary_date", "-pk")``. Raises ``ValueError`` for an ascending field."""
        if not all(name.startswith("-") for name in ordering):
            raise ValueError(f"lists are in descending order: {ordering}")
        options = model._meta
        names = [name[1:] for name in ordering]
        return cls(
            tuple(options.pk if name == "pk" else options.get_field(name) for name in names)  # type: ignore[misc]
        )

    @property
    def names(self) -> list[str]:
        return [field.attname for field in self.fields]

    def ordering(self, side: str) -> list[str]:
        """For ``order_by``: older rows are read downwards, newer ones upwards from the place."""
        return [name if side == NEWER else f"-{name}" for name in self.names]

    def place_of(self, row: Model) -> Place:
        """A row's place."""
        return tuple(getattr(row, name) for name in self.names)

    def beyond(self, position: Position, *, inclusive: bool = False) -> Q:
        """The rows on the position's side of its place.

        Beside the comparison of the whole place stands one of its first field alone: an index can
        start from that.
        """
        strict = "gt" if position.side == NEWER else "lt"
        last = len(self.fields) - 1
        condition = Q()
        for index, (name, value) in enumerate(zip(self.names, position.place, strict=True)):
            lookup = f"{strict}e" if inclusive and index == last else strict
            equal = Q(**dict(zip(self.names[:index], position.place[:index], strict=True)))
            condition |= equal & Q(**{f"{name}__{lookup}": value})
        if last == 0:
            return condition
        return Q(**{f"{self.names[0]}__{strict}e": position.place[0]}) & condition

    def parse(self, text: str) -> Position | None:
        """A position as ``str`` wrote it; None for anything else.

        Raises Django's ``ValidationError`` for a value that its field does not take.
        """
        side, _, written = text.partition(".")
        parts = written.split(_BETWEEN)
        if side not in (OLDER, NEWER) or len(parts) != len(self.fields) or not all(parts):
            return None
        values = tuple(
            field.to_python(part) for field, part in zip(self.fields, parts, strict=True)
        )
        return Position(side, values)


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
