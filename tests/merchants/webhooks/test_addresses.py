"""Which addresses are public: every refused network with its neighbours at both edges."""

from ipaddress import ip_address, ip_network

import pytest

from merchants.webhooks.addresses import is_loopback, is_public

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "192.31.196.1",  # AS112, which the registry calls global
    "2606:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450:4001:82a::200e",
    "2000::",
)

# The network, and what lies before and behind it: None where that is refused as well.
NETWORKS_4 = (
    ("0.0.0.0/8", None, "1.0.0.0"),
    ("10.0.0.0/8", "9.255.255.255", "11.0.0.0"),
    ("100.64.0.0/10", "100.63.255.255", "100.128.0.0"),
    ("127.0.0.0/8", "126.255.255.255", "128.0.0.0"),
    ("168.63.129.16/32", "168.63.129.15", "168.63.129.17"),
    ("169.254.0.0/16", "169.253.255.255", "169.255.0.0"),
    ("172.16.0.0/12", "172.15.255.255", "172.32.0.0"),
    ("192.0.0.0/24", "191.255.255.255", "192.0.1.0"),
    ("192.0.2.0/24", "192.0.1.255", "192.0.3.0"),
    ("192.88.99.0/24", "192.88.98.255", "192.88.100.0"),
    ("192.168.0.0/16", "192.167.255.255", "192.169.0.0"),
    ("198.18.0.0/15", "198.17.255.255", "198.20.0.0"),
    ("198.51.100.0/24", "198.51.99.255", "198.51.101.0"),
    ("203.0.113.0/24", "203.0.112.255", "203.0.114.0"),
    ("224.0.0.0/4", "223.255.255.255", None),
    ("240.0.0.0/4", None, None),
)
NETWORKS_6 = (
    ("::/3", None, "2000::"),
    ("2001::/23", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"),
    ("2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
    ("2002::/16", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"),
    ("3fff::/20", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"),
    ("4000::/2", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("8000::/1", None, None),
    # Within those above, and each a way inside of its own.
    ("::ffff:0:0/96", None, None),
    ("64:ff9b::/96", None, None),
    ("64:ff9b:1::/48", None, None),
    ("100::/64", None, None),
    ("2001::/32", None, None),
    ("2001:2::/48", None, None),
    ("2001:20::/28", None, None),
    ("5f00::/16", None, None),
    ("fc00::/7", None, None),
    ("fe80::/10", None, None),
    ("fec0::/10", None, None),
    ("ff00::/8", None, None),
)

OTHERS_REFUSED = (
    "::",
    "::1",
    "::8.8.8.8",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2001:4860::5efe:8.8.8.8",
    "2001:4860::200:5efe:808:808",
    "fd00:ec2::254",
    "fe80::1%eth0",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(("network", "before", "behind"), [*NETWORKS_4, *NETWORKS_6])
def test_a_network_is_refused_from_edge_to_edge(
    network: str, before: str | None, behind: str | None
) -> None:
    refused = ip_network(network)
    first, last = refused[0], refused[-1]

    assert not is_public(first)
    assert not is_public(refused[refused.num_addresses // 2])
    assert not is_public(last)
    if before is not None:
        assert ip_address(before) == first - 1
        assert is_public(first - 1)
    if behind is not None:
        assert ip_address(behind) == last + 1
        assert is_public(last + 1)


@pytest.mark.parametrize("address", OTHERS_REFUSED)
def test_forms_that_carry_or_hide_an_address_are_refused(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "beside", ["2001:4860::5efd:808:808", "2001:4860::5eff:808:808", "2001:4860::201:5efe:808:808"]
)
def test_interface_ids_beside_isatap_are_public(beside: str) -> None:
    assert is_public(ip_address(beside))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.0", True),
        ("127.0.0.1", True),
        ("127.255.255.255", True),
        ("::1", True),
        ("126.255.255.255", False),
        ("128.0.0.0", False),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("::2", False),
        ("::ffff:127.0.0.1", False),
        ("::127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("10.0.0.1", False),
        ("8.8.8.8", False),
    ],
)
def test_loopback_is_only_what_says_so_plainly(address: str, expected: bool) -> None:
    assert is_loopback(ip_address(address)) is expected
