"""Addresses with ports, as settings write them."""

from ipaddress import ip_address
from typing import NamedTuple

_PORTS = range(1, 65_536)


class SocketAddress(NamedTuple):
    """Where a server listens: an IP address in its usual form (IPv6 without brackets), and a port."""

    address: str
    port: int


def parse_socket_address(text: str) -> SocketAddress:
    """``192.0.2.1:53`` or ``[2001:db8::1]:53``. Raises ``ValueError`` for anything else, a name
    among it."""
    host, _, port = text.strip().rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    address = ip_address(host[1:-1] if is_bracketed else host)
    if is_bracketed is not (address.version == 6):
        raise ValueError(f"{text} is not written as address:port or [address]:port")
    if not (port.isascii() and port.isdigit() and int(port) in _PORTS):
        raise ValueError(f"{text} has no valid port")
    return SocketAddress(str(address), int(port))
