"""A customer's personal data: encrypted as one record, bound to the customer's row."""

import json
from typing import Any

from django.conf import settings

from merchants.models import Customer
from payments_project.encryption.key_ring import key_ring

FIELDS = ("name", "phone", "address", "birth_date")


def write_personal_data(customer: Customer, data: dict[str, Any]) -> None:
    """Sets the encrypted columns of ``customer`` (which has its id already) to ``data``."""
    record = {name: data.get(name) for name in FIELDS if data.get(name) is not None}
    if not record:
        customer.encrypted_pii = None
        customer.encryption_key_id = None
        return
    plain = json.dumps(record, separators=(",", ":")).encode()
    key_id, stored = key_ring(settings.PII_KEYS, setting="PII_KEYS").encrypt(
        plain, bound_to=_binding(customer)
    )
    customer.encryption_key_id = key_id
    customer.encrypted_pii = stored


def read_personal_data(customer: Customer) -> dict[str, Any]:
    """Every personal field, None where there is none. Raises ``ValueError`` for altered data."""
    data: dict[str, Any] = dict.fromkeys(FIELDS)
    if customer.encrypted_pii is not None and customer.encryption_key_id:
        plain = key_ring(settings.PII_KEYS, setting="PII_KEYS").decrypt(
            customer.encryption_key_id, bytes(customer.encrypted_pii), bound_to=_binding(customer)
        )
        data |= json.loads(plain)
    return data


def _binding(customer: Customer) -> str:
    return f"customer {customer.pk} {customer.merchant_id} {customer.environment}"
