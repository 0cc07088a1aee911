"""Merchants and customers for the vault's tests."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from merchants.services.create_customer import create_customer
from merchants.services.create_merchant import create_merchant
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import TEST, Scope


@pytest.fixture
def make_scope() -> Callable[[], Scope]:
    """Opens a merchant account: its test side."""

    def make() -> Scope:
        merchant = create_merchant(
            actor=SYSTEM, business_name="Vault tests", email=f"{uuid4().hex}@example.com"
        )
        return Scope(merchant.pk, TEST)

    return make


@pytest.fixture
def scope(make_scope: Callable[[], Scope]) -> Scope:
    """A merchant that no other test knows."""
    return make_scope()


@pytest.fixture
def make_customer() -> Callable[[Scope], UUID]:
    """Creates a customer and returns its id."""

    def make(scope: Scope) -> UUID:
        return run_in_transaction(lambda: create_customer(scope=scope, actor=SYSTEM).pk)

    return make


@pytest.fixture
def customer_id(make_customer: Callable[[Scope], UUID], scope: Scope) -> UUID:
    """A customer of ``scope``."""
    return make_customer(scope)
