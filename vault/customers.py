"""Whether a customer may own a card. Customers live in ``merchants``, maybe in another database."""

from uuid import UUID

from merchants.access import get_active_customer
from payments_project.tenancy import Scope


def check_customer(*, scope: Scope, customer_id: UUID) -> None:
    """Raises ``ResourceMissing`` (``param="customer"``) unless the customer exists and is active.

    A customer that is deleted at this very moment may still get the card: nothing here locks a
    row of another app.
    """
    get_active_customer(scope=scope, customer_id=customer_id, param="customer")
