"""The format of API keys, and their keyed hash.

``sk_test_`` and 40 random characters (``sk_live_``, ``pk_test_``, ``pk_live_`` alike): 238 bits.
"""

import re
import secrets
import string

from django.conf import settings

from payments_project.encryption.keyed_hash import keyed_hash

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
    return keyed_hash(settings.API_KEY_HASH_KEY, key)
