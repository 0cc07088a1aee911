"""Merchants' scopes and customers for the vault's tests."""

from collections.abc import Callable
from uuid import UUID

import pytest

from merchants.services.create_customer import create_customer
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import Scope
from tests.merchants.making import MadeMerchant, make_merchant


@pytest.fixture
def make_scope() -> Callable[[], Scope]:
    """The test side of a merchant that no other test knows."""
    return lambda: make_merchant().scope()


@pytest.fixture
def scope(merchant: MadeMerchant) -> Scope:
    """The test side of the test's merchant."""
    return merchant.scope()


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
