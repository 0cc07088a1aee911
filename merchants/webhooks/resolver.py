"""Where a name leads, asked for by ourselves, so that what is checked is what is connected to."""

import functools
import math
import time
from ipaddress import ip_address

import dns.exception
import dns.nameserver
import dns.resolver
from django.conf import settings

from merchants.webhooks.addresses import Address, is_loopback, is_public
from merchants.webhooks.urls import literal_address
from payments_project.socket_addresses import parse_socket_address

_LOCALHOST = ("127.0.0.1", "::1")
# The kinds of addresses in the order in which they are asked for and tried. Where nobody answers for
# the second, what the first has is gone by after so many seconds: a silent server takes two of them,
# and the next one shall have its turn.
_KINDS = (("A", math.inf), ("AAAA", 5.0))


class NameNotResolved(Exception):
    """The name has no address, or nobody could be asked in time."""


class AddressRefused(Exception):
    """The host leads, or leads among others, to an address that nothing may be sent to."""


def checked_addresses(host: str, *, seconds: float, with_loopback: bool) -> list[Address]:
    """Every address of ``host`` (a name, or an address without brackets), IPv4 first.

    All of them are public, or, ``with_loopback``, this host's own. One that is not has them all
    refused: whoever mixes them in an answer waits for the second try to take the other. Takes
    ``seconds`` at most. Raises ``NameNotResolved`` and ``AddressRefused``.
    """
    found = _addresses_of(host, seconds)
    for address in found:
        if not is_public(address) and not (with_loopback and is_loopback(address)):
            raise AddressRefused
    return found


def _addresses_of(host: str, seconds: float) -> list[Address]:
    literal = literal_address(host)
    if literal is not None:
        return [literal]
    # Never asked for (RFC 6761); refused like any other loopback where it is not allowed.
    if host == "localhost":
        return [ip_address(address) for address in _LOCALHOST]
    ends = time.monotonic() + seconds
    addresses: list[Address] = []
    failure: Exception | None = None
    for kind, seconds_max in _KINDS:
        try:
            # Each by itself: resolve_name() gives all servers together the time of one question.
            answer = _resolver(tuple(settings.WEBHOOK_DNS_SERVERS)).resolve(
                host,
                kind,
                lifetime=max(0.0, min(ends - time.monotonic(), seconds_max)),
                raise_on_no_answer=False,
                search=False,
            )
            addresses += [ip_address(record.address) for record in answer]
        except (dns.exception.DNSException, OSError) as error:
            # There are name servers that know one kind alone, and fail or are silent for the other.
            failure = failure or error
    if not addresses:
        raise NameNotResolved from failure
    return addresses


@functools.cache
def _resolver(servers: tuple[str, ...]) -> dns.resolver.Resolver:
    """Without a cache: a name is asked for at each connection. ``servers`` as ``address:port``, or
    none for the system's. Raises ``ValueError`` for one that is written differently."""
    if not servers:
        return dns.resolver.Resolver()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [
        dns.nameserver.Do53Nameserver(*parse_socket_address(server)) for server in servers
    ]
    return resolver
