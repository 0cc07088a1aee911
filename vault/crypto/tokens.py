"""Tokens: what stands for a card outside the vault."""

import base64
import os
import re

TOKEN_PREFIX = "pm_"  # noqa: S105 (a prefix, not a password)
TOKEN_RANDOM_CHARACTERS = 28
TOKEN_PATTERN = re.compile(r"pm_[A-Za-z0-9]{24,97}")

_RANDOM_BYTES = 33


def new_token() -> str:
    """``pm_`` and 28 random characters of [A-Za-z0-9]: 166 bits, tells nothing of the card.

    Base64 with its two other characters dropped is uniform over the 62 that stay. Of 44
    characters, more than 16 are dropped once in some 10**14 calls, hence the loop.
    """
    while True:
        characters = base64.b64encode(os.urandom(_RANDOM_BYTES)).translate(None, b"+/")
        if len(characters) >= TOKEN_RANDOM_CHARACTERS:
            return TOKEN_PREFIX + characters[:TOKEN_RANDOM_CHARACTERS].decode("ascii")


def is_token(text: str) -> bool:
    """Whether ``text`` has a token's form; anything else is not looked up and never echoed."""
    return TOKEN_PATTERN.fullmatch(text) is not None
