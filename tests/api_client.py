"""A merchant's client, as thin as can be: real HTTP, plain dictionaries."""

import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from payments_project.tenancy import Scope

VISA = "4242424242424242"


@dataclass
class Api:
    """One key's view of the service; ``scope`` is whose key it is."""

    scope: Scope
    key: str
    http: httpx.Client

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params)

    def post(
        self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.post(path, json=body or {}, headers=headers)

    def patch(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self.http.patch(path, json=body)

    def delete(self, path: str) -> httpx.Response:
        return self.http.delete(path)

    def card(self, number: str = VISA, **more: Any) -> str:
        """The token of a card."""
        response = self.post(
            "/v1/payment_methods",
            {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2034}, **more},
        )
        assert response.status_code == 201, response.text
        token: str = response.json()["id"]
        return token

    def pay(
        self,
        number: str = VISA,
        *,
        amount: int = 1000,
        currency: str = "USD",
        key: str | None = None,
        **more: Any,
    ) -> httpx.Response:
        """A payment with a new token of the card."""
        return self.post(
            "/v1/transactions",
            {
                "amount": amount,
                "currency": currency,
                "payment_method": self.card(number),
                **more,
            },
            key=key,
        )

    def paid(self, number: str = VISA, **options: Any) -> dict[str, Any]:
        """A payment that is expected to be taken: its transaction."""
        response = self.pay(number, **options)
        assert response.status_code == 201, response.text
        transaction: dict[str, Any] = response.json()
        return transaction

    def transaction(self, transaction_id: str) -> dict[str, Any]:
        response = self.get(f"/v1/transactions/{transaction_id}")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def balance(self, currency: str = "USD") -> dict[str, int]:
        """Pending, available and reserved of one currency; zeros where there is none."""
        for balance in self.get("/v1/balance").json()["balances"]:
            if balance["currency"] == currency:
                return {name: balance[name] for name in ("pending", "available", "reserved")}
        return {"pending": 0, "available": 0, "reserved": 0}

    def error(self, response: httpx.Response, status: int, code: str) -> dict[str, Any]:
        """The error of a refusal, checked for its shape."""
        assert response.status_code == status, response.text
        error: dict[str, Any] = response.json()["error"]
        assert error["code"] == code, error
        assert error["request_id"] == response.headers["Request-Id"]
        assert error["message"]
        return error


def new_key() -> str:
    """An idempotency key that nobody used."""
    return str(uuid.uuid4())
