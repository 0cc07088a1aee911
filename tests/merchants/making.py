"""Making merchants for tests, through the services."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx

from merchants.services.create_api_key import create_api_key
from merchants.services.create_merchant import create_merchant
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import Scope
from tests.api_client import Api
from tests.server import Server

FEES = {"percent_bps": 290, "fixed": {"USD": 30, "EUR": 30}, "dispute": {"USD": 1500}}


@dataclass(frozen=True)
class MadeMerchant:
    """A merchant and the key that may do everything, per environment."""

    id: UUID
    keys: dict[str, str]

    def scope(self, environment: str = "test") -> Scope:
        return Scope(self.id, environment)


def make_merchant(**details: object) -> MadeMerchant:
    """An active merchant: 2.9 % and 30 cents, two days until money is available."""
    merchant = create_merchant(
        actor=SYSTEM,
        business_name="Corner Shop",
        email=f"{uuid.uuid4()}@shop.test",
        **{"status": "active", "fee_structure": FEES, **details},
    )
    keys = {}
    for environment in ("test", "live"):
        keys[environment] = make_key(Scope(merchant.pk, environment))
    return MadeMerchant(merchant.pk, keys)


def make_key(scope: Scope, *permissions: str, **details: object) -> str:
    """A key of the scope; for everything unless permissions are named."""
    _, key = run_in_transaction(
        lambda: create_api_key(
            scope=scope,
            actor=SYSTEM,
            name="tests",
            permissions=permissions or ("*",),
            **details,  # type: ignore[arg-type]
        )
    )
    return key


@contextmanager
def client_of(server: Server, merchant: MadeMerchant, environment: str) -> Iterator[Api]:
    """The API as the merchant's key of an environment sees it."""
    key = merchant.keys[environment]
    limits = httpx.Limits(max_connections=100)
    with httpx.Client(
        base_url=server.url,
        headers={"Authorization": f"Bearer {key}"},
        limits=limits,
        timeout=30,
    ) as http:
        yield Api(merchant.scope(environment), key, http)
