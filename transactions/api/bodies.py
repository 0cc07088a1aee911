"""What the transaction and balance endpoints take."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from payments_project.api.bodies import Amount, Body, Currency, FreeText, Id, IpAddress, Metadata
from payments_project.api.query import CreatedRange, ListQuery, QueryAmount
from transactions import ledger_accounts, states

Token = Annotated[str, Field(min_length=1, max_length=100)]
Description = Annotated[FreeText, Field(max_length=1000)]


class CreateTransaction(Body):
    """``POST /v1/transactions``."""

    amount: Amount
    currency: Currency
    payment_method: Token
    customer: Id | None = None
    capture: bool = True
    cvc: SecretStr | None = None
    description: Description | None = None
    metadata: Metadata | None = None
    ip_address: IpAddress | None = None


class UpdateTransaction(Body):
    """``PATCH /v1/transactions/{id}``: metadata is merged, an empty value removes its key."""

    description: Description | None = None
    metadata: Metadata | None = None


class CaptureTransaction(Body):
    """``POST /v1/transactions/{id}/capture``; all of it by default."""

    amount: Amount | None = None


class CancelTransaction(Body):
    """``POST /v1/transactions/{id}/cancel``: takes nothing."""


class TransactionFilters(CreatedRange):
    """Which transactions: what a list of them and a search take."""

    status: Literal[states.STATES] | None = None  # type: ignore[valid-type]
    customer: Id | None = None
    payment_method: Token | None = None
    currency: Currency | None = None
    amount: QueryAmount | None = None
    amount_gte: QueryAmount | None = Field(None, alias="amount[gte]")
    amount_gt: QueryAmount | None = Field(None, alias="amount[gt]")
    amount_lte: QueryAmount | None = Field(None, alias="amount[lte]")
    amount_lt: QueryAmount | None = Field(None, alias="amount[lt]")

    def filters(self) -> dict[str, object]:
        """The query as a queryset's filters."""
        wanted = {
            "status": self.status,
            "customer_id": self.customer,
            "payment_method_token": self.payment_method,
            "currency": self.currency,
            "amount": self.amount,
            "amount__gte": self.amount_gte,
            "amount__gt": self.amount_gt,
            "amount__lte": self.amount_lte,
            "amount__lt": self.amount_lt,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        return given | self.id_filters()


class TransactionQuery(ListQuery, TransactionFilters):
    """``GET /v1/transactions``."""


class BalanceEntryQuery(ListQuery, CreatedRange):
    """``GET /v1/balance/entries``."""

    currency: Currency | None = None
    bucket: Literal["pending", "available", "reserved"] | None = None
    type: Literal[ledger_accounts.TYPES] | None = None  # type: ignore[valid-type]
    source: Id | None = None


PayoutDescription = Annotated[FreeText, Field(max_length=500)]


class CreatePayout(Body):
    """``POST /v1/payouts``."""

    amount: Amount
    currency: Currency
    description: PayoutDescription | None = None


class CancelPayout(Body):
    """``POST /v1/payouts/{id}/cancel``: takes nothing."""


class PayoutQuery(ListQuery, CreatedRange):
    """``GET /v1/payouts``."""

    status: Literal[states.PAYOUT_STATES] | None = None  # type: ignore[valid-type]
    currency: Currency | None = None
