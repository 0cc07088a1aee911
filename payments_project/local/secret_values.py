"""Secrets of a start: made once, random, kept in the data folder's ``env``."""

import base64
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

# 64 hexadecimal characters each: 32 random bytes.
_KEYS = (
    "SECRET_KEY",
    "API_KEY_HASH_KEY",
    "REQUEST_FINGERPRINT_KEY",
    "CARD_FINGERPRINT_KEY",
    "CRYPTOGRAPHY_KEY",
    "SIMULATOR_SIGNING_KEY",
)
_KEY_RINGS = ("VAULT_KEYS", "PII_KEYS")


def password() -> str:
    """A password that needs no quoting in URLs and files."""
    return secrets.token_hex(16)


def complete(known: Mapping[str, str]) -> dict[str, str]:
    """The secrets that are known, and new ones for those that are not.

    A folder from before personal data had a ring of its own keeps the vault's for it, which its
    customers were encrypted with.
    """
    fresh = {name: secrets.token_hex(32) for name in _KEYS}
    fresh |= {name: _key_ring() for name in _KEY_RINGS}
    if vault_keys := known.get("VAULT_KEYS"):
        fresh["PII_KEYS"] = vault_keys
    return {name: known.get(name) or value for name, value in fresh.items()}


def print_for_compose() -> int:
    """Prints all that ``compose.yaml`` asks for, fresh, as lines of a ``.env`` file."""
    print(
        "# Serves plain HTTP on this machine, to try it; compose.yaml says what production needs."
    )
    print("DJANGO_SETTINGS_MODULE=payments_project.settings.local")
    for name in ("POSTGRES_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "REDIS_PASSWORD"):
        print(f"{name}={password()}")
    for name, value in complete({}).items():
        print(f"{name}={value}")
    return 0


def _key_ring() -> str:
    """A ring of one key: ``yyyy-mm:base64 of 32 bytes``."""
    month = datetime.now(UTC).strftime("%Y-%m")
    return f"{month}:{base64.b64encode(secrets.token_bytes(32)).decode()}"
