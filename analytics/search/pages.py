"""Page tokens of searches: where a page ended, bound to the search and to whose it is."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core import signing

from analytics.search.query import Found, Place, Snapshot
from payments_project.errors import InvalidInput
from payments_project.tenancy import Scope

_SALT = "search page"
LENGTH_MAX = 4_000


@dataclass(frozen=True, slots=True)
class PageToken:
    """Behind which payment a page begins, the point in time that it is read from, if there is one,
    and whether the search was one with typos."""

    after: Place
    snapshot: Snapshot | None
    with_typos: bool


def write_token(scope: Scope, asked: Mapping[str, Any], found: Found) -> str:
    """What asks for the page behind ``found``; ``asked`` are the parameters that it must come with
    again."""
    last = found.places[-1]
    content = {
        "id": last.id.hex,
        "amount": last.amount,
        "snapshot": found.snapshot and found.snapshot.id,
        "reached": found.snapshot and found.snapshot.reached_at.isoformat(),
        "typos": found.with_typos,
        "of": _digest(scope, asked),
    }
    return signing.dumps(content, salt=_SALT, compress=True)


def read_token(scope: Scope, asked: Mapping[str, Any], token: str) -> PageToken:
    """Raises ``InvalidInput`` for what was not given as ``next_page`` of this very search."""
    try:
        content = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        raise InvalidInput("That is no next_page of a search.", param="page") from None
    if content["of"] != _digest(scope, asked):
        raise InvalidInput(
            "That is the next_page of another search: give the same parameters with it.",
            param="page",
        )
    snapshot = None
    if content["snapshot"]:
        snapshot = Snapshot(content["snapshot"], datetime.fromisoformat(content["reached"]))
    return PageToken(Place(UUID(content["id"]), content["amount"]), snapshot, content["typos"])


def _digest(scope: Scope, asked: Mapping[str, Any]) -> str:
    text = json.dumps(
        [str(scope.merchant_id), scope.environment, asked], sort_keys=True, default=str
    )
    return hashlib.sha256(text.encode()).hexdigest()[:20]
