"""What staff do with webhooks: endpoints on and off, tests, and sending again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from merchants.models import webhook_models
from payments_project.events.models import Event
from tests.api_client import Api
from tests.console import test_bulk as many
from tests.console.acting import REASON, act, audit_of, do
from tests.console.test_pages import page_of
from tests.merchants.webhooks.receiver import Receiver, Reply, receiving
from tests.merchants.webhooks.sending import (
    deliver,
    deliveries,
    fan_out_all,
    make_due,
    make_endpoint,
)

ENDPOINT, DELIVERY = "merchants.webhookendpoint", "merchants.webhookdelivery"
VIEW = ("merchants.view_webhookendpoint", "merchants.view_webhookdelivery")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def endpoint(api: Api, receiver: Receiver) -> dict[str, Any]:
    """One that wants payments that succeeded."""
    return make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])


def stored(endpoint: dict[str, Any]) -> webhook_models.WebhookEndpoint:
    return webhook_models.WebhookEndpoint.objects.get(pk=endpoint["id"])


def failed_delivery(api: Api, endpoint: dict[str, Any], receiver: Receiver) -> dict[str, Any]:
    """A payment's event that the endpoint has refused ten times."""
    receiver.reply = lambda _got: Reply(500, b"busy")
    api.paid()
    fan_out_all(api)
    for _ in range(10):
        make_due(endpoint)
        deliver(endpoint)
    (delivery,) = deliveries(api, endpoint)
    assert (delivery["status"], delivery["attempt"]) == ("failed", 10)
    receiver.received.clear()
    receiver.reply = lambda _got: Reply()
    return delivery


def test_an_endpoint_is_disabled_and_enabled_again(superuser, api, endpoint):
    text = do(superuser, ENDPOINT, endpoint["id"], "disable")

    assert "It is disabled" in text
    row = stored(endpoint)
    assert (row.status, row.disabled_reason) == ("disabled", "staff")
    api.paid()
    fan_out_all(api)
    assert deliveries(api, endpoint) == []

    text = do(superuser, ENDPOINT, endpoint["id"], "enable")

    assert "It is enabled" in text
    row = stored(endpoint)
    assert (row.status, row.disabled_reason, row.disabled_at) == ("enabled", None, None)
    off, on = {"status": "disabled", "disabled_reason": "staff"}, {
        "status": "enabled", "disabled_reason": None,
    }  # fmt: skip
    assert [
        (entry.action, entry.before, entry.after, entry.reason, entry.staff_user_id)
        for entry in audit_of(endpoint["id"])
    ] == [
        ("webhook_endpoint.disabled", on, off, REASON, superuser.user.pk),
        ("webhook_endpoint.enabled", off, on, REASON, superuser.user.pk),
    ]
    assert {entry.merchant_id for entry in audit_of(endpoint["id"])} == {api.scope.merchant_id}
    told = Event.objects.filter(aggregateid=endpoint["id"]).order_by("sequence")
    assert [(event.type, event.actor_kind) for event in told] == [
        ("webhook_endpoint.created", "api_key"),
        ("webhook_endpoint.disabled", "staff"),
        ("webhook_endpoint.updated", "staff"),
    ]


def test_enabling_forgets_failures(superuser, api, endpoint, receiver):
    failed_delivery(api, endpoint, receiver)
    assert stored(endpoint).consecutive_failures == 10
    do(superuser, ENDPOINT, endpoint["id"], "disable")
    do(superuser, ENDPOINT, endpoint["id"], "enable")
    row = stored(endpoint)
    assert (row.consecutive_failures, row.failing_since, row.paused_until) == (0, None, None)


def test_a_test_event_reaches_the_endpoint(superuser, api, endpoint, receiver):
    text = do(superuser, ENDPOINT, endpoint["id"], "test")

    assert "A test event is on its way" in text
    (delivery,) = webhook_models.WebhookDelivery.objects.filter(endpoint_id=endpoint["id"])
    assert (delivery.event_type, delivery.status) == ("webhook_endpoint.test", "pending")
    assert deliver(endpoint) == 1
    assert [got.headers["webhook-id"] for got in receiver.received] == [str(delivery.event_id)]
    (entry,) = audit_of(endpoint["id"])
    assert (entry.action, entry.after, entry.reason) == (
        "webhook_endpoint.tested", {"delivery": str(delivery.pk)}, REASON,
    )  # fmt: skip
    event = Event.objects.get(pk=delivery.event_id)
    assert (event.actor_kind, event.actor_id) == ("staff", superuser.user.pk)


def test_what_failed_since_a_time_is_sent_again(superuser, api, endpoint, receiver):
    delivery = failed_delivery(api, endpoint, receiver)
    api.paid()
    fan_out_all(api)
    make_due(endpoint)
    assert deliver(endpoint) == 1
    receiver.received.clear()
    since = (datetime.now(UTC) - timedelta(hours=1)).replace(second=0, microsecond=0)

    text = do(
        superuser, ENDPOINT, endpoint["id"], "resend",
        since=f"{since:%Y-%m-%dT%H:%M}", which="failed",
    )  # fmt: skip

    assert "1 webhook is on the way." in text
    make_due(endpoint)
    assert deliver(endpoint) == 1
    assert [got.headers["webhook-id"] for got in receiver.received] == [delivery["event"]]
    (entry,) = audit_of(endpoint["id"])
    assert (entry.action, entry.reason) == ("webhook_endpoint.resent", REASON)
    assert entry.after == {
        "since": since.isoformat(), "which": "failed", "count": 1, "continue_from": None,
    }  # fmt: skip


def test_everything_since_a_time_is_sent_what_it_never_got_too(superuser, api, endpoint, receiver):
    api.paid()
    fan_out_all(api)
    deliver(endpoint)
    do(superuser, ENDPOINT, endpoint["id"], "disable")
    api.paid()
    do(superuser, ENDPOINT, endpoint["id"], "enable")
    receiver.received.clear()
    since = datetime.now(UTC) - timedelta(hours=1)

    text = do(
        superuser, ENDPOINT, endpoint["id"], "resend",
        since=f"{since:%Y-%m-%dT%H:%M}", which="all",
    )  # fmt: skip

    assert "2 webhooks are on the way." in text
    assert deliver(endpoint) == 2
    assert audit_of(endpoint["id"])[-1].after["count"] == 2


@pytest.mark.parametrize(
    ("since", "words"),
    [
        (timedelta(days=31), "Events are sent again for 30 days."),
        (-timedelta(hours=1), "That is still to come."),
    ],
)
def test_a_time_that_can_not_be_is_refused(superuser, endpoint, since, words):
    when = datetime.now(UTC) - since
    values = {"since": f"{when:%Y-%m-%dT%H:%M}", "which": "all"}
    assert words in do(superuser, ENDPOINT, endpoint["id"], "resend", **values)
    assert audit_of(endpoint["id"]) == []


def test_a_delivery_is_sent_again(superuser, api, endpoint, receiver):
    delivery = failed_delivery(api, endpoint, receiver)

    text = do(superuser, DELIVERY, delivery["id"], "resend")

    assert "It is on its way again" in text
    row = webhook_models.WebhookDelivery.objects.get(pk=delivery["id"])
    assert (row.status, row.attempt, row.tries) == ("pending", 10, 0)
    make_due(endpoint)
    assert deliver(endpoint) == 1
    row.refresh_from_db()
    assert (row.status, row.attempt, row.response_status) == ("succeeded", 11, 200)
    (entry,) = audit_of(delivery["id"])
    assert (entry.action, entry.before, entry.after, entry.reason) == (
        "webhook_delivery.resent",
        {"status": "failed", "attempts": 10},
        {"status": "pending", "event": delivery["event"]},
        REASON,
    )
    assert entry.merchant_id == api.scope.merchant_id


def test_many_deliveries_are_sent_again_and_what_can_not_be_says_why(
    superuser, api, endpoint, receiver
):
    for _ in range(2):
        api.paid()
    fan_out_all(api)
    deliver(endpoint)
    gone = make_endpoint(api, receiver.url, enabled_events=["transaction.succeeded"])
    api.paid()
    fan_out_all(api)
    (lost,) = deliveries(api, gone)
    do(superuser, ENDPOINT, gone["id"], "disable")
    keys = [row["id"] for row in deliveries(api, endpoint)[-2:]]

    page = many.do(superuser, DELIVERY, "resend", [*keys, lost["id"]])

    done = ("done", "It is on its way again; reload to see what the endpoint answers.")
    assert many.results_of(page) == {
        **dict.fromkeys(keys, done),
        lost["id"]: ("refused", "Its endpoint is disabled; enable it first."),
    }
    assert [len(audit_of(key)) for key in (*keys, lost["id"])] == [1, 1, 0]
    receiver.received.clear()
    deliver(endpoint)
    # The two, and the payment that came meanwhile.
    assert len(receiver.received) == 3


def test_acts_that_the_state_does_not_allow_are_refused_in_words(
    superuser, api, endpoint, receiver
):
    refused = {name: do(superuser, ENDPOINT, endpoint["id"], name) for name in ("enable",)}
    assert "its state does not allow that any more" in refused["enable"]
    api.paid()
    fan_out_all(api)
    (delivery,) = deliveries(api, endpoint)
    do(superuser, ENDPOINT, endpoint["id"], "disable")
    before = len(audit_of(endpoint["id"]))
    for label, key, name in (
        (ENDPOINT, endpoint["id"], "disable"),
        (ENDPOINT, endpoint["id"], "test"),
        (ENDPOINT, endpoint["id"], "resend"),
        (DELIVERY, delivery["id"], "resend"),
    ):
        text = superuser.get(act(label, key, name), follow=True).content.decode()
        assert "its state does not allow that any more" in text, name
    assert len(audit_of(endpoint["id"])) == before
    assert audit_of(delivery["id"]) == []


def test_a_deleted_endpoint_can_not_be_enabled(superuser, api, endpoint):
    assert api.delete(f"/v1/webhook_endpoints/{endpoint['id']}").status_code < 300
    text = do(superuser, ENDPOINT, endpoint["id"], "enable")
    assert "its state does not allow that any more" in text
    assert stored(endpoint).status == "disabled"


def test_what_a_colleague_was_faster_with_is_said(superuser, endpoint, monkeypatch):
    from merchants.admin import webhook_acts

    stale = webhook_models.WebhookEndpoint.objects.get(pk=endpoint["id"])
    do(superuser, ENDPOINT, endpoint["id"], "disable")
    monkeypatch.setattr(
        "merchants.admin.webhook_endpoints.WebhookEndpointAdmin.get_object",
        lambda *_args, **_kwargs: stale,
    )
    assert webhook_acts.is_enabled(stale)
    text = do(superuser, ENDPOINT, endpoint["id"], "disable")
    assert "Somebody has disabled it already." in text
    assert len(audit_of(endpoint["id"])) == 1


def test_acts_need_a_right_of_their_own(superuser, staff_with, api, endpoint):
    api.paid()
    fan_out_all(api)
    (delivery,) = deliveries(api, endpoint)
    viewer = staff_with(*VIEW)
    for label, key, name in (
        (ENDPOINT, endpoint["id"], "disable"),
        (ENDPOINT, endpoint["id"], "test"),
        (ENDPOINT, endpoint["id"], "resend"),
        (DELIVERY, delivery["id"], "resend"),
    ):
        page = viewer.get(page_of(label, key))
        assert page.status_code == 200
        assert act(label, key, name) not in page.content.decode()
        assert viewer.get(act(label, key, name)).status_code == 403
        assert viewer.post(act(label, key, name), {"reason": REASON}).status_code == 403
    bulk = many.bulk_of(DELIVERY, "resend")
    assert viewer.post(bulk, {ACTION_CHECKBOX_NAME: [delivery["id"]]}).status_code == 403
    assert stored(endpoint).status == "enabled"
    assert audit_of(endpoint["id"]) == audit_of(delivery["id"]) == []
    changer = staff_with(*VIEW, "merchants.change_webhookendpoint")
    assert changer.get(act(ENDPOINT, endpoint["id"], "resend")).status_code == 403
    assert changer.get(act(ENDPOINT, endpoint["id"], "test")).status_code == 200


def test_an_act_asks_why(superuser, endpoint):
    text = do(superuser, ENDPOINT, endpoint["id"], "disable", reason="")
    assert 'class="c-error"' in text
    assert stored(endpoint).status == "enabled"
