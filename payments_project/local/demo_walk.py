"""What the demo's chapters speak with: a merchant's key over HTTP, and checks that are printed."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from payments_project.local.terminal import passing, say, styled

VISA = "4242424242424242"
CLIENTS_MAX = 16
_PAUSE_SECONDS = 0.25


class Breach(Exception):
    """The service did not do what its documentation says; the message tells both."""


@dataclass(slots=True)
class Merchant:
    """One key's view of the service. Nothing is checked here but that an answer came."""

    base_url: str
    key: str
    http: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(
            base_url=self.base_url,
            headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
            limits=httpx.Limits(max_connections=CLIENTS_MAX),
            timeout=60,
        )

    def get(self, path: str, **params: Any) -> httpx.Response:
        # Brackets can't stand in a Python name: created_at__gte, expand__.
        query = {_bracketed(name): value for name, value in params.items()}
        return self.http.get(f"/v1{path}", params=query)

    def post(
        self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.post(f"/v1{path}", json=body or {}, headers=headers)

    def post_text(self, path: str, text: str | bytes, kind: str) -> httpx.Response:
        """A body as it is, whatever a JSON library would say to it."""
        return self.http.post(f"/v1{path}", content=text, headers={"Content-Type": kind})

    def card(self, number: str = VISA, **more: Any) -> httpx.Response:
        """Tokenises a card."""
        year = datetime.now(UTC).year + 4
        card = {"number": number, "exp_month": 12, "exp_year": year, **more.pop("card", {})}
        return self.post("/payment_methods", {"type": "card", "card": card, **more})


@dataclass(slots=True)
class Walk:
    """A walk through the service: its merchants, the currency of its payments, what it checked."""

    credentials: dict[str, str]
    merchant: Merchant
    other: Merchant
    currency: str = "USD"
    checked: int = 0
    remembered: dict[str, Any] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return self.merchant.base_url

    def holds(self, what: str, truth: object, *, found: Any = None) -> None:
        """Prints ``what`` if it is true; else a ``Breach`` that shows what was found."""
        if not truth:
            raise Breach(what if found is None else f"{what}\nfound: {found}")
        self.checked += 1
        say(f"  {styled('✓', 'green')} {what}")

    def equals(self, what: str, found: Any, expected: Any) -> None:
        """Prints ``what`` if both are equal; else a ``Breach`` that shows both."""
        self.holds(what, found == expected, found=f"{found!r}\nexpected: {expected!r}")

    def answer(self, response: httpx.Response, status: int = 200) -> dict[str, Any]:
        """The body of an answer with the expected status, which every response must have."""
        if response.status_code != status or "Request-Id" not in response.headers:
            raise Breach(f"{told(response)}\nexpected: {status}, with a Request-Id")
        body: dict[str, Any] = response.json()
        return body

    def refused(self, what: str, response: httpx.Response, status: int, code: str) -> Any:
        """Prints that a call was refused as documented; its error."""
        error = self.answer(response, status).get("error", {})
        shape = {"type", "code", "message", "request_id", "doc_url"} <= set(error)
        self.holds(
            f"{what}: {status} {code}", shape and error["code"] == code, found=told(response)
        )
        return error

    def pay(self, number: str = VISA, *, amount: int = 10_000, **more: Any) -> httpx.Response:
        """A payment with a new token of the card, in the walk's currency."""
        key = more.pop("key", None)
        token = self.answer(self.merchant.card(number), 201)["id"]
        body = {"amount": amount, "currency": self.currency, "payment_method": token, **more}
        return self.merchant.post("/transactions", body, key=key)

    def paid(self, number: str = VISA, **options: Any) -> dict[str, Any]:
        """A payment that must be accepted: its transaction."""
        return self.answer(self.pay(number, **options), 201)

    def transaction(self, transaction_id: str) -> dict[str, Any]:
        return self.answer(self.merchant.get(f"/transactions/{transaction_id}"))

    def refund(self, transaction: dict[str, Any], **more: Any) -> httpx.Response:
        return self.merchant.post("/refunds", {"transaction": transaction["id"], **more})

    def balance(self) -> dict[str, int]:
        """Pending, available and reserved in the walk's currency."""
        names = ("pending", "available", "reserved")
        for balance in self.answer(self.merchant.get("/balance"))["balances"]:
            if balance["currency"] == self.currency:
                return {name: balance[name] for name in names}
        return dict.fromkeys(names, 0)

    def entries(self, **filters: str) -> list[dict[str, Any]]:
        """All balance entries of the walk's currency, page after page."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"currency": self.currency, "limit": 100, **filters}
        while True:
            page = self.answer(self.merchant.get("/balance/entries", **query))
            found += page["data"]
            if not page["has_more"]:
                return found
            query["starting_after"] = page["data"][-1]["id"]

    def eventually(
        self, what: str, look: Callable[[], Any], expected: Any, *, seconds_max: float = 30
    ) -> None:
        """Looks until what is found is what is expected, and prints how long that took."""
        started = time.monotonic()
        found = look()
        while found != expected and time.monotonic() - started < seconds_max:
            waited = styled(f"{time.monotonic() - started:.0f} s", "dim")
            passing(f"  {styled('…', 'cyan')} {what} {waited}")
            time.sleep(_PAUSE_SECONDS)
            found = look()
        passing()
        seconds = time.monotonic() - started
        self.equals(f"{what}, {seconds:.0f} s later" if seconds >= 1 else what, found, expected)


def new_key() -> str:
    """An idempotency key that nobody has used."""
    return str(uuid.uuid4())


def told(response: httpx.Response) -> str:
    """A request and its answer on two lines."""
    request = response.request
    return f"{request.method} {request.url} → {response.status_code}\n{response.text[:500]}"


def _bracketed(name: str) -> str:
    start, separator, operator = name.partition("__")
    return f"{start}[{operator}]" if separator else start
