"""Key rings: several keys with ids, so that new data has the new key and old data stays readable."""

import base64
import binascii
import os
import re
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
NONCE_BYTES = 12

_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")


def parse_key_ring(text: str, *, setting: str) -> dict[str, bytes]:
    """``"id:base64[,id:base64…]"`` as a mapping in the same order; 32 bytes a key.

    Raises ``ImproperlyConfigured`` naming the setting and the entry's place or id, never its key.
    """
    keys: dict[str, bytes] = {}
    for place, entry in enumerate(text.split(","), start=1):
        key_id, colon, encoded = entry.strip().partition(":")
        if not colon or not _KEY_ID.fullmatch(key_id):
            raise ImproperlyConfigured(f"{setting}: entry {place} is not of the form id:base64")
        if key_id in keys:
            raise ImproperlyConfigured(f"{setting}: key id {key_id!r} stands there twice")
        keys[key_id] = _decode_key(key_id, encoded, setting)
    if len(set(keys.values())) != len(keys):
        raise ImproperlyConfigured(f"{setting}: two ids share one key; that is no rotation")
    return keys


def _decode_key(key_id: str, encoded: str, setting: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(f"{setting}: key {key_id!r} is not {KEY_BYTES} bytes in base64")
    return key


class KeyRing:
    """AES-256-GCM under the first of several keys; every key of the ring decrypts.

    ``text`` is the value of ``setting`` (``parse_key_ring``). Raises ``ImproperlyConfigured``.
    """

    def __init__(self, text: str, *, setting: str) -> None:
        keys = parse_key_ring(text, setting=setting)
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.active_id = next(iter(keys))

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
def key_ring(text: str, *, setting: str) -> KeyRing:
    """The ring that a setting describes; made once per process."""
    return KeyRing(text, setting=setting)
