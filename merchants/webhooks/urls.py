"""Which URLs an endpoint may have. Whoever reads one must come to the same host as we do.

So a host is written in exactly one of three ways: a dotted quad, an IPv6 address in brackets, or a
name. What other programs may take for an address (``2130706433``, ``0x7f.1``, ``127.1``, digits of
other scripts) is refused. Where a name leads is looked at when something is sent (``resolver``).
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import idna
from django.conf import settings

from merchants.webhooks.addresses import Address, is_loopback, is_public
from payments_project.errors import InvalidInput
from payments_project.tenancy import TEST

LENGTH_MAX = 2_048
NAME_LENGTH_MAX = 253
PORTS = {"http": 80, "https": 443}
# Below it lie ports of services that are not the web's.
PORT_LEAST = 1_024
PORT_MOST = 65_535

# What a URL may be written in (RFC 3986), and letters of other scripts in its host.
_WRITTEN = re.compile(r"[^\x00-\x20\x7f\\\"<>^`{|}]+")
# Host and port, and nothing beside or between them that one program reads over and another does not.
_PLACE = re.compile(
    r"(?:\[([0-9a-f:.]+)\]|([^\[\]:@]+))(?::([0-9]{0,5}))?", re.ASCII | re.IGNORECASE
)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
# A last label that some program may take for a number (WHATWG URL, "ends in a number").
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)
# Names that are nobody's, or this network's own: RFC 3172 (with 8375's home.arpa), 6761, 6762, 7686,
# 9476, and ICANN's .internal.
_RESERVED = (
    "alt",
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "test",
)


class _Refused(Exception):
    """Why, in words for the merchant."""


def require_webhook_url(url: str, *, environment: str) -> str:
    """The URL in its normal form. Raises ``InvalidInput`` with what is to be mended.

    ``https``, or ``http`` for test mode; a public host; no user, no fragment; port 80, 443 or from
    1024 on. ``WEBHOOK_ALLOW_LOOPBACK`` lets test mode name ``localhost`` and loopback addresses.
    """
    try:
        return _normal(url, environment)
    except _Refused as refusal:
        raise InvalidInput(str(refusal), param="url") from None


def allows_loopback(environment: str) -> bool:
    """Whether endpoints of this environment may be on this host."""
    return bool(settings.WEBHOOK_ALLOW_LOOPBACK) and environment == TEST


def literal_address(host: str) -> Address | None:
    """The address that ``host`` (without brackets) writes out, or None for a name."""
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(host)
    except AddressValueError:
        return None


class _Place(NamedTuple):
    """Host (in brackets: an IPv6 address) and port as they are written."""

    host: str
    in_brackets: bool
    port: int | None


def _normal(url: str, environment: str) -> str:
    if len(url) > LENGTH_MAX:
        raise _Refused(f"A URL has at most {LENGTH_MAX} characters.")
    if not _WRITTEN.fullmatch(url):
        raise _Refused("The URL holds a character that has to be percent-encoded.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _Refused("This is not a URL.") from None
    _require_plain(parts, environment)
    place = _place(parts.netloc)
    host = _host(place, environment)
    shown = f"[{host}]" if ":" in host else host
    port = "" if place.port in (None, PORTS[parts.scheme]) else f":{place.port}"
    path = parts.path or "/"
    if not path.isascii() or not parts.query.isascii():
        raise _Refused("Path and query have to be percent-encoded.")
    query = f"?{parts.query}" if parts.query else ""
    normal = f"{parts.scheme}://{shown}{port}{path}{query}"
    # A name of another script is longer in its ASCII form.
    if len(normal) > LENGTH_MAX:
        raise _Refused(f"A URL has at most {LENGTH_MAX} characters, its host in ASCII.")
    return normal


def _require_plain(parts: SplitResult, environment: str) -> None:
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise _Refused("Give an absolute https URL, such as https://shop.example/webhooks.")
    if parts.scheme == "http" and environment != TEST:
        raise _Refused("In live mode the URL must be https.")
    if "@" in parts.netloc:
        raise _Refused("The URL may not hold a user or password.")
    if parts.fragment:
        raise _Refused("The URL may not have a fragment.")


def _place(netloc: str) -> _Place:
    found = _PLACE.fullmatch(netloc)
    if found is None:
        raise _Refused("The URL has no valid host.")
    in_brackets, plain, digits = found.groups()
    port = int(digits) if digits else None
    if port is not None and port not in PORTS.values() and not PORT_LEAST <= port <= PORT_MOST:
        raise _Refused("The port must be 80, 443, or 1024 and above.")
    if in_brackets:
        return _Place(in_brackets, True, port)
    # One dot at the end is the root's; what is written with it is the same host.
    return _Place(plain.removesuffix("."), False, port)


def _host(place: _Place, environment: str) -> str:
    address = literal_address(place.host)
    if address is not None:
        if is_public(address) or (allows_loopback(environment) and is_loopback(address)):
            return str(address)
        raise _Refused("The host is not a public address.")
    if place.in_brackets:
        raise _Refused("The host is not a valid IPv6 address.")
    name = _ascii_name(place.host)
    if name == "localhost" and allows_loopback(environment):
        return name
    labels = name.split(".")
    if len(name) > NAME_LENGTH_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        raise _Refused("The host is not a valid name.")
    if _is_number(labels[-1]):
        raise _Refused("The host is neither a name nor an address in its usual form.")
    if len(labels) < 2 or any(name == end or name.endswith(f".{end}") for end in _RESERVED):
        raise _Refused("The host is not a public name.")
    return name


def _ascii_name(host: str) -> str:
    """Strictly by IDNA 2008: characters that only look like others (``①``, ``。``) are none, nor are
    ASCII forms (``xn--``) that stand for nothing."""
    name = host.lower()
    try:
        if not name.isascii():
            return idna.encode(name, strict=True, uts46=False).decode()
        for label in name.split("."):
            if label.startswith("xn--"):
                idna.ulabel(label)
    except idna.IDNAError:
        raise _Refused("The host is not a valid international name.") from None
    return name


def _is_number(label: str) -> bool:
    """Whether some program may take a last label for one: digits of any script are digits to
    Python's ``int``, for one."""
    shown = idna.ulabel(label) if label.startswith("xn--") else label
    return bool(_NUMBER.fullmatch(label)) or shown.isdigit()
