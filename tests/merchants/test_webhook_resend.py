"""Webhooks sent again: one, what failed, everything; never while another is at it."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from merchants.services import resend_webhooks
from merchants.services.claim_deliveries import claim_deliveries, release_deliveries
from merchants.services.fan_out_webhooks import fan_out
from merchants.services.resend_webhooks import resend_webhooks_since
from merchants.services.sweep_webhooks import sweep_webhooks
from merchants.webhook_models import WebhookDelivery, WebhookEndpoint
from merchants.webhooks.delivery_ids import delivery_id
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.database.uuid7 import uuid7_floor
from tests.api_client import Api, new_key
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

PATH = "/v1/webhook_endpoints"
SUCCEEDED = ["transaction.succeeded"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def long_ago() -> str:
    return (datetime.now(UTC) - timedelta(days=1)).isoformat()


def paid_for(api: Api, receiver: Receiver, count: int = 1, **fields: Any) -> dict[str, Any]:
    """An endpoint to which so many payments are due, none of them sent."""
    endpoint = make_endpoint(api, receiver.url, **{"enabled_events": SUCCEEDED, **fields})
    for _ in range(count):
        api.paid()
    fan_out_all(api)
    return endpoint


def resent(api: Api, delivery: dict[str, Any]) -> dict[str, Any]:
    response = api.post(f"/v1/webhook_deliveries/{delivery['id']}/resend")
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    return content


def all_resent(api: Api, endpoint: dict[str, Any], **body: Any) -> dict[str, Any]:
    response = api.post(f"{PATH}/{endpoint['id']}/resend", {"since": long_ago(), **body})
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    assert (content["object"], content["endpoint"]) == ("webhook_resend", endpoint["id"])
    return content


def give_up(endpoint: dict[str, Any]) -> None:
    """As if all tries of what is due were used up; the endpoint is well otherwise."""
    WebhookDelivery.objects.filter(endpoint_id=endpoint["id"], status="pending").update(
        status="failed", tries=10, attempt=10, next_attempt_at=None, finished_at=datetime.now(UTC)
    )


# One


def test_a_delivery_that_succeeded_is_sent_again(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver)
    deliver(endpoint)
    (before,) = deliveries(api, endpoint)

    answer = resent(api, before)

    assert answer == {
        **before,
        "status": "pending",
        "next_attempt_at": answer["next_attempt_at"],
    }
    assert deliver(endpoint) == 1
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    (after,) = deliveries(api, endpoint)
    assert (after["status"], after["attempt"], after["next_attempt_at"]) == ("succeeded", 2, None)
    assert [entry["attempt"] for entry in attempts(api, after)] == [1, 2]


def test_a_delivery_that_failed_begins_with_its_first_try(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver)
    give_up(endpoint)
    receiver.reply = lambda _got: Reply(500)
    (before,) = deliveries(api, endpoint)

    assert resent(api, before)["status"] == "pending"
    deliver(endpoint)

    (after,) = deliveries(api, endpoint)
    due = datetime.fromisoformat(after["next_attempt_at"]) - datetime.now(UTC)
    assert (after["status"], after["attempt"]) == ("pending", 11)
    assert timedelta(seconds=3) < due < timedelta(seconds=7)
    row = WebhookDelivery.objects.get(pk=after["id"])
    assert row.tries == 1
    assert timedelta(hours=77) < row.give_up_at - datetime.now(UTC) <= timedelta(hours=78)


def test_a_delivery_that_waits_is_due_at_once(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver)
    receiver.reply = lambda _got: Reply(500)
    deliver(endpoint)
    (waiting,) = deliveries(api, endpoint)
    assert deliver(endpoint) == 0
    receiver.reply = lambda _got: Reply()

    resent(api, waiting)

    assert deliver(endpoint) == 1
    assert deliveries(api, endpoint)[0]["status"] == "succeeded"


def test_who_asks_need_not_wait_for_the_end_of_a_pause(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver, 3)
    WebhookEndpoint.objects.filter(pk=endpoint["id"]).update(
        consecutive_failures=9, paused_until=datetime.now(UTC) + timedelta(minutes=15)
    )
    receiver.reply = lambda _got: Reply(500)
    assert deliver(endpoint) == 0

    resent(api, deliveries(api, endpoint)[0])

    assert deliver(endpoint) == 1
    assert deliver(endpoint) == 0
    receiver.reply = lambda _got: Reply()
    api.post(f"{PATH}/{endpoint['id']}/test")
    make_due(endpoint)
    assert deliver(endpoint) == 4


def test_nothing_is_sent_again_to_a_disabled_endpoint(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver)
    deliver(endpoint)
    api.patch(f"{PATH}/{endpoint['id']}", {"status": "disabled"})
    (before,) = deliveries(api, endpoint)

    one = api.post(f"/v1/webhook_deliveries/{before['id']}/resend")
    several = api.post(f"{PATH}/{endpoint['id']}/resend", {"since": long_ago()})

    for refused in (one, several):
        api.error(refused, 409, "webhook_endpoint_disabled")
    assert deliveries(api, endpoint) == [before]


def old_delivery(api: Api, endpoint: dict[str, Any], age: timedelta) -> WebhookDelivery:
    """A delivery that failed, of an event of that age."""
    now = datetime.now(UTC)
    event = uuid7_floor(now - age)
    made: WebhookDelivery = run_in_transaction(
        lambda: WebhookDelivery.objects.create(
            id=delivery_id(event_id=event, endpoint_id=UUID(endpoint["id"])),
            endpoint_id=endpoint["id"],
            event_id=event,
            merchant_id=api.scope.merchant_id,
            environment="test",
            event_type="transaction.succeeded",
            aggregateid="x",
            position=1,
            next_attempt_at=now,
            give_up_at=now,
        )
    )
    give_up(endpoint)
    return made


def test_an_event_is_sent_again_for_thirty_days(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url, enabled_events=SUCCEEDED)
    minute = timedelta(minutes=1)
    young = old_delivery(api, endpoint, timedelta(days=30) - minute)
    old = old_delivery(api, endpoint, timedelta(days=30) + minute)

    assert resent(api, {"id": str(young.pk)})["status"] == "pending"
    refused = api.post(f"/v1/webhook_deliveries/{old.pk}/resend")

    api.error(refused, 409, "event_too_old")
    assert WebhookDelivery.objects.get(pk=old.pk).status == "failed"
    since = datetime.now(UTC) - timedelta(days=30) - minute
    path = f"{PATH}/{endpoint['id']}/resend"
    error = api.error(api.post(path, {"since": since.isoformat()}), 409, "event_too_old")
    assert error["param"] == "since"
    assert all_resent(api, endpoint, since=(since + 2 * minute).isoformat())["count"] == 0


def test_an_event_that_the_log_has_dropped_fails(api: Api, receiver: Receiver) -> None:
    endpoint = make_endpoint(api, receiver.url)
    gone = old_delivery(api, endpoint, timedelta(days=1))

    resent(api, {"id": str(gone.pk)})
    deliver(endpoint)

    after = api.get(f"/v1/webhook_deliveries/{gone.pk}").json()
    assert (after["status"], after["error"]) == ("failed", "event_gone")
    assert receiver.received == []


# Several


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "since", "parameter_missing"),
        ({"since": None}, "since", "parameter_invalid"),
        ({"since": "2026-01-31"}, "since", "parameter_invalid"),
        ({"since": 1769860800}, "since", "parameter_invalid"),
        ({"since": "2026-01-31T00:00:00Z", "status": "pending"}, "status", "parameter_invalid"),
        ({"since": "2026-01-31T00:00:00Z", "until": "x"}, "until", "unknown_parameter"),
    ],
)
def test_resend_refuses_what_it_does_not_know(
    api: Api, body: dict[str, Any], param: str, code: str
) -> None:
    endpoint = make_endpoint(api, "https://shop.example/hooks")

    response = api.post(f"{PATH}/{endpoint['id']}/resend", body)

    assert api.error(response, 400, code)["param"] == param


def test_only_what_failed_is_sent_again(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver, 2)
    give_up(endpoint)
    api.paid()
    fan_out_all(api)
    deliver(endpoint)
    assert len(receiver.received) == 1
    waiting = paid_for(api, receiver)

    answer = all_resent(api, endpoint)

    assert (answer["count"], answer["has_more"], answer["continue_from"]) == (2, False, None)
    assert deliver(endpoint) == 3
    assert [row["status"] for row in deliveries(api, endpoint)] == ["succeeded"] * 4
    assert [row["attempt"] for row in deliveries(api, waiting)] == [0]


def test_what_failed_before_the_time_stays_so(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver, 2)
    give_up(endpoint)
    newer, older = deliveries(api, endpoint)

    assert all_resent(api, endpoint, since=newer["created_at"])["count"] == 1

    assert deliveries(api, endpoint, status="failed") == [older]
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert all_resent(api, endpoint, since=soon)["count"] == 0


def test_all_is_what_the_endpoint_asks_for_and_nothing_else(api: Api, receiver: Receiver) -> None:
    api.paid()
    endpoint = paid_for(api, receiver, 2)
    deliver(endpoint)
    api.post(f"{PATH}/{endpoint['id']}/test")
    deliver(endpoint)
    before = len(receiver.received)

    answer = all_resent(api, endpoint, status="all")

    # One of them happened before there was the endpoint.
    assert answer["count"] == 3
    assert deliver(endpoint) == 3
    sent = [got.headers["webhook-id"] for got in receiver.received[before:]]
    types = {api.get(f"/v1/events/{identity}").json()["type"] for identity in sent}
    assert (len(set(sent)), types) == (3, set(SUCCEEDED))


def test_all_includes_what_happened_while_it_was_disabled(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver)
    deliver(endpoint)
    api.patch(f"{PATH}/{endpoint['id']}", {"status": "disabled"})
    api.paid()
    fan_out_all(api)
    missed = events_after(api.scope.merchant_id)[-1].position
    api.patch(f"{PATH}/{endpoint['id']}", {"status": "enabled"})
    api.paid()
    fan_out(events_after(api.scope.merchant_id, missed))
    deliver(endpoint)
    assert len(receiver.received) == 2

    assert all_resent(api, endpoint)["count"] == 0
    assert all_resent(api, endpoint, status="all")["count"] == 3

    assert deliver(endpoint) == 3
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 3


def test_nothing_of_others_is_sent(
    api: Api, live_api: Api, other_api: Api, receiver: Receiver
) -> None:
    for stranger in (live_api, other_api):
        stranger.paid()
    other = paid_for(api, receiver)
    endpoint = make_endpoint(api, receiver.url, enabled_events=["customer.*"])

    assert all_resent(api, endpoint, status="all")["count"] == 0
    assert all_resent(api, other, status="all")["count"] == 1


def test_a_long_time_is_gone_through_in_batches(
    api: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend_webhooks, "BATCH_MAX", 7)
    endpoint = paid_for(api, receiver, 12)
    deliver(endpoint)
    receiver.received.clear()
    since = datetime.now(UTC) - timedelta(days=1)
    counts = []

    while True:
        done = run_in_transaction(
            lambda since=since: resend_webhooks_since(
                scope=api.scope, endpoint_id=UUID(endpoint["id"]), since=since, only_failed=False
            )
        )
        counts.append(done.count)
        if done.continue_from is None:
            break
        assert done.continue_from > since
        since = done.continue_from

    assert len(counts) > 4
    assert sum(counts) == 12
    assert deliver(endpoint) == 12
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 12


def test_a_replayed_resend_sends_nothing_more(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver)
    deliver(endpoint)
    key, body = new_key(), {"since": long_ago(), "status": "all"}

    first = api.post(f"{PATH}/{endpoint['id']}/resend", body, key=key)
    deliver(endpoint)
    second = api.post(f"{PATH}/{endpoint['id']}/resend", body, key=key)

    assert second.json() == first.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert deliver(endpoint) == 0


# While a worker is at it


@pytest.mark.parametrize("how", ["one", "failed", "all"])
def test_what_is_under_way_is_not_sent_beside(api: Api, receiver: Receiver, how: str) -> None:
    endpoint = paid_for(api, receiver)
    claim = claim_deliveries(UUID(endpoint["id"]))
    assert claim is not None
    (before,) = deliveries(api, endpoint)

    if how == "one":
        resent(api, before)
    else:
        all_resent(api, endpoint, status=how)

    row = WebhookDelivery.objects.get(pk=before["id"])
    assert row.leased_until is not None
    assert deliver(endpoint) == 0
    release_deliveries(claim.deliveries)
    assert deliver(endpoint) == 1
    assert deliver(endpoint) == 0


@pytest.mark.parametrize(("status", "sent"), [(200, 1), (500, 2)])
def test_an_attempt_under_way_counts_and_a_failed_one_is_tried_anew(
    api: Api, receiver: Receiver, status: int, sent: int
) -> None:
    endpoint = paid_for(api, receiver)
    # The last try that there would be.
    WebhookDelivery.objects.filter(endpoint_id=endpoint["id"]).update(tries=9, attempt=9)
    arrived, answer_now = threading.Event(), threading.Event()

    def reply(_got: object) -> Reply:
        arrived.set()
        assert answer_now.wait(10)
        return Reply(status)

    receiver.reply = reply
    worker = threading.Thread(target=_deliver_and_close, args=[endpoint])
    worker.start()
    assert arrived.wait(10)

    assert resent(api, deliveries(api, endpoint)[0])["status"] == "pending"
    answer_now.set()
    worker.join()

    receiver.reply = lambda _got: Reply()
    make_due(endpoint)
    deliver(endpoint)
    (after,) = deliveries(api, endpoint)
    assert (after["status"], after["attempt"]) == ("succeeded", 9 + sent)
    assert len(receiver.received) == sent


def _deliver_and_close(endpoint: dict[str, Any]) -> None:
    try:
        deliver(endpoint)
    finally:
        connection.close()


def test_one_whose_worker_died_is_sent_once_the_lease_is_over(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver)
    assert claim_deliveries(UUID(endpoint["id"])) is not None
    all_resent(api, endpoint, status="all")
    assert deliver(endpoint) == 0

    WebhookDelivery.objects.filter(endpoint_id=endpoint["id"]).update(
        leased_until=datetime.now(UTC) - timedelta(seconds=1)
    )
    sweep_webhooks()

    assert deliver(endpoint) == 1
    assert deliveries(api, endpoint)[0]["status"] == "succeeded"


def test_resends_and_workers_at_once_lose_nothing(api: Api, receiver: Receiver) -> None:
    endpoint = paid_for(api, receiver, 20)
    receiver.reply = lambda _got: Reply(after=0.005)

    def act(number: int) -> None:
        if number % 2:
            deliver(endpoint)
        else:
            all_resent(api, endpoint, status="all")

    at_once(8, act)
    deliver(endpoint)

    found = deliveries(api, endpoint, limit="100")
    assert [row["status"] for row in found] == ["succeeded"] * 20
    # Each was sent as often as its log says, at most once for each time that it was asked for.
    ids = [got.headers["webhook-id"] for got in receiver.received]
    assert {row["event"]: row["attempt"] for row in found} == {
        identity: ids.count(identity) for identity in ids
    }
    assert max(row["attempt"] for row in found) <= 1 + 4
