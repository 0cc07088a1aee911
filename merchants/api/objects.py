"""How customers and keys look to merchants."""

from datetime import UTC, datetime
from typing import Any, Literal

from merchants.models import ApiKey, Customer
from merchants.personal_data import read_personal_data
from payments_project.api.objects import ApiObject, Resource, Time


class Risk(ApiObject):
    """A rating: ``score`` from 0 to 1."""

    score: float | None
    level: str | None


class CustomerObject(Resource):
    """A customer. The personal fields are null once it was deleted."""

    object: Literal["customer"] = "customer"
    external_customer_id: str | None
    email: str | None
    phone: str | None
    name: str | None
    address: dict[str, str] | None
    birth_date: str | None
    metadata: dict[str, str]
    risk: Risk
    total_transactions: int
    total_amounts: dict[str, int]
    first_transaction_at: Time | None
    last_transaction_at: Time | None
    is_active: bool


class ApiKeyObject(Resource):
    """An API key; ``secret`` is the key itself, only when it was created or rotated just now.

    ``is_active`` is false once it was revoked or has expired.
    """

    object: Literal["api_key"] = "api_key"
    type: Literal["secret", "publishable"]
    prefix: str
    name: str
    permissions: list[str]
    is_active: bool
    expires_at: Time | None
    last_used_at: Time | None
    secret: str | None = None


def customer_object(customer: Customer) -> CustomerObject:
    """The customer, decrypted; its totals must be prefetched on a list."""
    personal = read_personal_data(customer)
    return CustomerObject(
        id=customer.pk,
        environment=customer.environment,
        created_at=customer.created_at,
        external_customer_id=customer.external_customer_id,
        email=customer.email,
        phone=personal["phone"],
        name=personal["name"],
        address=personal["address"],
        birth_date=personal["birth_date"],
        metadata=customer.metadata or {},
        risk=Risk(
            score=None if customer.risk_score is None else float(customer.risk_score),
            level=customer.risk_level,
        ),
        total_transactions=customer.total_transactions or 0,
        total_amounts={total.currency: total.amount for total in customer.totals.all()},
        first_transaction_at=customer.first_transaction_at,
        last_transaction_at=customer.last_transaction_at,
        is_active=bool(customer.is_active),
    )


def api_key_content(key: ApiKey, *, secret: str | None = None) -> dict[str, Any]:
    """The key as JSON content; the field ``secret`` is there only if given."""
    has_expired = key.expires_at is not None and key.expires_at <= datetime.now(UTC)
    content = ApiKeyObject(
        id=key.pk,
        environment=key.environment,
        created_at=key.created_at,
        type=key.key_type,
        prefix=key.key_prefix,
        name=key.name,
        permissions=list(key.permissions or []),
        is_active=bool(key.is_active) and not has_expired,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        secret=secret,
    ).model_dump(mode="json")
    if secret is None:
        del content["secret"]
    return content
