"""Key rings: several keys with ids, so that new data has the new key and old data stays readable."""

import base64
import binascii
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
NONCE_BYTES = 12


class KeyRing:
    """AES-256-GCM under the first of several keys; every key of the ring decrypts.

    ``text`` is ``id:base64,id:base64`` as in the settings. Raises ``ImproperlyConfigured``.
    """

    def __init__(self, text: str) -> None:
        self._keys: dict[str, AESGCM] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            key_id, separator, encoded = item.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                key = b""
            if not (separator and key_id and len(key) == KEY_BYTES):
                raise ImproperlyConfigured("a key ring is id:base64,… of 32 byte keys")
            if key_id in self._keys:
                # What the one encrypted could not be read with the other.
                raise ImproperlyConfigured(f"key id {key_id!r} stands twice in a key ring")
            self._keys[key_id] = AESGCM(key)
        if not self._keys:
            raise ImproperlyConfigured("a key ring needs at least one key")
        self.active_id = next(iter(self._keys))

    def encrypt(self, plain: bytes, *, bound_to: str) -> tuple[str, bytes]:
        """The active key's id, and nonce and ciphertext; ``bound_to`` must be said to decrypt."""
        nonce = os.urandom(NONCE_BYTES)
        aad = f"{bound_to} {self.active_id}".encode()
        return self.active_id, nonce + self._keys[self.active_id].encrypt(nonce, plain, aad)

    def decrypt(self, key_id: str, stored: bytes, *, bound_to: str) -> bytes:
        """What was encrypted. Raises ``ValueError`` for a retired key, or altered or moved data."""
        cipher = self._keys.get(key_id)
        if cipher is None:
            raise ValueError(f"encryption key {key_id!r} is not in the ring")
        try:
            return cipher.decrypt(
                stored[:NONCE_BYTES], stored[NONCE_BYTES:], f"{bound_to} {key_id}".encode()
            )
        except InvalidTag:
            raise ValueError("the data was altered, moved, or encrypted by another key") from None


@lru_cache(maxsize=4)
def key_ring(text: str) -> KeyRing:
    """The ring that a setting describes; made once per process."""
    return KeyRing(text)
