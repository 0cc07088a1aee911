"""Short secrets that must be shown again, such as a new API key within a replayed reply.

Fernet (AES-128-CBC with HMAC-SHA256) under a key derived from ``STORED_SECRETS_KEY``.
"""

import base64
import hashlib
import hmac
from functools import cache

from cryptography.fernet import Fernet
from django.conf import settings


def encrypt_secret(text: str) -> bytes:
    """``text``, encrypted and authenticated."""
    return _fernet(settings.STORED_SECRETS_KEY).encrypt(text.encode())


def decrypt_secret(token: bytes | memoryview) -> str:
    """What ``encrypt_secret`` was given. Raises ``cryptography.fernet.InvalidToken``."""
    return _fernet(settings.STORED_SECRETS_KEY).decrypt(bytes(token)).decode()


@cache
def _fernet(key: str) -> Fernet:
    derived = hmac.new(key.encode(), b"stored replies", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(derived))
