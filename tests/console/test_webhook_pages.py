"""The console's pages of webhooks and of readers: what they show, what never, what they cost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from merchants.models import webhook_models
from merchants.services.sweep_webhooks import sweep_webhooks
from payments_project.console import engines
from payments_project.events.consumers import consumers
from payments_project.events.reader_connection import reader_connection
from tests.api_client import Api
from tests.console.test_pages import list_of, page_of
from tests.merchants.webhooks.receiver import Receiver, Reply, receiving
from tests.merchants.webhooks.sending import deliver, fan_out_all, make_due, make_endpoint
from tests.payments_project.events.reading import born_now
from tests.payments_project.job_runs import all_succeeded

ENDPOINT, DELIVERY = "merchants.webhookendpoint", "merchants.webhookdelivery"
EVENT, MERCHANT, CURSOR = (
    "payments_project.event", "merchants.merchant", "payments_project.eventcursor",
)  # fmt: skip
QUERIES_MAX = 15


@pytest.fixture(autouse=True)
def _no_kafka(settings: Any) -> None:
    """Whose readers are expected depends on it."""
    settings.KAFKA_BOOTSTRAP_SERVERS = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def endpoint(api: Api, receiver: Receiver) -> dict[str, Any]:
    return make_endpoint(
        api, f"{receiver.url}?token=hunter2", enabled_events=["transaction.succeeded"]
    )


def sent(api: Api, endpoint: dict[str, Any]) -> webhook_models.WebhookDelivery:
    """A payment's event, tried once."""
    api.paid()
    fan_out_all(api)
    make_due(endpoint)
    deliver(endpoint)
    return webhook_models.WebhookDelivery.objects.filter(endpoint_id=endpoint["id"]).latest("pk")


def change(endpoint: dict[str, Any], **values: Any) -> None:
    webhook_models.WebhookEndpoint.objects.filter(pk=endpoint["id"]).update(**values)


def text_of(client, address: str, **query: str) -> str:
    page = client.get(address, query)
    assert page.status_code == 200
    return page.content.decode()


def rows_in(client, label: str, **query: str) -> list[str]:
    return [str(row.pk) for row in client.get(list_of(label), query).context["cl"].result_list]


def test_an_endpoints_page_tells_how_it_is_and_what_was_sent(superuser, api, endpoint, receiver):
    delivery = sent(api, endpoint)
    receiver.reply = lambda _got: Reply(500, b"busy")
    sent(api, endpoint)

    page = superuser.get(page_of(ENDPOINT, endpoint["id"]))

    text = page.content.decode()
    panels = {panel.title: panel for panel in page.context["panels"]}
    assert page_of(DELIVERY, delivery.pk) in text
    assert [row[2] for row in panels["Deliveries"].rows] == ["1", "1"]
    (day,) = panels["Attempts by day"].rows
    assert day[1:4] == ["2", "1", "1"]
    assert f"{datetime.now(UTC):%d %b %Y}" in day[0]
    assert "failing" in text


def test_an_address_is_shown_without_its_query(superuser, api, endpoint):
    delivery = sent(api, endpoint)
    for address in (
        page_of(ENDPOINT, endpoint["id"]),
        list_of(ENDPOINT),
        page_of(DELIVERY, delivery.pk),
        list_of(DELIVERY),
        page_of(EVENT, delivery.event_id),
        page_of(MERCHANT, api.scope.merchant_id) + "?tab=Webhooks",
    ):
        text = text_of(superuser, address)
        assert "/hooks?…" in text, address
        assert "hunter2" not in text, address


def test_no_page_shows_a_secret(superuser, api, endpoint):
    delivery = sent(api, endpoint)
    secret = endpoint["secret"]
    rotated = api.post(f"/v1/webhook_endpoints/{endpoint['id']}/rotate_secret", {}).json()["secret"]
    row = webhook_models.WebhookEndpoint.objects.get(pk=endpoint["id"])
    assert (row.secret, row.previous_secret) == (rotated, secret)
    for address in (
        page_of(ENDPOINT, endpoint["id"]),
        list_of(ENDPOINT),
        page_of(DELIVERY, delivery.pk),
        page_of(EVENT, delivery.event_id),
        page_of(MERCHANT, api.scope.merchant_id) + "?tab=Webhooks",
        f"/admin/search/?s={endpoint['id']}&extended=1",
    ):
        with CaptureQueriesContext(connection) as captured:
            text = text_of(superuser, address)
        assert secret not in text
        assert rotated not in text
        # They are not even read.
        assert not any('"secret"' in one["sql"] for one in captured), address


def test_a_deliverys_page_has_every_attempt(superuser, api, endpoint, receiver):
    receiver.reply = lambda _got: Reply(503, b"<b>later</b>")
    delivery = sent(api, endpoint)
    receiver.reply = lambda _got: Reply(200, b"thanks")
    make_due(endpoint)
    deliver(endpoint)

    page = superuser.get(page_of(DELIVERY, delivery.pk))

    text = page.content.decode()
    (panel,) = page.context["panels"]
    assert [row[0] for row in panel.rows] == ["2", "1"]
    assert ["200" in panel.rows[0][2], "503" in panel.rows[1][2]] == [True, True]
    assert "thanks" in text
    assert "&lt;b&gt;later" in text
    assert page_of(EVENT, delivery.event_id) in text
    assert page_of(ENDPOINT, endpoint["id"]) in text


def test_why_there_was_no_answer_is_said(superuser, api, receiver):
    endpoint = make_endpoint(
        api, "http://127.0.0.1:1025/x", enabled_events=["transaction.succeeded"]
    )
    delivery = sent(api, endpoint)
    text = text_of(superuser, page_of(DELIVERY, delivery.pk))
    delivery.refresh_from_db()
    assert delivery.error
    assert delivery.error.replace("_", " ") in text


def test_an_event_says_where_it_was_sent(superuser, api, endpoint):
    delivery = sent(api, endpoint)
    text = text_of(superuser, page_of(EVENT, delivery.event_id))
    assert page_of(DELIVERY, delivery.pk) in text
    other = api.scope.merchant_id
    assert f"?event_id={delivery.event_id}" in text
    assert rows_in(superuser, DELIVERY, event_id=str(delivery.event_id)) == [str(delivery.pk)]
    assert other


def test_an_event_of_an_endpoint_leads_to_it(superuser, api, endpoint):
    from payments_project.events.models import Event

    made = Event.objects.get(aggregateid=endpoint["id"], type="webhook_endpoint.created")
    assert page_of(ENDPOINT, endpoint["id"]) in text_of(superuser, page_of(EVENT, made.pk))


def test_a_merchants_webhooks_are_a_tab_for_those_who_may_see_them(
    superuser, staff_with, api, endpoint
):
    address = page_of(MERCHANT, api.scope.merchant_id)
    text = text_of(superuser, address, tab="Webhooks")
    assert page_of(ENDPOINT, endpoint["id"]) in text
    assert f"{list_of(DELIVERY)}?endpoint={endpoint['id']}" in text
    assert "tab=Webhooks" not in text_of(staff_with("merchants.view_merchant"), address)


def test_endpoints_are_found_by_their_health(superuser, api, receiver):
    made = {
        name: make_endpoint(api, f"{receiver.url}/{number}")
        for number, name in enumerate(("well", "failing", "paused", "disabled", "gone", "old"))
    }
    now = datetime.now(UTC)
    change(made["failing"], failing_since=now, consecutive_failures=3)
    change(made["paused"], failing_since=now, paused_until=now + timedelta(hours=1))
    off = {"status": "disabled", "disabled_at": now}
    change(made["disabled"], disabled_reason="staff", **off)
    change(made["gone"], disabled_reason="gone", failing_since=now, **off)
    change(
        made["old"], status="disabled", disabled_reason="failing", failing_since=now,
        disabled_at=now - timedelta(days=8),
    )  # fmt: skip

    def found(health: str) -> set[str]:
        rows = rows_in(superuser, ENDPOINT, merchant=str(api.scope.merchant_id), health=health)
        return {name for name, one in made.items() if one["id"] in rows}

    assert found("well") == {"well"}
    assert found("failing") == {"failing", "paused"}
    assert found("paused") == {"paused"}
    assert found("disabled") == {"disabled", "gone", "old"}
    assert found("needs a look") == {"failing", "paused", "gone"}
    assert rows_in(superuser, ENDPOINT, health="moon") == []
    merchant = str(api.scope.merchant_id)
    assert rows_in(superuser, ENDPOINT, merchant=merchant, disabled_reason="gone") == [
        made["gone"]["id"]
    ]


def test_the_home_page_counts_endpoints_that_fail(superuser, api, endpoint):
    def shown(environment: str) -> int:
        page = superuser.get("/admin/", {"environment": environment})
        (tile,) = (one for one in page.context["queue_tiles"] if one.label == "Webhooks failing")
        return int(tile.value)

    test, live = shown("test"), shown("live")
    change(endpoint, failing_since=datetime.now(UTC))
    assert (shown("test"), shown("live")) == (test + 1, live)


def test_deliveries_are_found_by_status_endpoint_and_ids(superuser, api, endpoint, receiver):
    taken = sent(api, endpoint)
    receiver.reply = lambda _got: Reply(500)
    pending = sent(api, endpoint)

    def found(**query: str) -> list[str]:
        return rows_in(superuser, DELIVERY, endpoint=endpoint["id"], **query)

    assert found() == [str(pending.pk), str(taken.pk)]
    assert found(status="pending") == [str(pending.pk)]
    assert found(status="succeeded") == [str(taken.pk)]
    assert found(environment="live") == []
    assert found(created_from=f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}") == []
    assert rows_in(superuser, DELIVERY, q=str(taken.pk)) == [str(taken.pk)]
    assert rows_in(superuser, DELIVERY, q=str(taken.event_id)) == [str(taken.pk)]
    assert rows_in(superuser, DELIVERY, q=endpoint["id"]) == [str(pending.pk), str(taken.pk)]


def test_pages_cost_few_queries_however_much_they_show(superuser, api, endpoint):
    for _ in range(12):
        api.paid()
    delivery = sent(api, endpoint)
    for address in (
        list_of(ENDPOINT),
        list_of(DELIVERY),
        list_of(CURSOR),
        list_of("payments_project.deadletter"),
        page_of(ENDPOINT, endpoint["id"]),
        page_of(DELIVERY, delivery.pk),
        page_of(EVENT, delivery.event_id),
        page_of(CURSOR, "ledger_balances"),
        page_of(MERCHANT, api.scope.merchant_id) + "?tab=Webhooks",
    ):
        superuser.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert superuser.get(address).status_code == 200
        asked = [one["sql"] for one in captured]
        assert len(asked) <= QUERIES_MAX, "\n".join([address, *asked])


def tile_of_engines(client) -> Any:
    page = client.get("/admin/")
    return next(one for one in page.context["queue_tiles"] if one.label == "Engines")


@pytest.fixture
def one_reader(monkeypatch: Any) -> str:
    """Of all readers only this one is looked at, and nothing that other apps say."""
    monkeypatch.setattr(engines, "_fault_sources", [])
    name = born_now("consumer:webhooks")
    read, kept = engines.lags_of, (name, engines.LEDGER_CURSOR)
    monkeypatch.setattr(
        engines, "lags_of", lambda answer: [lag for lag in read(answer) if lag.name in kept]
    )
    return name


def ledger_moved(seconds_ago: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE event_cursors SET updated_at = now() - make_interval(secs => %s)"
            " WHERE name = 'ledger_balances'",
            [seconds_ago],
        )


def test_the_engines_tile_says_which_reader_is_stopped_or_behind(
    superuser, api, one_reader, monkeypatch
):
    ledger_moved(0)
    all_succeeded()
    assert "consumer:webhooks is stopped" in tile_of_engines(superuser).hint
    with reader_connection("tests") as opened:
        assert opened.try_lock(one_reader)
        tile = tile_of_engines(superuser)
        assert (tile.value, tile.tone) == ("well", "")
        assert tile.url == list_of(CURSOR)
        api.paid()
        monkeypatch.setattr("payments_project.events.lag.BEHIND_AFTER_SECONDS", 0)
        assert "consumer:webhooks is behind" in tile_of_engines(superuser).hint


def test_workers_stand_still_when_the_ledger_is_not_folded_whatever_else_moves(
    superuser, one_reader
):
    ledger_moved(120)
    assert "workers stand still" in tile_of_engines(superuser).hint
    ledger_moved(0)
    assert "workers stand still" not in tile_of_engines(superuser).hint


def test_the_readers_page_tells_state_unread_and_lag(superuser, api):
    name = born_now("consumer:webhooks")
    with reader_connection("tests") as opened:
        assert opened.try_lock(name)
        idle = text_of(superuser, page_of(CURSOR, name))
        api.paid()
        busy = text_of(superuser, page_of(CURSOR, name))
    stopped = text_of(superuser, page_of(CURSOR, name))
    assert "has read everything" in idle
    assert "is reading" in busy
    assert "no process works as it" in stopped
    page = text_of(superuser, list_of(CURSOR))
    assert "Event readers" in page
    assert "Oldest transaction" in page


def test_the_readers_page_names_those_that_never_ran(superuser):
    never = [one.cursor for one in consumers()]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM event_cursors WHERE name = ANY(%s)", [never])
    text = text_of(superuser, list_of(CURSOR))
    assert "Never ran" in text
    assert "consumer:webhooks" in text


def test_kafka_away_is_said_on_the_readers_page(superuser, settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    assert "Kafka is away" in text_of(superuser, list_of(CURSOR))


def test_a_delivery_that_waits_for_a_paused_endpoint_is_tried_after_the_pause(
    superuser, api, endpoint, receiver
):
    receiver.reply = lambda _got: Reply(500, b"busy")
    delivery = sent(api, endpoint)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=9)
    change(endpoint, paused_until=until)

    for address in (page_of(DELIVERY, delivery.pk), page_of(EVENT, delivery.event_id)):
        assert until.isoformat() in text_of(superuser, address), address


def test_a_delivery_that_was_ended_shows_the_last_answer_and_why(
    superuser, api, endpoint, receiver
):
    receiver.reply = lambda _got: Reply(410, b"")
    sent(api, endpoint)
    sweep_webhooks()

    page = superuser.get(page_of(ENDPOINT, endpoint["id"]))

    (row,) = next(panel for panel in page.context["panels"] if panel.title == "Deliveries").rows
    assert "410" in row[3]
    assert "disabled" in row[3]
