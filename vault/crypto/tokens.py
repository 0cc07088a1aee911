"""Tokens: what stands for a card outside the vault."""

import os
import re

TOKEN_PREFIX = "pm_"  # noqa: S105 (a prefix, not a password)
TOKEN_PATTERN = re.compile(r"pm_[A-Za-z0-9]{24,97}")

_RANDOM_BYTES = 16


def new_token() -> str:
    """``pm_`` and 128 random bits in hexadecimal: it tells nothing of the card."""
    return TOKEN_PREFIX + os.urandom(_RANDOM_BYTES).hex()


def is_token(text: str) -> bool:
    """Whether ``text`` has a token's form; anything else is not looked up and never echoed."""
    return TOKEN_PATTERN.fullmatch(text) is not None
