"""Envelope encryption: how a card lies in ``payment_methods_vault.encrypted_data``.

Layout, version 1 (integers big-endian):

    offset       bytes  what
    0            1      format version, 0x01
    1            2      W: length of the wrapped data key
    3            W      wrapped data key, as the key provider made it
                        (local key ring, W = 60: 12 nonce, 32 encrypted key, 16 tag)
    3 + W        12     nonce of the card data, random
    15 + W       n      card data (``CardData.to_record``), AES-256-GCM under the row's own data key
    15 + W + n   16     tag

Additional authenticated data (authenticated, not stored; rebuilt from the row's columns):

    row binding   version byte, 16 bytes merchant id, then environment and token,
                  each as one length byte and its ASCII text
    of the card   "payments.vault/card\\0" + row binding
    of the key    "payments.vault/data-key\\0" + key id (length byte, text) + row binding

So a ciphertext copied to another row, merchant or environment does not open, nor does one whose
``encryption_key_id`` was altered. The key id is bound by the wrapped key alone: the wrapping key
can then be rotated without opening the card data (``rewrap_card``). The customer is not bound,
because attaching changes it.
"""

import os
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag

from payments_project.encryption.key_ring import NONCE_BYTES
from vault.card_data import CardData
from vault.crypto.keys import TAG_BYTES, DataKey, KeyProvider
from vault.errors import CardUnreadable

FORMAT_VERSION = 1

_CARD_LABEL = b"payments.vault/card\x00"
_VERSION = bytes([FORMAT_VERSION])
_HEADER_BYTES = 3


class Sealed(NamedTuple):
    """An envelope and the id of the key that wraps its data key: two columns of a row."""

    encrypted_data: bytes
    encryption_key_id: str


def scope_binding(*, merchant_id: UUID, environment: str) -> bytes:
    """The part of a row's binding that all rows of a merchant and environment share."""
    return b"%b%b%c%b" % (
        _VERSION,
        merchant_id.bytes,
        len(environment),
        environment.encode("ascii"),
    )


def row_binding(*, scope: bytes, token: str) -> bytes:
    """The bytes that tie an envelope to its row; ``scope`` comes from ``scope_binding``."""
    return b"%b%c%b" % (scope, len(token), token.encode("ascii"))


def seal_card(*, provider: KeyProvider, card: CardData, binding: bytes) -> Sealed:
    """Encrypts ``card`` under a new data key of its own, for the row of ``binding``."""
    # Before the card becomes bytes: a key service that fails leaves a traceback without them.
    data_key = provider.new_data_key(binding=binding)
    nonce = os.urandom(NONCE_BYTES)
    return Sealed(
        encrypted_data=_header(data_key)
        + nonce
        + data_key.cipher.encrypt(nonce, card.to_record(), _CARD_LABEL + binding),
        encryption_key_id=data_key.key_id,
    )


def unseal_card(*, provider: KeyProvider, sealed: Sealed, binding: bytes, brand: str) -> CardData:
    """Decrypts the card of the row of ``binding``; ``brand`` is what lies beside the envelope.

    ``CardUnreadable`` when anything at all differs from what was sealed; its subclass
    ``EncryptionKeyUnknown`` when the key ring lacks the row's key.
    """
    envelope = sealed.encrypted_data
    wrapped, start = _split(envelope)
    data_key = provider.open_data_key(
        key_id=sealed.encryption_key_id, wrapped=wrapped, binding=binding
    )
    body = start + NONCE_BYTES
    try:
        card = CardData.from_record(
            data_key.cipher.decrypt(envelope[start:body], envelope[body:], _CARD_LABEL + binding),
            brand=brand,
        )
    except InvalidTag:
        raise CardUnreadable("the card data does not open for this row") from None
    if card is None:
        raise CardUnreadable("the card data has an unknown record version")
    return card


def rewrap_card(*, provider: KeyProvider, sealed: Sealed, binding: bytes) -> Sealed:
    """The same envelope with its data key wrapped by the active key; no card data is decrypted."""
    wrapped, start = _split(sealed.encrypted_data)
    data_key = provider.rewrap_data_key(
        key_id=sealed.encryption_key_id, wrapped=wrapped, binding=binding
    )
    return Sealed(
        encrypted_data=_header(data_key) + sealed.encrypted_data[start:],
        encryption_key_id=data_key.key_id,
    )


def _header(data_key: DataKey) -> bytes:
    return _VERSION + len(data_key.wrapped).to_bytes(2, "big") + data_key.wrapped


def _split(envelope: bytes) -> tuple[bytes, int]:
    """The wrapped data key, and where the rest begins."""
    if envelope[:1] != _VERSION:
        raise CardUnreadable("the card data has an unknown format version")
    start = _HEADER_BYTES + int.from_bytes(envelope[1:_HEADER_BYTES], "big")
    if len(envelope) < start + NONCE_BYTES + TAG_BYTES:
        raise CardUnreadable("the card data is cut short")
    return envelope[_HEADER_BYTES:start], start
