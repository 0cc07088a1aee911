"""Keyed hashes of what must be recognised and not be guessed."""

import hmac
from functools import cache


def keyed_hash(secret: str, message: str) -> str:
    """HMAC-SHA256 of ``message`` under ``secret``, a setting: 64 hexadecimal digits."""
    digest = _under(secret).copy()
    digest.update(message.encode())
    return digest.hexdigest()


@cache
def _under(secret: str) -> hmac.HMAC:
    # Copied for each use: unlike hmac.digest that doesn't let go of the interpreter's lock.
    return hmac.new(secret.encode(), digestmod="sha256")
