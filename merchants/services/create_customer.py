"""Creating customers."""

from typing import Any

from django.db import IntegrityError, connection, transaction

from merchants.models import Customer
from merchants.personal_data import write_personal_data
from merchants.snapshot import customer_snapshot
from payments_project.actor import Actor
from payments_project.errors import InvalidInput
from payments_project.events.record import record_event
from payments_project.tenancy import Scope


def create_customer(
    *,
    scope: Scope,
    actor: Actor,
    email: str | None = None,
    external_customer_id: str | None = None,
    personal: dict[str, Any] | None = None,
    metadata: dict[str, str] | None = None,
) -> Customer:
    """Makes a customer in the caller's transaction. ``personal`` (name, phone, address,
    birth_date) is encrypted.

    Raises ``InvalidInput`` for an ``external_customer_id`` that another customer has.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuidv7()")  # The encryption is bound to the id.
        (customer_id,) = cursor.fetchone()
    customer = Customer(
        id=customer_id,
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        email=email,
        external_customer_id=external_customer_id,
        metadata=metadata or {},
    )
    write_personal_data(customer, personal or {})
    save_customer(customer, force_insert=True)
    record_event(
        aggregate=customer, type="customer.created", data=customer_snapshot(customer), actor=actor
    )
    return customer


def save_customer(customer: Customer, **options: Any) -> None:
    """Saves; a taken ``external_customer_id`` is ``InvalidInput`` and undoes nothing else."""
    try:
        with transaction.atomic():
            customer.save(**options)
    except IntegrityError as error:
        if "customers_merchant_id_external_customer_id_key" not in str(error):
            raise
        raise InvalidInput(
            "Another customer has this external_customer_id.", param="external_customer_id"
        ) from None
