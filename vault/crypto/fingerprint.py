"""Fingerprints: recognise a card without reading it.

HMAC-SHA256 under ``CARD_FINGERPRINT_KEY``, in hexadecimal (64 characters), over

    "payments.vault/fingerprint/1\\0", 16 bytes merchant id, environment, "\\0", the card number

The same card at the same merchant and environment always has the same fingerprint, whatever its
expiry date or holder's name. Merchant and environment are part of it, so that two merchants can't
find shared customers by comparing fingerprints. A bare hash would be no protection, because card
numbers can be enumerated; the key is what protects, it is no key of the key ring, and it is never
rotated (every stored fingerprint would change its value).
"""

import hmac
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from vault.card_data import CardData

_LABEL = b"payments.vault/fingerprint/1\x00"
_KEY_BYTES_LEAST = 32


class Fingerprinter:
    """Makes the fingerprints of one merchant's cards in one environment."""

    __slots__ = ("_key", "_scope")

    def __init__(self, *, merchant_id: UUID, environment: str) -> None:
        self._key = _key(settings.CARD_FINGERPRINT_KEY)
        self._scope = _LABEL + merchant_id.bytes + environment.encode("ascii") + b"\x00"

    def of(self, card: CardData) -> str:
        """The card's fingerprint: 64 hexadecimal digits."""
        return hmac.digest(self._key, self._scope + card.number_bytes(), "sha256").hex()


@lru_cache(maxsize=4)
def _key(setting: str | bytes) -> bytes:
    key = setting.encode() if isinstance(setting, str) else setting
    if len(key) < _KEY_BYTES_LEAST:
        raise ImproperlyConfigured(
            f"CARD_FINGERPRINT_KEY is shorter than {_KEY_BYTES_LEAST} characters"
        )
    return key
