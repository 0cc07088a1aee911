"""From an event to a merchant's server: signed, tried again, given up, never more than asked."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from standardwebhooks import Webhook, WebhookVerificationError

from merchants.models import MerchantNotice
from merchants.services.claim_deliveries import claim_deliveries
from merchants.services.fan_out_webhooks import fan_out
from merchants.services.record_attempt import pause_seconds
from merchants.services.sweep_webhooks import sweep_webhooks
from merchants.webhook_models import WebhookDelivery, WebhookEndpoint
from merchants.webhooks.retries import RETRY_SECONDS
from merchants.webhooks.sender import Outcome
from payments_project.events.logged import LoggedEvent
from tests.api_client import Api
from tests.merchants.webhooks.receiver import Receiver, Reply, receiving
from tests.merchants.webhooks.sending import (
    attempts,
    deliver,
    deliveries,
    events_after,
    fan_out_all,
    make_due,
    make_endpoint,
)
from tests.threads import at_once


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def test_an_event_comes_signed_and_whole(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    payment = api.paid()["id"]
    fan_out_all(api)

    assert deliver(endpoint) == 1

    (got,) = receiver.received
    body = Webhook(endpoint["secret"]).verify(got.body, dict(got.headers))
    event = api.get(f"/v1/events/{got.headers['webhook-id']}").json()
    assert body == event
    assert json.loads(got.body) == event
    assert event["type"] == "transaction.succeeded"
    assert event["data"]["object"]["id"] == payment
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"] == "payment-service-webhooks/1"
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 32).verify(got.body, dict(got.headers))
    (delivery,) = deliveries(api, endpoint)
    assert delivery == {
        "id": delivery["id"],
        "object": "webhook_delivery",
        "environment": "test",
        "created_at": delivery["created_at"],
        "endpoint": endpoint["id"],
        "event": event["id"],
        "event_type": "transaction.succeeded",
        "attempt": 1,
        "status": "succeeded",
        "response_status": 200,
        "error": None,
        "response_excerpt": "ok",
        "duration_ms": delivery["duration_ms"],
        "next_attempt_at": None,
    }


def test_an_endpoint_gets_what_it_asks_for_and_in_order(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.*"])
    first = api.paid()
    api.patch(f"/v1/transactions/{first['id']}", {"description": "Lamp"})
    fan_out_all(api)

    deliver(endpoint)

    told = [json.loads(got.body) for got in receiver.received]
    assert [event["sequence"] for event in told] == [1, 2, 3]
    assert {event["type"].split(".")[0] for event in told} == {"transaction"}
    assert receiver.connections == 1


def test_what_happened_before_and_to_itself_is_not_sent(api: Api, receiver: Receiver) -> None:
    api.paid()
    endpoint = make_endpoint(api, receiver.url)
    other = make_endpoint(api, receiver.url, enabled_events=["webhook_endpoint.*"])
    fan_out_all(api)

    assert [row["event_type"] for row in deliveries(api, endpoint)] == ["webhook_endpoint.created"]
    assert deliveries(api, other) == []


def test_the_other_environment_and_other_merchants_get_nothing(
    api: Api, live_api: Api, other_api: Api, receiver: Receiver
) -> None:
    live = make_endpoint(live_api, "https://shop.example/hooks")
    other = make_endpoint(other_api, receiver.url)
    api.paid()
    fan_out(events_after(api.scope.merchant_id))

    assert deliveries(live_api, live) == []
    assert deliveries(other_api, other) == []


def test_an_event_that_comes_again_is_delivered_once(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    api.paid()
    events = events_after(api.scope.merchant_id)

    at_once(8, lambda _: fan_out(events))
    deliver(endpoint)
    fan_out(events)
    deliver(endpoint)

    assert len(receiver.received) == 1


@pytest.mark.parametrize(("days", "count"), [(29, 1), (31, 0)])
def test_what_happened_a_month_ago_is_not_delivered_any_more(
    api: Api, receiver: Receiver, days: int, count: int
) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    api.paid()
    then = (datetime.now(UTC) - timedelta(days=days)).isoformat()

    fan_out(
        [
            LoggedEvent(event.row._replace(created_at=then), source=event.source)
            for event in events_after(api.scope.merchant_id)
        ]
    )

    assert len(deliveries(api, endpoint)) == count


def test_workers_at_once_send_each_event_once(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    payments = [api.paid()["id"] for _ in range(30)]
    fan_out_all(api)
    receiver.reply = lambda _got: Reply(after=0.02)

    at_once(8, lambda _: deliver(endpoint))

    sent = [json.loads(got.body)["data"]["object"]["id"] for got in receiver.received]
    assert sorted(sent) == sorted(payments)


def test_first_attempts_of_one_object_go_in_order_whoever_sends(
    api: Api, receiver: Receiver
) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.*"])
    for _ in range(12):
        payment = api.paid()["id"]
        api.patch(f"/v1/transactions/{payment}", {"description": "Lamp"})
    fan_out_all(api)
    receiver.reply = lambda _got: Reply(after=0.02)

    at_once(6, lambda _: deliver(endpoint))
    deliver(endpoint)

    told: dict[str, list[int]] = {}
    for got in receiver.received:
        event = json.loads(got.body)
        told.setdefault(event["data"]["object"]["id"], []).append(event["sequence"])
    assert len(told) == 12
    assert set(map(tuple, told.values())) == {(1, 2, 3)}


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
def test_a_failure_is_tried_again_later(api: Api, receiver: Receiver, status: int) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    api.paid()
    fan_out_all(api)
    receiver.reply = lambda _got: Reply(status, b"busy", {"Location": "http://127.0.0.1/inside"})

    deliver(endpoint)

    assert len(receiver.received) == 1
    (delivery,) = deliveries(api, endpoint)
    assert (delivery["status"], delivery["attempt"]) == ("pending", 1)
    assert (delivery["response_status"], delivery["response_excerpt"]) == (status, "busy")
    due = datetime.fromisoformat(delivery["next_attempt_at"])
    assert timedelta(seconds=3) < due - datetime.now(UTC) < timedelta(seconds=7)
    assert deliver(endpoint) == 0

    receiver.reply = lambda _got: Reply()
    make_due(endpoint)
    assert deliver(endpoint) == 1
    (delivery,) = deliveries(api, endpoint)
    assert (delivery["status"], delivery["attempt"]) == ("succeeded", 2)
    log = attempts(api, delivery)
    assert [(entry["attempt"], entry["response_status"]) for entry in log] == [
        (1, status),
        (2, 200),
    ]
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_after_ten_attempts_it_is_given_up(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    api.paid()
    fan_out_all(api)
    receiver.reply = lambda _got: Reply(500)
    pauses = []

    for _ in range(10):
        make_due(endpoint)
        deliver(endpoint)
        (delivery,) = deliveries(api, endpoint)
        if delivery["next_attempt_at"]:
            due = datetime.fromisoformat(delivery["next_attempt_at"])
            pauses.append((due - datetime.now(UTC)).total_seconds())

    assert (delivery["status"], delivery["attempt"]) == ("failed", 10)
    assert delivery["next_attempt_at"] is None
    for pause, expected in zip(pauses, RETRY_SECONDS, strict=True):
        assert expected * 0.79 - 2 < pause < expected * 1.21
    make_due(endpoint)
    assert deliver(endpoint) == 0
    assert len(receiver.received) == 10


def test_retry_after_is_honoured(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    api.paid()
    fan_out_all(api)
    receiver.reply = lambda _got: Reply(429, headers={"Retry-After": "120"})

    deliver(endpoint)

    (delivery,) = deliveries(api, endpoint)
    due = datetime.fromisoformat(delivery["next_attempt_at"])
    assert timedelta(seconds=115) < due - datetime.now(UTC) <= timedelta(seconds=121)
    paused = WebhookEndpoint.objects.get(pk=endpoint["id"]).paused_until
    assert timedelta(seconds=115) < paused - datetime.now(UTC) <= timedelta(seconds=121)


def test_one_that_can_not_be_reached_is_tried_with_one_at_a_time(
    api: Api, receiver: Receiver
) -> None:
    with receiving() as gone:
        url = gone.url
    endpoint = make_endpoint(api, url, enabled_events=["transaction.succeeded"])
    for _ in range(5):
        api.paid()
    fan_out_all(api)

    assert deliver(endpoint) == 1
    assert deliver(endpoint) == 0
    WebhookEndpoint.objects.filter(pk=endpoint["id"]).update(paused_until=None)
    assert deliver(endpoint) == 1

    found = deliveries(api, endpoint)
    assert sorted(row["attempt"] for row in found) == [0, 0, 0, 1, 1]
    assert {row["error"] for row in found} == {None, "connection_refused"}
    WebhookEndpoint.objects.filter(pk=endpoint["id"]).update(url=receiver.url)
    make_due(endpoint)
    assert deliver(endpoint) == 5
    stored = WebhookEndpoint.objects.get(pk=endpoint["id"])
    assert (stored.consecutive_failures, stored.failing_since, stored.paused_until) == (
        0,
        None,
        None,
    )


def _failed(status: int | None) -> Outcome:
    return Outcome(
        status=status,
        error=None if status else "timeout",
        excerpt="",
        duration_ms=1,
        retry_after_seconds=None,
    )


def test_pauses_grow_sooner_where_nobody_answers() -> None:
    unreachable = [pause_seconds(count, _failed(None)) for count in range(1, 12)]
    answered = [pause_seconds(count, _failed(500)) for count in range(1, 12)]

    assert unreachable == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]
    assert answered == [0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 640]


def test_410_disables_the_endpoint_and_tells_the_merchant(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.*"])
    api.paid()
    fan_out_all(api)
    receiver.reply = lambda _got: Reply(410)

    deliver(endpoint)

    read = api.get(f"/v1/webhook_endpoints/{endpoint['id']}").json()
    assert (read["status"], read["disabled_reason"]) == ("disabled", "gone")
    assert deliver(endpoint) == 0
    told = api.get("/v1/events", object=endpoint["id"]).json()["data"]
    assert told[0]["type"] == "webhook_endpoint.disabled"
    assert told[0]["data"]["previous_attributes"] == {"status": "enabled", "disabled_reason": None}
    notice = MerchantNotice.objects.get(object_id=endpoint["id"])
    assert notice.kind == "webhook_endpoint_disabled"
    sweep_webhooks()
    assert {row["status"] for row in deliveries(api, endpoint)} == {"failed"}
    api.paid()
    fan_out_all(api)
    assert len(deliveries(api, endpoint)) == 2


def test_days_of_failure_warn_and_then_disable(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    api.paid()
    fan_out_all(api)
    receiver.reply = lambda _got: Reply(500)

    def fail_after(**age: int) -> dict[str, Any]:
        WebhookEndpoint.objects.filter(pk=endpoint["id"]).update(
            failing_since=datetime.now(UTC) - timedelta(**age), consecutive_failures=9
        )
        make_due(endpoint)
        deliver(endpoint)
        read: dict[str, Any] = api.get(f"/v1/webhook_endpoints/{endpoint['id']}").json()
        return read

    assert fail_after(hours=23)["status"] == "enabled"
    assert not MerchantNotice.objects.filter(object_id=endpoint["id"]).exists()
    assert fail_after(hours=25)["status"] == "enabled"
    assert fail_after(days=5, seconds=1)["disabled_reason"] == "failing"
    kinds = MerchantNotice.objects.filter(object_id=endpoint["id"]).values_list("kind", flat=True)
    assert sorted(kinds) == ["webhook_endpoint_disabled", "webhook_endpoint_failing"]


def test_both_secrets_sign_while_they_overlap(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    rotated = api.post(f"/v1/webhook_endpoints/{endpoint['id']}/rotate_secret").json()
    api.paid()
    fan_out_all(api)
    deliver(endpoint)
    WebhookEndpoint.objects.filter(pk=endpoint["id"]).update(
        previous_secret_until=datetime.now(UTC) - timedelta(seconds=1)
    )
    api.paid()
    fan_out_all(api)
    deliver(endpoint)

    during, after = receiver.received
    assert rotated["secret"] != endpoint["secret"]
    for secret in (endpoint["secret"], rotated["secret"]):
        Webhook(secret).verify(during.body, dict(during.headers))
    Webhook(rotated["secret"]).verify(after.body, dict(after.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint["secret"]).verify(after.body, dict(after.headers))


def test_a_worker_that_died_leaves_its_claims_to_the_next(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    api.paid()
    fan_out_all(api)
    claim = claim_deliveries(UUID(endpoint["id"]))
    assert claim is not None

    assert deliver(endpoint) == 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE webhook_deliveries SET leased_until = now() - interval '1 second'"
            " WHERE endpoint_id = %s",
            [endpoint["id"]],
        )
    assert sweep_webhooks()["freed"] >= 1
    assert deliver(endpoint) == 1


def test_what_is_too_old_is_given_up_untried(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    api.paid()
    fan_out_all(api)
    WebhookDelivery.objects.filter(endpoint=endpoint["id"]).update(
        give_up_at=datetime.now(UTC) - timedelta(seconds=1)
    )

    assert sweep_webhooks()["given up"] >= 1

    (delivery,) = deliveries(api, endpoint)
    assert (delivery["status"], delivery["error"]) == ("failed", "given_up")
    assert deliver(endpoint) == 0


def test_a_dead_endpoint_delays_no_other(api: Api, receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_TIMEOUT_SECONDS = 3
    with receiving() as silent:
        silent.reply = lambda _got: Reply(after=6)
        dead = make_endpoint(api, silent.url, enabled_events=["transaction.succeeded"])
        well = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
        for _ in range(5):
            api.paid()
        fan_out_all(api)
        waiting = threading.Thread(target=deliver, args=(dead,))
        waiting.start()

        assert deliver(well) == 5

        assert waiting.is_alive()
        waiting.join(10)
    (error,) = {row["error"] for row in deliveries(api, dead) if row["attempt"]}
    assert error == "timeout"


def test_a_test_event_comes_whatever_was_asked_for(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=["refund.created"])

    response = api.post(f"/v1/webhook_endpoints/{endpoint['id']}/test")

    assert response.status_code == 201
    assert (response.json()["status"], response.json()["event_type"]) == (
        "pending",
        "webhook_endpoint.test",
    )
    deliver(endpoint)
    fan_out_all(api)
    deliver(endpoint)
    (got,) = receiver.received
    assert json.loads(got.body)["type"] == "webhook_endpoint.test"


def test_a_success_right_after_a_failure_is_a_sign_of_health(api: Api, receiver: Receiver) -> None:
    """Of one claim, whose endpoint was well when it was claimed."""
    endpoint = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    for _ in range(2):
        api.paid()
    fan_out_all(api)
    receiver.reply = lambda _got: Reply(500 if len(receiver.received) == 1 else 200)

    deliver(endpoint)

    assert [row["response_status"] for row in deliveries(api, endpoint)] == [200, 500]
    row = WebhookEndpoint.objects.get(pk=endpoint["id"])
    assert (row.consecutive_failures, row.failing_since) == (0, None)
