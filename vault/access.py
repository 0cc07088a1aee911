"""The only door to a merchant's payment methods."""

from django.db.models import QuerySet

from payments_project.errors import ResourceMissing
from payments_project.tenancy import Scope
from vault.crypto.tokens import is_token
from vault.models import PaymentMethod


def payment_methods_of(*, scope: Scope) -> QuerySet[PaymentMethod]:
    """All payment methods of the merchant in the environment, in no order."""
    return PaymentMethod.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment
    )


def get_payment_method(*, scope: Scope, token: str, param: str | None = None) -> PaymentMethod:
    """The merchant's payment method behind ``token``, detached ones included.

    Raises ``ResourceMissing`` for another merchant's or environment's, and for what isn't even of
    a token's form; the message never repeats what was sent, which might be a card number.
    ``param`` names the field that held the token, if it did not stand in the path.
    """
    if is_token(token):
        found = payment_methods_of(scope=scope).filter(token=token).first()
        if found is not None:
            return found
    raise payment_method_missing(param=param)


def payment_method_missing(*, param: str | None) -> ResourceMissing:
    """The error for a token that leads nowhere."""
    return ResourceMissing("No such payment method.", param=param)
