"""Where key-encryption keys come from: the ``KeyProvider`` protocol and the key ring in settings.

A key-encryption key never touches card data: it wraps the data keys, of which every row has its
own. So the wrapping key may be rotated by rewrapping data keys, and may live in a service (AWS
KMS, HashiCorp Vault transit) that never gives it away: write another ``KeyProvider`` for that.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import NoReturn, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from payments_project.encryption.key_ring import KEY_BYTES, NONCE_BYTES, parse_key_ring
from vault.errors import CardUnreadable, EncryptionKeyUnknown

TAG_BYTES = 16
LOCAL_WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES

_WRAP_LABEL = b"payments.vault/data-key\x00"


class DataKey:
    """A row's own key, ready for use, and its wrapped form for storage.

    The raw key is held by the cipher object only, so that no ``repr`` of it, and no local variable
    in an error report, can show it.
    """

    __slots__ = ("cipher", "key_id", "wrapped")

    def __init__(self, *, key_id: str, cipher: AESGCM, wrapped: bytes) -> None:
        self.key_id = key_id
        self.cipher = cipher
        self.wrapped = wrapped

    def __repr__(self) -> str:
        return f"<DataKey wrapped by {self.key_id!r}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a data key can't be pickled or copied")


class KeyProvider(Protocol):
    """Makes data keys and opens them again.

    ``binding`` says which row the data key belongs to (``envelope.row_binding``). A provider
    authenticates it together with the key id: a wrapped key moved to another row, or whose stored
    key id was altered, must not open. (AWS KMS: encryption context; Vault transit: associated
    data.) Errors: ``EncryptionKeyUnknown`` for an id that isn't in use, ``CardUnreadable`` when
    the key does not open, ``payments_project.errors.Unavailable`` when a service does not answer.
    """

    @property
    def active_key_id(self) -> str:
        """The id of the key that wraps new data keys; at most 100 characters."""

    def new_data_key(self, *, binding: bytes) -> DataKey:
        """A fresh random 256-bit data key, wrapped by the active key."""

    def open_data_key(self, *, key_id: str, wrapped: bytes, binding: bytes) -> DataKey:
        """The data key that ``wrapped`` holds; ``key_id`` as stored beside it."""

    def rewrap_data_key(self, *, key_id: str, wrapped: bytes, binding: bytes) -> DataKey:
        """The same data key, wrapped by the active key; what the key encrypts stays as it is."""


class LocalKeyRing:
    """Keys held by the process: AES-256-GCM with random 96-bit nonces.

    The first key is the active one; the others decrypt only. One key may wrap at most 2**32 data
    keys (NIST SP 800-38D, section 8.3, random nonces): rotate long before.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ImproperlyConfigured("the vault's key ring is empty")
        self._wrapping = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._labels = {
            key_id: _WRAP_LABEL + bytes([len(key_id)]) + key_id.encode("ascii") for key_id in keys
        }
        self.active_key_id = next(iter(keys))

    def __repr__(self) -> str:
        return f"<LocalKeyRing active={self.active_key_id!r} of {len(self._wrapping)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key ring can't be pickled or copied")

    def new_data_key(self, *, binding: bytes) -> DataKey:
        """See ``KeyProvider``."""
        random = os.urandom(KEY_BYTES + NONCE_BYTES)
        return self._wrap(random[:KEY_BYTES], random[KEY_BYTES:], binding)

    def open_data_key(self, *, key_id: str, wrapped: bytes, binding: bytes) -> DataKey:
        """See ``KeyProvider``."""
        cipher = AESGCM(self._unwrap(key_id, wrapped, binding))
        return DataKey(key_id=key_id, cipher=cipher, wrapped=wrapped)

    def rewrap_data_key(self, *, key_id: str, wrapped: bytes, binding: bytes) -> DataKey:
        """See ``KeyProvider``."""
        return self._wrap(self._unwrap(key_id, wrapped, binding), os.urandom(NONCE_BYTES), binding)

    def _wrap(self, key: bytes, nonce: bytes, binding: bytes) -> DataKey:
        key_id = self.active_key_id
        wrapped = nonce + self._wrapping[key_id].encrypt(nonce, key, self._labels[key_id] + binding)
        return DataKey(key_id=key_id, cipher=AESGCM(key), wrapped=wrapped)

    def _unwrap(self, key_id: str, wrapped: bytes, binding: bytes) -> bytes:
        wrapping = self._wrapping.get(key_id)
        if wrapping is None:
            raise EncryptionKeyUnknown(key_id=key_id)
        if len(wrapped) != LOCAL_WRAPPED_BYTES:
            raise CardUnreadable("the wrapped data key has the wrong length")
        try:
            return wrapping.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], self._labels[key_id] + binding
            )
        except InvalidTag:
            raise CardUnreadable("the data key does not open for this row and key id") from None


def key_provider() -> KeyProvider:
    """The provider that the settings name: now always the key ring in ``VAULT_KEYS``."""
    return _key_ring(settings.VAULT_KEYS)


@lru_cache(maxsize=4)
def _key_ring(text: str) -> LocalKeyRing:
    return LocalKeyRing(parse_key_ring(text, setting="VAULT_KEYS"))
