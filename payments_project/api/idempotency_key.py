"""The ``Idempotency-Key`` header."""

from django.http import HttpRequest

HEADER = "HTTP_IDEMPOTENCY_KEY"


def idempotency_key_of(request: HttpRequest) -> str | None:
    """The key as sent, if it may be recorded: at most 255 printable ASCII characters."""
    key = request.META.get(HEADER)
    return key if key and is_valid_key(key) else None


def is_valid_key(key: str) -> bool:
    """Whether a key is one that we keep."""
    return 0 < len(key) <= 255 and key.isascii() and key.isprintable()
