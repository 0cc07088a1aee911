"""Whose address it is, directly and behind proxies that add theirs."""

import pytest
from django.test import RequestFactory

from payments_project.client_address import client_address

SOCKET = "10.0.0.9"


def seen(settings, proxies: int, forwarded: str | None) -> str | None:
    settings.TRUSTED_PROXIES = proxies
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return client_address(RequestFactory().get("/", REMOTE_ADDR=SOCKET, **headers))


def test_without_proxies_the_header_is_the_clients_own_say(settings):
    assert seen(settings, 0, "203.0.113.7") == SOCKET


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "1.2.3.4, 203.0.113.7", "203.0.113.7"),
        (2, "1.2.3.4, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
        (1, "203.0.113.7:4711", "203.0.113.7"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "2001:DB8:0::1", "2001:db8::1"),
        (1, "::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_behind_proxies_it_is_what_the_outermost_of_them_saw(settings, proxies, forwarded, address):
    assert seen(settings, proxies, forwarded) == address


@pytest.mark.parametrize(
    "forwarded",
    [None, "", "unknown", "1.2.3.4,", "a\0b", "fe80::1%eth0", "x" * 10_000, "1.2.3.256"],
)
def test_what_is_no_address_leaves_the_connections(settings, forwarded):
    assert seen(settings, 1, forwarded) == SOCKET


def test_fewer_addresses_than_proxies_leave_the_connections(settings):
    assert seen(settings, 2, "203.0.113.7") == SOCKET
