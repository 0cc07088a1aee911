"""Changing and deleting customers."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from merchants.erasure import erase_elsewhere
from merchants.locking import lock_customer
from merchants.models import Customer
from merchants.personal_data import FIELDS, read_personal_data, write_personal_data
from merchants.services.create_customer import save_customer
from merchants.snapshot import customer_snapshot
from payments_project.actor import Actor
from payments_project.errors import ResourceMissing
from payments_project.events.record import record_event
from payments_project.idempotency.keys import forget_secrets
from payments_project.metadata import merge_metadata
from payments_project.tenancy import Scope

_COLUMNS = ("email", "external_customer_id")


def update_customer(
    *, scope: Scope, customer_id: UUID, changes: dict[str, Any], actor: Actor
) -> Customer:
    """Sets the fields in ``changes`` (None clears one), in the caller's transaction; metadata is
    merged. Writes ``customer.updated`` if anything changed. Locks the row.

    Raises ``ResourceMissing`` (a deleted customer too) and ``InvalidInput``.
    """
    customer = lock_customer(scope=scope, customer_id=customer_id)
    if not customer.is_active:
        raise ResourceMissing(f"The customer was deleted: {customer_id}")
    columns = {name: changes[name] for name in _COLUMNS if name in changes}
    if "metadata" in changes:
        columns["metadata"] = merge_metadata(customer.metadata, changes["metadata"])
    before = read_personal_data(customer)
    personal = before | {name: changes[name] for name in FIELDS if name in changes}
    if personal == before and all(getattr(customer, name) == columns[name] for name in columns):
        return customer
    if columns.get("email", customer.email) != customer.email:
        customer.email_sequence = customer.event_sequence + 1
    for name, value in columns.items():
        setattr(customer, name, value)
    if personal != before:
        write_personal_data(customer, personal)
    customer.updated_at = datetime.now(UTC)
    save_customer(customer)
    record_event(
        aggregate=customer, type="customer.updated", data=customer_snapshot(customer), actor=actor
    )
    return customer


def delete_customer(*, scope: Scope, customer_id: UUID, actor: Actor) -> Customer:
    """Deactivates the customer and erases personal data, in the caller's transaction; the row, its
    totals and its payments stay, its cards are detached (``merchants.erasure``). Again does nothing.
    Locks the row. Raises ``ResourceMissing``.
    """
    customer = lock_customer(scope=scope, customer_id=customer_id)
    if not customer.is_active:
        return customer
    customer.is_active = False
    customer.email = customer.phone = None
    customer.email_sequence = customer.event_sequence + 1
    customer.metadata = {}
    write_personal_data(customer, {})
    customer.updated_at = datetime.now(UTC)
    save_customer(customer)
    record_event(
        aggregate=customer, type="customer.deleted", data=customer_snapshot(customer), actor=actor
    )
    forget_secrets(scope=scope, resource_ids=[str(customer_id)])
    erase_elsewhere(scope=scope, customer_id=customer_id, actor=actor)
    return customer
