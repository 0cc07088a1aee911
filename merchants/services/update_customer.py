"""Changing and deleting customers."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from merchants.locking import lock_customer
from merchants.models import Customer
from merchants.personal_data import FIELDS, read_personal_data, write_personal_data
from merchants.services.create_customer import save_customer
from merchants.snapshot import customer_snapshot
from payments_project.actor import Actor
from payments_project.errors import ResourceMissing
from payments_project.events.record import record_event
from payments_project.metadata import merge_metadata
from payments_project.tenancy import Scope


def update_customer(
    *, scope: Scope, customer_id: UUID, changes: dict[str, Any], actor: Actor
) -> Customer:
    """Sets the fields in ``changes`` (None clears one), in the caller's transaction; metadata is
    merged. Locks the row. Raises ``ResourceMissing`` (a deleted customer too) and ``InvalidInput``.
    """
    customer = lock_customer(scope=scope, customer_id=customer_id)
    if not customer.is_active:
        raise ResourceMissing(f"The customer was deleted: {customer_id}")
    for name in ("email", "external_customer_id"):
        if name in changes:
            setattr(customer, name, changes[name])
    if "metadata" in changes:
        customer.metadata = merge_metadata(customer.metadata, changes["metadata"])
    personal = {name: changes[name] for name in FIELDS if name in changes}
    if personal:
        write_personal_data(customer, read_personal_data(customer) | personal)
    customer.updated_at = datetime.now(UTC)
    save_customer(customer)
    record_event(
        aggregate=customer, type="customer.updated", data=customer_snapshot(customer), actor=actor
    )
    return customer


def delete_customer(*, scope: Scope, customer_id: UUID, actor: Actor) -> Customer:
    """Deactivates the customer and erases personal data, in the caller's transaction; the row, its
    totals and its payments stay. Again does nothing. Locks the row. Raises ``ResourceMissing``.
    """
    customer = lock_customer(scope=scope, customer_id=customer_id)
    if not customer.is_active:
        return customer
    customer.is_active = False
    customer.email = customer.phone = None
    customer.metadata = {}
    write_personal_data(customer, {})
    customer.updated_at = datetime.now(UTC)
    save_customer(customer)
    record_event(
        aggregate=customer, type="customer.deleted", data=customer_snapshot(customer), actor=actor
    )
    return customer
