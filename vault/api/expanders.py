"""``expand[]=payment_method``."""

from typing import Any

from payments_project.api.expand import register_expander
from payments_project.tenancy import Scope
from vault.access import payment_methods_of
from vault.api.objects import payment_method_object


def load_payment_methods(scope: Scope, tokens: list[str]) -> dict[str, dict[str, Any]]:
    """The merchant's payment methods by token, detached ones included."""
    rows = payment_methods_of(scope=scope).filter(token__in=tokens)
    return {row.token: payment_method_object(row).model_dump(mode="json") for row in rows}


def register_expanders() -> None:
    """Called when the app is ready."""
    register_expander("payment_method", load_payment_methods, permission="payment_methods:read")
