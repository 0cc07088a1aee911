"""A card in memory: objects that can be used, but not shown, logged, pickled or copied.

``cards.py`` makes them from input, ``crypto/envelope.py`` from the vault's rows. Whoever needs
the digits (a gateway adapter) calls ``reveal_number()`` in the expression that needs them, and
binds them to no name: what stands in a local variable can end up in an error report.
"""

import struct
from datetime import date, timedelta
from typing import NoReturn, Self, final

RECORD_VERSION = 1
RECORD_PADDING_BYTES = 32

_DAY = timedelta(days=1)
_RECORD_START = struct.Struct(">BHBBH")


class Concealed:
    """Base of objects with a secret inside: no way of printing or serialising shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} can't be pickled or copied")

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} can't be pickled or copied")

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")


@final
class CardData(Concealed):
    """A card's number, expiry and holder's name; immutable, and its ``repr`` tells the last four.

    Made by ``cards.parse_card``, which is where it is checked: a ``CardData`` is always a valid
    card, though perhaps an expired one. ``brand`` is its issuer's network.
    """

    __slots__ = ("_number", "brand", "exp_month", "exp_year", "holder_name")

    brand: str
    exp_month: int
    exp_year: int
    holder_name: str | None

    def __init__(
        self, *, number: str, brand: str, exp_month: int, exp_year: int, holder_name: str | None
    ) -> None:
        assign = object.__setattr__
        assign(self, "_number", number)
        assign(self, "brand", brand)
        assign(self, "exp_month", exp_month)
        assign(self, "exp_year", exp_year)
        assign(self, "holder_name", holder_name)

    def __repr__(self) -> str:
        return f"<CardData {self.brand} ending in {self.last_four}>"

    @property
    def last_four(self) -> str:
        """The last four digits, which may be shown and stored."""
        return self._number[-4:]  # type: ignore[attr-defined, no-any-return]

    @property
    def expires_at(self) -> date:
        """The last day on which the card is valid: its expiry month's last."""
        next_month = date(self.exp_year + self.exp_month // 12, self.exp_month % 12 + 1, 1)
        return next_month - _DAY

    def reveal_number(self) -> str:
        """All digits of the number, for a gateway. Never log, store or bind them to a name."""
        return self._number  # type: ignore[attr-defined, no-any-return]

    def number_bytes(self) -> bytes:
        """The digits in ASCII, for the fingerprint."""
        return self._number.encode("ascii")  # type: ignore[attr-defined, no-any-return]

    def with_holder_name(self, holder_name: str | None) -> "CardData":
        """The same card under another holder's name."""
        return CardData(
            number=self.reveal_number(),
            brand=self.brand,
            exp_month=self.exp_month,
            exp_year=self.exp_year,
            holder_name=holder_name,
        )

    def to_record(self) -> bytes:
        """The card as bytes, to be encrypted. Layout, integers big-endian:

        offset  bytes  what
        0       1      record version, 0x01
        1       2      expiry year
        3       1      expiry month
        4       1      N: digits of the number
        5       2      M: bytes of the holder's name, 0 if there is none
        7       N      number, ASCII
        7 + N   M      holder's name, UTF-8
        then zeros to a multiple of 32 bytes, so that the length tells little of the name
        """
        name = self.holder_name.encode() if self.holder_name else b""
        record = (
            _RECORD_START.pack(
                RECORD_VERSION,
                self.exp_year,
                self.exp_month,
                len(self._number),  # type: ignore[attr-defined]
                len(name),
            )
            + self.number_bytes()
            + name
        )
        return record + bytes(-len(record) % RECORD_PADDING_BYTES)

    @classmethod
    def from_record(cls, record: bytes, *, brand: str) -> Self | None:
        """The card that ``to_record`` wrote; None for another version or a broken record.

        It does not raise, because a traceback from here would hold the record.
        """
        if len(record) < _RECORD_START.size or record[0] != RECORD_VERSION:
            return None
        _, exp_year, exp_month, digits, name_bytes = _RECORD_START.unpack_from(record)
        start = _RECORD_START.size
        end = start + digits
        if len(record) < end + name_bytes:
            return None
        return cls(
            number=record[start:end].decode("ascii", "replace"),
            brand=brand,
            exp_month=exp_month,
            exp_year=exp_year,
            holder_name=record[end : end + name_bytes].decode("utf-8", "replace") or None,
        )


@final
class SecurityCode(Concealed):
    """A card's CVC. It lives for one request: passed to a gateway or dropped, and never stored."""

    __slots__ = ("_code",)

    def __init__(self, code: str) -> None:
        object.__setattr__(self, "_code", code)

    def reveal_code(self) -> str:
        """The digits, for a gateway. Never log, store or bind them to a name."""
        return self._code  # type: ignore[attr-defined, no-any-return]
