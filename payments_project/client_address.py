"""From where a request comes, past the proxies that stand before the product."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The client's address, as the audit trail, events and the lock-out take it.

    With ``TRUSTED_PROXIES`` (n) it is the n-th from the right of ``X-Forwarded-For``: each proxy
    adds the address it was called from at the right, and what stands further left is the client's
    own say. Where the header has fewer addresses, or none that can be read, it is the connection's.
    """
    remote: str | None = request.META.get("REMOTE_ADDR") or None
    proxies: int = settings.TRUSTED_PROXIES
    if not proxies:
        return remote
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if len(hops) < proxies:
        return remote
    return _address(hops[-proxies].strip()) or remote


def _address(text: str) -> str | None:
    """An address without the port that some proxies write behind it; None if it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        address = address.ipv4_mapped or address
    return str(address)
