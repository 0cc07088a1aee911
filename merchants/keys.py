"""The format of API keys, and their keyed hash.

``sk_test_`` and 40 random characters (``sk_live_``, ``pk_test_``, ``pk_live_`` alike): 238 bits.
"""

import hmac
import re
import secrets
import string
from functools import cache

from django.conf import settings

RANDOM_CHARACTERS = 40
PREFIX_CHARACTERS = 16
_ALPHABET = string.ascii_letters + string.digits
_KINDS = {"secret": "sk", "publishable": "pk"}
_FORMAT = re.compile(r"[sp]k_(?:test|live)_[A-Za-z0-9]{40}")


def new_key(*, key_type: str, environment: str) -> str:
    """A fresh key, to be shown once."""
    random = "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return f"{_KINDS[key_type]}_{environment}_{random}"


def is_key(text: str) -> bool:
    """Whether ``text`` has a key's format; nothing else is looked up."""
    return _FORMAT.fullmatch(text) is not None


def key_prefix(key: str) -> str:
    """The characters by which a key is found and recognised; they give nothing away."""
    return key[:PREFIX_CHARACTERS]


def hash_key(key: str) -> str:
    """The keyed hash (HMAC-SHA256) under which a key is stored."""
    digest = _keyed(settings.API_KEY_HASH_KEY).copy()
    digest.update(key.encode())
    return digest.hexdigest()


@cache
def _keyed(secret: str) -> hmac.HMAC:
    # Copied for each use: unlike hmac.digest that doesn't let go of the interpreter's lock.
    return hmac.new(secret.encode(), digestmod="sha256")
