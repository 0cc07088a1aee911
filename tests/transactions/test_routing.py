"""Which gateway takes a payment, and what risk has to say before it is asked."""

from collections.abc import Iterator

import pytest

from payments_project.models import IdempotencyKey
from payments_project.tenancy import Scope
from tests.api_client import Api, new_key
from tests.merchants.making import MadeMerchant, client_of
from tests.server import Server, start_server
from transactions.gateways.registry import get_gateway
from transactions.models import SimulatorCharge, Transaction


@pytest.fixture(scope="module")
def strict_server(django_db_setup: None) -> Iterator[Server]:
    """A server as in production, where the simulator answers no live key."""
    with start_server(application="tests.transactions.strict_wsgi:application") as running:
        yield running


def payments_of(scope: Scope) -> int:
    return Transaction.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment
    ).count()


@pytest.mark.parametrize("name", ["external", "simulator"])
def test_every_gateway_has_its_name(name: str) -> None:
    assert get_gateway(name).name == name


def test_live_payment_without_a_gateway_is_a_503_before_anything_is_written(
    strict_server: Server, merchant: MadeMerchant
) -> None:
    key = new_key()
    with client_of(strict_server, merchant, "live") as live:
        body = {"amount": 1000, "currency": "USD", "payment_method": live.card()}

        response = live.post("/v1/transactions", body, key=key)

        live.error(response, 503, "gateway_unavailable")
        assert int(response.headers["Retry-After"]) >= 1
        assert payments_of(live.scope) == 0
        assert not IdempotencyKey.objects.filter(key=key).exists()


def test_test_payment_is_the_simulators_everywhere(
    strict_server: Server, merchant: MadeMerchant
) -> None:
    with client_of(strict_server, merchant, "test") as client:
        assert client.paid()["gateway"]["name"] == "simulator"


def test_live_key_is_answered_by_the_simulator_in_an_embedded_start(live_api: Api) -> None:
    transaction = live_api.paid()

    assert transaction["environment"] == "live"
    assert transaction["gateway"]["name"] == "simulator"


def test_blocked_payment_has_its_rating_and_no_charge(api: Api) -> None:
    error = api.error(api.pay("4100000000000019"), 402, "blocked_by_risk")

    failed = api.transaction(error["transaction"]["id"])
    assert failed["status"] == "failed"
    assert failed["risk"] == {"score": 0.98, "level": "high"}
    assert failed["failure"]["code"] == "blocked_by_risk"
    assert failed["gateway"]["transaction_id"] is None
    assert not SimulatorCharge.objects.filter(reference=failed["id"]).exists()
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}


@pytest.mark.parametrize(
    ("number", "risk"),
    [
        ("4242424242424242", {"score": 0.05, "level": "low"}),
        ("4000000000004954", {"score": 0.85, "level": "high"}),
        ("4000000000000002", {"score": 0.05, "level": "low"}),
    ],
)
def test_rating_is_kept_with_the_payment(api: Api, number: str, risk: dict[str, object]) -> None:
    content = api.pay(number).json()
    transaction = content.get("error", {}).get("transaction") or content

    assert transaction["risk"] == risk
    assert api.transaction(transaction["id"])["risk"] == risk


def test_blocked_payment_is_replayed_as_blocked(api: Api) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": api.card("4100000000000019")}
    key = new_key()

    first = api.post("/v1/transactions", body, key=key)
    second = api.post("/v1/transactions", body, key=key)

    assert first.status_code == second.status_code == 402
    assert first.json() == second.json()
    assert payments_of(api.scope) == 1
