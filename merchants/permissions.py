"""What an API key may be allowed. ``write`` includes ``read``; ``*`` is everything."""

from collections.abc import Iterable

EVERYTHING = "*"
_READ_WRITE = (
    "transactions",
    "refunds",
    "disputes",
    "customers",
    "payment_methods",
    "payouts",
    "webhooks",
    "api_keys",
)
_READ_ONLY = ("events", "reports", "balance")

PERMISSIONS = frozenset(
    [f"{name}:{act}" for name in _READ_WRITE for act in ("read", "write")]
    + [f"{name}:read" for name in _READ_ONLY]
    + [EVERYTHING]
)

# All that a publishable key may do: it is seen by everyone who opens a checkout page.
PUBLISHABLE = ("payment_methods:write",)


def grants(held: Iterable[str], needed: str) -> bool:
    """Whether the permissions ``held`` include ``needed``."""
    permissions = held if isinstance(held, frozenset) else frozenset(held)
    if needed in permissions or EVERYTHING in permissions:
        return True
    name, _, act = needed.partition(":")
    return act == "read" and f"{name}:write" in permissions


def lacking(held: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Those of ``wanted`` that ``held`` does not include, sorted."""
    permissions = frozenset(held)
    return sorted(item for item in set(wanted) if not grants(permissions, item))
