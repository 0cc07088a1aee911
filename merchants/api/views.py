"""Customers and API keys over HTTP."""

from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from django.db import transaction
from rest_framework.request import Request

from merchants.access import api_keys_of, customers_of, get_api_key, get_customer
from merchants.api.authentication import forget_keys
from merchants.api.bodies import (
    ApiKeyQuery,
    CreateApiKey,
    CreateCustomer,
    CustomerQuery,
    Nothing,
    RotateApiKey,
)
from merchants.api.objects import ApiKeyObject, CustomerObject, api_key_content, customer_object
from merchants.permissions import PUBLISHABLE, lacking
from merchants.services.create_api_key import create_api_key
from merchants.services.create_customer import create_customer
from merchants.services.revoke_api_key import revoke_api_key
from merchants.services.rotate_api_key import rotate_api_key
from merchants.services.update_customer import delete_customer, update_customer
from payments_project.api.idempotent import atomic_operation
from payments_project.api.objects import ListObject
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.paths import require_uuid
from payments_project.api.query import NoQuery
from payments_project.api.views import ApiView
from payments_project.database.pages import page_by_id, require_cursor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import InvalidInput, PermissionDenied

PERSONAL = ("name", "phone", "address", "birth_date")


def _personal(given: dict[str, Any]) -> dict[str, Any]:
    """The personal fields of a body; parts of an address that are null are left out."""
    personal = {name: given[name] for name in PERSONAL if name in given}
    if personal.get("address"):
        personal["address"] = {
            name: part for name, part in personal["address"].items() if part is not None
        }
    return personal


class CustomersView(ApiView):
    """``/v1/customers``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(CustomerObject)}, query=CustomerQuery),
        "POST": Operation({201: CustomerObject}, body=CreateCustomer),
    }

    # Personal data: in a stored reply only encrypted.
    secret_fields = (*PERSONAL, "email", "external_customer_id", "metadata")

    permissions_required: ClassVar[dict[str, str]] = {
        "GET": "customers:read",
        "POST": "customers:write",
    }

    def get(self, request: Request) -> Any:
        """Customers, newest first."""
        query = self.query(CustomerQuery)
        rows = customers_of(self.scope)
        require_cursor(query, lambda pk: rows.filter(pk=pk).exists())
        filters = query.created_filters()
        if query.email is not None:
            filters["email"] = query.email
        if query.external_customer_id is not None:
            filters["external_customer_id"] = query.external_customer_id
        page = page_by_id(rows.filter(**filters).prefetch_related("totals"), query)
        answer = ListObject(
            url="/v1/customers",
            has_more=page.has_more,
            data=[customer_object(row) for row in page.rows],
        )
        return self.expanded(answer)

    @atomic_operation
    def post(self, request: Request) -> tuple[int, CustomerObject]:
        """Creates a customer."""
        body = self.body(CreateCustomer)
        given = body.model_dump(exclude_unset=True)
        customer = create_customer(
            scope=self.scope,
            actor=self.actor,
            email=body.email,
            external_customer_id=body.external_customer_id,
            personal=_personal(given),
            metadata=body.metadata,
        )
        return 201, customer_object(get_customer(scope=self.scope, customer_id=customer.pk))


class CustomerView(ApiView):
    """``/v1/customers/{id}``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: CustomerObject}),
        "PATCH": Operation({200: CustomerObject}, body=CreateCustomer, also=(409,)),
        "DELETE": Operation({200: CustomerObject}),
    }

    permissions_required: ClassVar[dict[str, str]] = {
        "GET": "customers:read",
        "PATCH": "customers:write",
        "DELETE": "customers:write",
    }

    def get(self, request: Request, customer_id: str) -> Any:
        """One customer, deleted or not."""
        self.query(NoQuery)
        customer = get_customer(scope=self.scope, customer_id=require_uuid(customer_id))
        return self.expanded(customer_object(customer))

    def patch(self, request: Request, customer_id: str) -> CustomerObject:
        """Changes what is given; null clears a field, metadata is merged."""
        given = self.body(CreateCustomer).model_dump(exclude_unset=True)
        changes = given | _personal(given)
        identity = require_uuid(customer_id)
        customer = run_in_transaction(
            lambda: update_customer(
                scope=self.scope, customer_id=identity, changes=changes, actor=self.actor
            )
        )
        return customer_object(customer)

    def delete(self, request: Request, customer_id: str) -> CustomerObject:
        """Deactivates the customer and erases personal data."""
        self.query(NoQuery)
        identity = require_uuid(customer_id)
        customer = run_in_transaction(
            lambda: delete_customer(scope=self.scope, customer_id=identity, actor=self.actor)
        )
        return customer_object(customer)


class ApiKeysView(ApiView):
    """``/v1/api_keys``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(ApiKeyObject)}, query=ApiKeyQuery),
        "POST": Operation({201: ApiKeyObject}, body=CreateApiKey),
    }

    secret_fields = ("secret",)
    permissions_required: ClassVar[dict[str, str]] = {
        "GET": "api_keys:read",
        "POST": "api_keys:write",
    }

    def get(self, request: Request) -> Any:
        """The keys of this environment, newest first."""
        query = self.query(ApiKeyQuery)
        rows = api_keys_of(self.scope)
        require_cursor(query, lambda pk: rows.filter(pk=pk).exists())
        page = page_by_id(rows.filter(**query.created_filters()), query)
        answer = ListObject(
            url="/v1/api_keys",
            has_more=page.has_more,
            data=[api_key_content(row) for row in page.rows],
        )
        return self.expanded(answer)

    @atomic_operation
    def post(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Creates a key of this environment, with no permission that the caller lacks.

        It has the caller's own rate limits and does not outlive it: without `expires_at` it ends
        when the caller does.
        """
        body = self.body(CreateApiKey)
        wanted = body.permissions if body.type == "secret" else PUBLISHABLE
        missing = lacking(self.caller.permissions, [name for name in wanted if ":" in name])
        if "*" in wanted and "*" not in self.caller.permissions:
            missing = ["*", *missing]
        if missing:
            raise PermissionDenied(
                f"The key lacks the permission {missing[0][:40]} and can't give it away.",
                permission=missing[0],
            )
        key, secret = create_api_key(
            scope=self.scope,
            actor=self.actor,
            name=body.name,
            key_type=body.type,
            permissions=body.permissions,
            expires_at=_end_within(self.caller.expires_at, wanted=body.expires_at),
            rate_limits=(self.caller.rate_limit_per_second, self.caller.rate_limit_per_hour),
        )
        return 201, api_key_content(get_api_key(scope=self.scope, api_key_id=key.pk), secret=secret)


def _end_within(end: datetime | None, *, wanted: datetime | None) -> datetime | None:
    """When a key ends that is made by one which ends at ``end``."""
    if end is not None and wanted is not None and wanted > end:
        raise InvalidInput("The key may not outlive the one that makes it.", param="expires_at")
    return wanted or end


class ApiKeyView(ApiView):
    """``/v1/api_keys/{id}``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ApiKeyObject}),
    }

    permissions_required: ClassVar[dict[str, str]] = {"GET": "api_keys:read"}

    def get(self, request: Request, api_key_id: str) -> dict[str, Any]:
        """One key."""
        self.query(NoQuery)
        return api_key_content(get_api_key(scope=self.scope, api_key_id=require_uuid(api_key_id)))


class RotateApiKeyView(ApiView):
    """``/v1/api_keys/{id}/rotate``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: ApiKeyObject}, body=RotateApiKey),
    }

    secret_fields = ("secret",)
    permissions_required: ClassVar[dict[str, str]] = {"POST": "api_keys:write"}

    @atomic_operation
    def post(self, request: Request, api_key_id: str) -> dict[str, Any]:
        """Replaces a key by a new one, with an overlap if wanted."""
        body = self.body(RotateApiKey)
        identity = require_uuid(api_key_id)
        held = get_api_key(scope=self.scope, api_key_id=identity).permissions or []
        missing = lacking(self.caller.permissions, held)
        if missing:
            raise PermissionDenied(
                f"The key lacks the permission {missing[0]} of the key to rotate.",
                permission=missing[0],
            )
        key, secret = rotate_api_key(
            scope=self.scope,
            api_key_id=identity,
            overlap_seconds=body.overlap_seconds,
            actor=self.actor,
        )
        transaction.on_commit(partial(forget_keys, [identity]))
        return api_key_content(get_api_key(scope=self.scope, api_key_id=key.pk), secret=secret)


class RevokeApiKeyView(ApiView):
    """``/v1/api_keys/{id}/revoke``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: ApiKeyObject}, body=Nothing),
    }

    permissions_required: ClassVar[dict[str, str]] = {"POST": "api_keys:write"}

    @atomic_operation
    def post(self, request: Request, api_key_id: str) -> dict[str, Any]:
        """Ends a key for good."""
        self.body(Nothing)
        key = revoke_api_key(
            scope=self.scope, api_key_id=require_uuid(api_key_id), actor=self.actor
        )
        transaction.on_commit(partial(forget_keys, [key.pk]))
        return api_key_content(key)
