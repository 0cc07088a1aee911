"""Payment methods over HTTP."""

from typing import Any, ClassVar

from rest_framework.request import Request

from merchants.access import get_customer
from payments_project.api.bodies import Id
from payments_project.api.cross_origin import CrossOriginView
from payments_project.api.idempotent import atomic_operation
from payments_project.api.objects import ApiObject, ListObject
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.query import CreatedRange, ListQuery, NoQuery
from payments_project.api.views import ApiView
from vault.access import get_payment_method
from vault.api.bodies import AttachPaymentMethod, CreatePaymentMethod, DetachPaymentMethod
from vault.api.objects import PaymentMethodObject, payment_method_object
from vault.api.pages import page_of_payment_methods
from vault.cards import parse_card
from vault.errors import CustomerNotAllowed
from vault.models import PaymentMethod
from vault.selectors import list_payment_methods
from vault.services.attach import attach_payment_method
from vault.services.detach import detach_payment_method
from vault.services.tokenise import tokenise_card

Answer = ApiObject | dict[str, Any]


class PaymentMethodListQuery(ListQuery, CreatedRange):
    """``GET /v1/payment_methods``."""

    customer: Id | None = None


class VaultView(ApiView):
    """What all payment method endpoints share."""

    permissions_required: ClassVar[dict[str, str]] = {
        "GET": "payment_methods:read",
        "POST": "payment_methods:write",
    }
    # The holder's name within, and a customer that was expanded, are personal data.
    secret_fields = ("card", "customer")

    def answer(self, payment_method: PaymentMethod) -> Answer:
        return self.expanded(payment_method_object(payment_method))


class PaymentMethodsView(VaultView, CrossOriginView):
    """``/v1/payment_methods``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(PaymentMethodObject)}, query=PaymentMethodListQuery),
        "POST": Operation(
            {200: PaymentMethodObject, 201: PaymentMethodObject},
            body=CreatePaymentMethod,
        ),
    }

    publishable_methods = frozenset({"POST"})

    @atomic_operation
    def post(self, request: Request) -> tuple[int, Answer]:
        """Tokenises a card: 201, or 200 with the token that the customer's card has already."""
        body = self.body(CreatePaymentMethod)
        if body.customer is not None and self.caller.key_type == "publishable":
            raise CustomerNotAllowed(
                "A publishable key may not name a customer. Attach with a secret key.",
                param="customer",
            )
        made = tokenise_card(
            scope=self.scope,
            actor=self.actor,
            card=parse_card(
                number=body.card.number,
                exp_month=body.card.exp_month,
                exp_year=body.card.exp_year,
                holder_name=body.card.holder_name,
                cvc=body.card.cvc,
            ),
            customer_id=body.customer,
        )
        return 201 if made.was_created else 200, self.answer(made)

    def get(self, request: Request) -> Answer:
        """Lists active payment methods, newest first; with ``customer``, those of one customer."""
        query = self.query(PaymentMethodListQuery)
        if query.customer is not None:
            get_customer(scope=self.scope, customer_id=query.customer, param="customer")
        page = page_of_payment_methods(
            list_payment_methods(scope=self.scope, customer_id=query.customer).filter(
                **query.created_filters()
            ),
            query,
            scope=self.scope,
        )
        listed = ListObject(
            url="/v1/payment_methods",
            has_more=page.has_more,
            data=[payment_method_object(row) for row in page.rows],
        )
        return self.expanded(listed)


class PaymentMethodView(VaultView):
    """``/v1/payment_methods/{token}``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: PaymentMethodObject}),
    }

    def get(self, request: Request, token: str) -> Answer:
        """Tells one payment method, detached ones included."""
        self.query(NoQuery)
        return self.answer(get_payment_method(scope=self.scope, token=token))


class AttachPaymentMethodView(VaultView):
    """``/v1/payment_methods/{token}/attach``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: PaymentMethodObject}, body=AttachPaymentMethod),
    }

    @atomic_operation
    def post(self, request: Request, token: str) -> Answer:
        """Attaches to a customer; answers with the customer's own token if it has that card."""
        body = self.body(AttachPaymentMethod)
        attached = attach_payment_method(
            scope=self.scope, actor=self.actor, token=token, customer_id=body.customer
        )
        return self.answer(attached)


class DetachPaymentMethodView(VaultView):
    """``/v1/payment_methods/{token}/detach``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: PaymentMethodObject}, body=DetachPaymentMethod),
    }

    @atomic_operation
    def post(self, request: Request, token: str) -> Answer:
        """Takes a payment method out of use for good."""
        self.query(NoQuery)
        self.body(DetachPaymentMethod)
        detached = detach_payment_method(scope=self.scope, actor=self.actor, token=token)
        return self.answer(detached)
