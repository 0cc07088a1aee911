"""Authentication by API key.

A key that was verified is remembered in the process for half a minute, so that a call costs a keyed
hash and a look-up. A change reaches the other processes at once through Redis
(``payments_project.api.changed_keys``); while that is away, what is remembered holds five seconds.
"""

import base64
import binascii
import json
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from merchants import states
from merchants.errors import ApiKeyExpired, MerchantNotActive
from merchants.keys import hash_key, is_key, key_prefix
from merchants.models import ApiKey
from merchants.permissions import grants, lacking
from merchants.services.touch_api_key import touch_api_key
from merchants.terms import MerchantTerms, make_terms
from payments_project.api.changed_keys import mark_changed
from payments_project.database.statements import fetch_one
from payments_project.errors import NotAuthenticated
from payments_project.tenancy import LIVE

REMEMBERED_SECONDS = 30.0
# While nobody can say whether a key has changed.
REMEMBERED_ALONE_SECONDS = 5.0
_REMEMBERED_MAX = 20_000

# Run for most payments where many merchants take turns, so by the shorter way.
_KEY = """
    SELECT api_key.key_hash, api_key.id, api_key.merchant_id, api_key.environment,
           api_key.key_type, api_key.permissions, api_key.is_active, api_key.expires_at,
           api_key.rate_limit_per_second, api_key.rate_limit_per_hour,
           merchant.status, merchant.fee_structure, merchant.settlement_delay_days,
           merchant.processing_config
      FROM merchant_api_keys AS api_key JOIN merchants AS merchant
        ON merchant.id = api_key.merchant_id
"""
_KEY_BY_PREFIX = f"{_KEY} WHERE api_key.key_prefix = %s AND api_key.key_hash = %s"
_KEY_BY_ID = f"{_KEY} WHERE api_key.id = %s"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a verified key, its merchant and the terms that its payments have; all as the
    database had them at ``read_at`` (of ``time.monotonic``)."""

    read_at: float
    key_hash: str
    api_key_id: UUID
    merchant_id: UUID
    environment: str
    key_type: str
    permissions: frozenset[str]
    expires_at: datetime | None
    rate_limit_per_second: int | None
    rate_limit_per_hour: int | None
    merchant_status: str
    terms: MerchantTerms

    def has(self, permission: str) -> bool:
        """Whether the key may do what needs ``permission``."""
        return grants(self.permissions, permission)

    def may_all_of(self, api_key_id: UUID | None) -> bool:
        """Whether the key may do whatever that key of the merchant's may; None is anybody's."""
        if api_key_id in (None, self.api_key_id):
            return True
        held = ApiKey.objects.values_list("permissions", "key_type").get(pk=api_key_id)
        return self.key_type in ("secret", held[1]) and not lacking(self.permissions, held[0] or ())

    def read_anew(self) -> "Caller":
        """The same key as the database has it now. Raises ``NotAuthenticated`` for one that has
        ended, and ``ApiKeyExpired`` past its time."""
        return _unexpired(_remembered(_KEY_BY_ID, [self.api_key_id]))

    def remembered_alone(self) -> "Caller":
        """The same key where nobody tells of changes: read anew, as ``read_anew``, once it was
        read over ``REMEMBERED_ALONE_SECONDS`` ago."""
        is_recent = time.monotonic() - self.read_at < REMEMBERED_ALONE_SECONDS
        return self if is_recent else self.read_anew()


def require_active_merchant(caller: Caller) -> None:
    """Raises ``MerchantNotActive`` where live payments are not (or no longer) taken. For what takes
    money: what gives it back must stay possible."""
    if caller.environment == LIVE and caller.merchant_status != states.ACTIVE:
        raise MerchantNotActive(f"The account is {caller.merchant_status}.")


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer sk_…``, or the key as HTTP Basic user name."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        """Returns no user and the ``Caller``. Raises ``NotAuthenticated``, ``ApiKeyExpired``."""
        caller = verify_key(_presented_key(request.META.get("HTTP_AUTHORIZATION", "")))
        touch_api_key(caller.api_key_id)
        return None, caller

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="payments"'


class _Memory:
    """The callers of verified keys, by the key's hash."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.lock = threading.Lock()


_memory = _Memory()


def verify_key(key: str) -> Caller:
    """The key's caller. Raises ``NotAuthenticated``, and ``ApiKeyExpired`` past its time."""
    if not is_key(key):
        raise NotAuthenticated("No valid API key was sent.")
    digest = hash_key(key)
    caller = _memory.callers.get(digest)
    if caller is None or time.monotonic() - caller.read_at >= REMEMBERED_SECONDS:
        caller = _remembered(_KEY_BY_PREFIX, [key_prefix(key), digest])
    return _unexpired(caller)


def forget_keys(key_ids: Iterable[UUID]) -> None:
    """Makes a change of these keys, or of their merchant, effective in every process.

    Called once the change is committed: before that, the next call would remember the old row.
    A look-up that is under way keeps what it read in the dictionary that is dropped here.
    """
    _memory.callers = {}
    mark_changed(key_ids)


def _remembered(statement: str, parameters: Sequence[Any]) -> Caller:
    """The key that a statement finds, remembered from now on."""
    # Before it is read: a change in between drops this dictionary.
    callers, read_at = _memory.callers, time.monotonic()
    caller = _valid_caller(fetch_one(statement, parameters), read_at)
    with _memory.lock:
        if len(callers) >= _REMEMBERED_MAX:
            callers.clear()
        callers[caller.key_hash] = caller
    return caller


def _valid_caller(row: tuple[Any, ...] | None, read_at: float) -> Caller:
    if row is None or not row[6]:
        raise NotAuthenticated("No valid API key was sent.")
    return _caller(row, read_at)


def _unexpired(caller: Caller) -> Caller:
    if caller.expires_at is not None and caller.expires_at <= datetime.now(UTC):
        raise ApiKeyExpired("The API key has expired.")
    return caller


def _caller(row: tuple[Any, ...], read_at: float) -> Caller:
    (key_hash, key_id, merchant_id, environment, key_type, permissions, _active, expires_at, per_second,
     per_hour, status, fee_structure, delay_days, config) = row  # fmt: skip
    return Caller(
        read_at=read_at,
        key_hash=key_hash,
        api_key_id=key_id,
        merchant_id=merchant_id,
        environment=environment,
        key_type=key_type,
        permissions=frozenset(permissions or ()),
        expires_at=expires_at,
        rate_limit_per_second=per_second,
        rate_limit_per_hour=per_hour,
        merchant_status=status,
        terms=make_terms(
            fee_structure=_json(fee_structure),
            settlement_delay_days=delay_days,
            processing_config=_json(config),
        ),
    )


def _json(value: Any) -> dict[str, Any]:
    """Within a transaction JSONB comes as text."""
    return json.loads(value) if isinstance(value, str) else value or {}


def _presented_key(header: str) -> str:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(credentials.strip(), validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return decoded.partition(":")[0]
    return ""
