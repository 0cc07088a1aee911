"""Which addresses a webhook may go to: those of the public Internet, in one form each.

Everything else could be a way inside: private and shared networks, this host, cloud providers'
metadata services, and the many forms in which IPv6 can carry an IPv4 address. Sources: the IANA
special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

# Beside what Python's is_global leaves out.
_REFUSED_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network, RFC 791
            "100.64.0.0/10",  # shared by carriers, RFC 6598
            "168.63.129.16/32",  # Azure's host itself, from each of its machines, in no registry
            "192.0.0.0/24",  # protocol assignments, RFC 6890
            "192.88.99.0/24",  # 6to4 relays, RFC 7526
            "198.18.0.0/15",  # benchmarking, RFC 2544
            "224.0.0.0/4",  # multicast, RFC 5771
            "240.0.0.0/4",  # reserved, RFC 1112
        ),
    )
)
# All unicast that is assigned to anybody lies in here, RFC 4291. Not loopback, mapped and compatible
# IPv4, NAT64 (RFC 6052, RFC 8215), unique local, link and site local, multicast.
_UNICAST_6 = IPv6Network("2000::/3")
_REFUSED_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo (RFC 4380) among them
            "2001:db8::/32",  # documentation, RFC 3849
            "2002::/16",  # 6to4 carries an IPv4 address, RFC 3056
            "3fff::/20",  # documentation, RFC 9637
        ),
    )
)
# ISATAP's interface ids carry an IPv4 address, RFC 5214.
_ISATAP = (0x00005EFE, 0x02005EFE)


def is_public(address: Address) -> bool:
    """Whether a webhook may be sent to ``address``."""
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_4)
    if address not in _UNICAST_6 or any(address in network for network in _REFUSED_6):
        return False
    return (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP


def is_loopback(address: Address) -> bool:
    """Whether ``address`` is this host, said plainly: 127.0.0.0/8 or ::1."""
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None
