"""One effect per key, whatever is sent again and whoever died."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from django.db.models.functions import Now

from payments_project.api.idempotency_key import is_valid_key
from payments_project.models import IdempotencyKey
from tests.api_client import Api, new_key
from tests.merchants.making import make_key
from tests.server import Server
from transactions.models import SimulatorCharge, Transaction


def payment(token: str, amount: int = 1000) -> dict[str, object]:
    return {"amount": amount, "currency": "USD", "payment_method": token}


def test_replay_is_the_first_reply_word_for_word(api: Api) -> None:
    body, key = payment(api.card()), new_key()

    first = api.post("/v1/transactions", body, key=key)
    second = api.post("/v1/transactions", body, key=key)

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(api.get("/v1/transactions").json()["data"]) == 1


@pytest.mark.parametrize(
    "key",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4-2-4-2-4-2-4-2-4-2-4-2-4-2-4-2",
        "378282246310005",
        "order-4242424242424242",
        "order 4242-4242-4242-4242 again",
        "order/3782 822463 10005",
        "1001-4242424242424242",
    ],
)
def test_key_that_holds_a_card_number_is_refused_and_not_repeated(api: Api, key: str) -> None:
    body = payment(api.card())

    response = api.post("/v1/transactions", body, key=key)

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("parameter_invalid", "Idempotency-Key")
    assert key not in response.text
    assert api.get("/v1/transactions").json()["data"] == []
    assert not IdempotencyKey.objects.filter(key=key).exists()


def test_no_uuid_is_taken_for_a_card_number() -> None:
    # The first is nothing but digits, of which the first three groups would pass as a card's.
    digits = [
        UUID("42424242-4242-4242-8000-000000000000"),
        UUID("42424242-4242-4242-8242-424242424242"),
    ]

    assert all(is_valid_key(str(key)) for key in digits)
    assert all(is_valid_key(str(uuid4())) for _ in range(100_000))


@pytest.mark.parametrize(
    "key", ["order-1042-attempt-1", "4242424242424241", "1732412345678", "a4242424242424242"]
)
def test_other_keys_of_digits_stay_good(key: str) -> None:
    assert is_valid_key(key)


def test_replay_shows_the_state_of_then_not_of_now(api: Api) -> None:
    body, key = payment(api.card()), new_key()
    first = api.post("/v1/transactions", body, key=key)
    api.post("/v1/refunds", {"transaction": first.json()["id"]})

    assert api.post("/v1/transactions", body, key=key).json()["status"] == "succeeded"


def test_order_of_parameters_does_not_matter(api: Api) -> None:
    body, key = payment(api.card()), new_key()
    first = api.post("/v1/transactions", body, key=key)

    second = api.post("/v1/transactions", dict(reversed(body.items())), key=key)

    assert second.json() == first.json()


def test_decline_is_replayed_and_not_charged_again(api: Api) -> None:
    body, key = payment(api.card("4000000000000002")), new_key()

    first = api.post("/v1/transactions", body, key=key)
    second = api.post("/v1/transactions", body, key=key)

    assert first.status_code == second.status_code == 402
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


def test_gateway_outage_is_stored_under_the_key(api: Api) -> None:
    body, key = payment(api.card("4000000000006025")), new_key()

    first = api.post("/v1/transactions", body, key=key)
    assert first.status_code == 503
    assert "Idempotent-Replayed" not in first.headers
    replayed = api.post("/v1/transactions", body, key=key)

    assert replayed.status_code == 503
    assert replayed.headers["Idempotent-Replayed"] == "true"


def test_other_parameters_under_the_key_are_refused(api: Api) -> None:
    token, key = api.card(), new_key()
    api.post("/v1/transactions", payment(token), key=key)

    response = api.post("/v1/transactions", payment(token, amount=2000), key=key)

    assert api.error(response, 400, "idempotency_key_reused")["type"] == "idempotency_error"
    assert len(api.get("/v1/transactions").json()["data"]) == 1


def test_other_endpoint_under_the_key_is_refused(api: Api) -> None:
    key = new_key()
    api.post("/v1/transactions", payment(api.card()), key=key)

    api.error(api.post("/v1/customers", {}, key=key), 400, "idempotency_key_reused")


def test_keys_are_each_merchants_own(api: Api, other_api: Api) -> None:
    key = new_key()

    first = api.post("/v1/transactions", payment(api.card()), key=key)
    second = other_api.post("/v1/transactions", payment(other_api.card()), key=key)

    assert first.status_code == second.status_code == 201
    assert first.json()["id"] != second.json()["id"]


def test_refusal_before_work_began_is_not_stored(api: Api) -> None:
    token, key = api.card(), new_key()

    api.error(
        api.post("/v1/transactions", payment(token, amount=0), key=key), 400, "parameter_invalid"
    )

    assert api.post("/v1/transactions", payment(token), key=key).status_code == 201


def test_stored_reply_outlives_the_card(api: Api) -> None:
    token, key = api.card(), new_key()
    first = api.post("/v1/transactions", payment(token), key=key)
    api.post(f"/v1/payment_methods/{token}/detach")

    assert api.post("/v1/transactions", payment(token), key=key).json() == first.json()


def test_key_of_256_characters_is_refused(api: Api) -> None:
    response = api.post("/v1/transactions", payment(api.card()), key="k" * 256)

    api.error(response, 400, "parameter_invalid")


def test_fifty_clients_with_one_key_have_one_effect(api: Api) -> None:
    for _ in range(5):
        body, key = payment(api.card()), new_key()
        gate = threading.Barrier(50)

        def send(_: int, gate: threading.Barrier = gate, body: dict = body, key: str = key) -> int:
            gate.wait()
            return api.post("/v1/transactions", body, key=key).status_code

        with ThreadPoolExecutor(50) as clients:
            statuses = list(clients.map(send, range(50)))

        assert set(statuses) <= {201, 409}
        assert 201 in statuses
        assert Transaction.objects.filter(payment_method_token=body["payment_method"]).count() == 1


def leave_started(key: str, *, lease_seconds: int) -> None:
    """As a process leaves the key that dies before it stores the reply."""
    IdempotencyKey.objects.filter(key=key).update(
        recovery_point="started",
        response_status=None,
        response_body=None,
        finished_at=None,
        locked_until=Now() + timedelta(seconds=lease_seconds),
    )


@pytest.mark.parametrize("gone", ["card", "customer"])
def test_key_of_a_dead_process_is_resumed_though_its_request_would_be_refused_now(
    api: Api, gone: str
) -> None:
    customer = api.post("/v1/customers", {}).json()["id"]
    body, key = payment(api.card()) | {"customer": customer}, new_key()
    first = api.post("/v1/transactions", body, key=key).json()
    if gone == "card":
        api.post(f"/v1/payment_methods/{body['payment_method']}/detach")
    else:
        api.delete(f"/v1/customers/{customer}")
    assert api.post("/v1/transactions", body).status_code == 400
    leave_started(key, lease_seconds=20)
    api.error(api.post("/v1/transactions", body, key=key), 409, "idempotency_key_in_use")
    leave_started(key, lease_seconds=-1)

    second = api.post("/v1/transactions", body, key=key)

    assert (second.status_code, second.json()["id"]) == (201, first["id"])
    assert second.json()["status"] == "succeeded"
    assert "Idempotent-Replayed" not in second.headers
    assert api.post("/v1/transactions", body, key=key).headers["Idempotent-Replayed"] == "true"
    assert SimulatorCharge.objects.filter(reference=first["id"]).count() == 1


def test_refusal_of_an_atomic_endpoint_is_plain_at_first_and_a_replay_after(api: Api) -> None:
    """A conflict is final, and so stored, like those of the endpoints that call a gateway."""
    owner, other = (api.post("/v1/customers", {}).json()["id"] for _ in range(2))
    path, key = f"/v1/payment_methods/{api.card(customer=owner)}/attach", new_key()

    first = api.post(path, {"customer": other}, key=key)
    second = api.post(path, {"customer": other}, key=key)

    assert (first.status_code, second.status_code) == (409, 409)
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


def test_process_that_died_after_the_charge_is_resumed_not_repeated(api: Api) -> None:
    """What a kill between the gateway's answer and our commit leaves, put there by hand; the kills
    themselves are in tests/faults."""
    body, key = payment(api.card()), new_key()
    first = api.post("/v1/transactions", body, key=key).json()
    leave_started(key, lease_seconds=-1)

    second = api.post("/v1/transactions", body, key=key)

    assert second.status_code == 201
    assert second.json()["id"] == first["id"]
    assert second.json()["status"] == "succeeded"
    assert SimulatorCharge.objects.filter(reference=first["id"]).count() == 1
    assert IdempotencyKey.objects.get(key=key).recovery_point == "finished"


def test_key_under_way_is_a_409_with_retry_after(api: Api) -> None:
    body, key = payment(api.card()), new_key()
    api.post("/v1/transactions", body, key=key)
    leave_started(key, lease_seconds=20)

    response = api.post("/v1/transactions", body, key=key)

    assert api.error(response, 409, "idempotency_key_in_use")["type"] == "idempotency_error"
    assert 1 <= int(response.headers["Retry-After"]) <= 20


# Who may be told a stored reply.


def test_no_key_is_told_what_was_answered_to_one_that_may_do_more(server: Server, api: Api) -> None:
    body, key = {"name": "full", "type": "secret", "permissions": ["*"]}, new_key()
    made = api.post("/v1/api_keys", body, key=key)
    assert made.status_code == 201

    with api_of(server, api, make_key(api.scope, "api_keys:write")) as weaker:
        weaker.error(weaker.post("/v1/api_keys", body, key=key), 403, "permission_denied")
    with api_of(server, api, make_key(api.scope)) as equal:
        again = equal.post("/v1/api_keys", body, key=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == made.json()


def test_a_publishable_key_neither_takes_nor_is_told_a_servers_key(
    server: Server, api: Api
) -> None:
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034}
    tokenising, key = {"type": "card", "card": card}, "order-1042"

    public = make_key(api.scope, "payment_methods:write", key_type="publishable")
    with api_of(server, api, public) as page:
        first = page.post("/v1/payment_methods", tokenising, key=key)
        assert page.post("/v1/payment_methods", tokenising, key=key).content == first.content
    paid = api.post("/v1/transactions", payment(first.json()["id"]), key=key)
    assert paid.status_code == 201

    customer = api.post("/v1/customers", {"name": "Ada"}).json()["id"]
    named = {**tokenising, "customer": customer}
    api.post("/v1/payment_methods?expand[]=customer", named, key="order-1043")
    with api_of(server, api, public) as page:
        refused = page.post("/v1/payment_methods", named, key="order-1043")
        page.error(refused, 403, "customer_not_allowed")


@contextmanager
def api_of(server: Server, api: Api, key: str) -> Iterator[Api]:
    """Another key of the same merchant."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=server.url, headers=headers) as http:
        yield Api(api.scope, key, http)


# Expanded replies.


def test_an_expanded_reply_is_replayed_and_stored_without_personal_data(api: Api) -> None:
    customer = api.post("/v1/customers", {"name": "Zoë Byron"}).json()
    body, key = payment(api.card(customer=customer["id"])), new_key()
    path = "/v1/transactions?expand[]=customer&expand[]=payment_method"

    first = api.post(path, body, key=key)
    second = api.post(path, body, key=key)

    assert first.json()["customer"] == customer
    assert first.json()["payment_method"]["card"]["last_four"] == "4242"
    assert (second.content, second.headers["Idempotent-Replayed"]) == (first.content, "true")
    stored = IdempotencyKey.objects.get(key=key)
    assert "Byron" not in stored.response_body
    api.error(api.post("/v1/transactions", body, key=key), 400, "idempotency_key_reused")


def test_acts_and_refunds_are_expanded(api: Api) -> None:
    customer = api.post("/v1/customers", {"name": "Ada"}).json()
    held = api.post(
        "/v1/transactions", {**payment(api.card(customer=customer["id"])), "capture": False}
    )
    path = f"/v1/transactions/{held.json()['id']}"

    captured = api.post(f"{path}/capture?expand[]=customer", key=new_key()).json()
    refund = api.post(
        "/v1/refunds?expand[]=transaction", {"transaction": held.json()["id"]}, key=new_key()
    ).json()

    assert captured["customer"] == customer
    assert refund["transaction"]["id"] == held.json()["id"]


def test_replays_tell_nothing_personal_of_a_customer_deleted_since(api: Api) -> None:
    person, key, card_key = {"name": "Zoë Byron", "email": "zoe@example.com"}, new_key(), new_key()
    made = api.post("/v1/customers", person, key=key)
    assert api.post("/v1/customers", person, key=key).content == made.content
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "holder_name": "Zoë"}
    asked = {"type": "card", "card": card, "customer": made.json()["id"]}
    api.post("/v1/payment_methods", asked, key=card_key)

    api.delete(f"/v1/customers/{made.json()['id']}")

    told = api.post("/v1/customers", person, key=key)
    assert told.headers["Idempotent-Replayed"] == "true"
    assert {"name": None, "email": None, "id": made.json()["id"]}.items() <= told.json().items()
    assert api.post("/v1/payment_methods", asked, key=card_key).json()["card"] is None


def test_pending_payment_is_told_as_it_stands(api: Api) -> None:
    told = api.post("/v1/transactions", payment(api.card("4000000000006009"))).json()
    assert told["status"] == "pending"
    assert api.transaction(told["id"]) == told
