"""Webhook endpoints over HTTP: whole, narrow, their secret shown once, nobody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.db import connection

from merchants.models import Merchant
from merchants.services.create_webhook_endpoint import ENDPOINTS_MAX
from merchants.webhook_models import WebhookEndpoint
from tests.api_client import Api, new_key
from tests.merchants.making import make_key
from tests.merchants.webhooks.sending import deliveries, fan_out_all, make_endpoint
from tests.threads import at_once

PATH = "/v1/webhook_endpoints"
URL = "https://shop.example/hooks"
NOBODYS_ID = "01900000-0000-7000-8000-000000000000"
CARD = "4242424242424242"


def told(api: Api, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of an endpoint as the API lists them, oldest first."""
    response = api.get("/v1/events", object=endpoint["id"], limit=100)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["data"]
    return found[::-1]


def stored(table: str, identity: str) -> str:
    """A row as text, with every column."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t::text FROM {table} t WHERE id = %s", [identity])
        (row,) = cursor.fetchone()
    return str(row)


def without_secret(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in endpoint.items() if name != "secret"}


def changed(api: Api, endpoint: dict[str, Any], **changes: Any) -> dict[str, Any]:
    response = api.patch(f"{PATH}/{endpoint['id']}", changes)
    assert response.status_code == 200, response.text
    after: dict[str, Any] = response.json()
    assert after == api.get(f"{PATH}/{endpoint['id']}").json()
    return after


# Create, read and list


def test_an_endpoint_is_answered_whole(api: Api) -> None:
    before = datetime.now(UTC)
    endpoint = make_endpoint(
        api,
        "HTTPS://Shop.Example/hooks?shop=1",
        enabled_events=["transaction.succeeded", "refund.*", "refund.*"],
        description="Till",
    )

    assert endpoint == {
        "id": endpoint["id"],
        "object": "webhook_endpoint",
        "environment": "test",
        "created_at": endpoint["created_at"],
        "url": "https://shop.example/hooks?shop=1",
        "enabled_events": ["refund.*", "transaction.succeeded"],
        "status": "enabled",
        "disabled_reason": None,
        "description": "Till",
        "secret": endpoint["secret"],
    }
    made_at = datetime.fromisoformat(endpoint["created_at"])
    assert abs(made_at - before) < timedelta(seconds=5)
    assert endpoint["secret"].startswith("whsec_")
    assert len(endpoint["secret"]) == len("whsec_") + 44
    assert api.get(f"{PATH}/{endpoint['id']}").json() == without_secret(endpoint)


def test_an_endpoint_gets_everything_unless_told_otherwise(api: Api) -> None:
    endpoint = make_endpoint(api, URL)

    assert endpoint["enabled_events"] == ["*"]
    assert endpoint["description"] is None


def test_endpoints_are_listed_newest_first_in_pages(api: Api) -> None:
    made = [without_secret(make_endpoint(api, f"{URL}/{n}")) for n in range(3)]

    first = api.get(PATH, limit=2).json()
    rest = api.get(PATH, limit=2, starting_after=made[1]["id"]).json()
    back = api.get(PATH, limit=2, ending_before=made[0]["id"]).json()
    since = api.get(PATH, **{"created_at[gte]": made[2]["created_at"]}).json()

    assert first == {"object": "list", "url": PATH, "has_more": True, "data": [made[2], made[1]]}
    assert (rest["data"], rest["has_more"]) == ([made[0]], False)
    assert (back["data"], back["has_more"]) == ([made[2], made[1]], False)
    assert since["data"] == [made[2]]


@pytest.mark.parametrize("path", [PATH, f"{PATH}/{{id}}", f"{PATH}/{{id}}/deliveries"])
def test_head_is_get_without_a_body(api: Api, path: str) -> None:
    endpoint = make_endpoint(api, URL)

    response = api.http.head(path.format(id=endpoint["id"]))

    assert (response.status_code, response.content) == (200, b"")


# Refusals


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "//shop.example/hooks",
        "ftp://shop.example/",
        "javascript:alert(1)",
        "https://",
        "https://user:word@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:22/",
        "https://shop.example:99999/",
        "https://shop",
        "https://shop.internal/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00::1]/",
        "https://2130706433/",
        "https://shop.example/a b",
        "https://shop.example/\u00e9",
        f"https://shop.example/{CARD}",
        "https://shop.example/" + "x" * 2_048,
    ],
)
def test_a_url_that_can_not_be_is_refused(api: Api, url: str) -> None:
    response = api.post(PATH, {"url": url})

    error = api.error(response, 400, "parameter_invalid")
    assert error["param"] == "url"
    assert CARD not in response.text
    assert api.get(PATH).json()["data"] == []


def test_http_and_loopback_are_for_test_mode(api: Api, live_api: Api) -> None:
    for url in ("http://shop.example/", "http://127.0.0.1:8000/hooks", "https://127.0.0.1/"):
        assert make_endpoint(api, url)["url"] == url
        error = live_api.error(live_api.post(PATH, {"url": url}), 400, "parameter_invalid")
        assert error["param"] == "url"
    live = make_endpoint(live_api, URL)
    assert live["environment"] == "live"
    moved = live_api.patch(f"{PATH}/{live['id']}", {"url": "http://shop.example/"})
    assert live_api.error(moved, 400, "parameter_invalid")["param"] == "url"
    assert live_api.get(f"{PATH}/{live['id']}").json()["url"] == URL


BAD_FIELDS = [
    ({"enabled_events": []}, "enabled_events", "parameter_invalid"),
    ({"enabled_events": None}, "enabled_events", "parameter_invalid"),
    ({"enabled_events": "*"}, "enabled_events", "parameter_invalid"),
    ({"enabled_events": ["order.paid"]}, "enabled_events[0]", "parameter_invalid"),
    ({"enabled_events": ["*", "order.*"]}, "enabled_events[1]", "parameter_invalid"),
    ({"enabled_events": ["transaction"]}, "enabled_events[0]", "parameter_invalid"),
    ({"enabled_events": ["*.succeeded"]}, "enabled_events[0]", "parameter_invalid"),
    ({"enabled_events": ["webhook_endpoint.test"]}, "enabled_events[0]", "parameter_invalid"),
    ({"enabled_events": [CARD]}, "enabled_events[0]", "parameter_invalid"),
    ({"enabled_events": ["x" * 61]}, "enabled_events[0]", "parameter_invalid"),
    ({"enabled_events": [1]}, "enabled_events[0]", "parameter_invalid"),
    ({"enabled_events": ["*"] * 101}, "enabled_events", "parameter_invalid"),
    ({"url": None}, "url", "parameter_invalid"),
    ({"url": 1}, "url", "parameter_invalid"),
    ({"description": "x" * 501}, "description", "parameter_invalid"),
    ({"description": f"card {CARD}"}, "description", "parameter_invalid"),
    ({"colour": "red"}, "colour", "unknown_parameter"),
    ({"secret": "whsec_x"}, "secret", "unknown_parameter"),
]


@pytest.mark.parametrize(("fields", "param", "code"), BAD_FIELDS)
def test_create_and_change_refuse_the_same(
    api: Api, fields: dict[str, Any], param: str, code: str
) -> None:
    endpoint = make_endpoint(api, URL)
    before = stored("webhook_endpoints", endpoint["id"])

    for response in (
        api.post(PATH, {"url": URL, **fields}),
        api.patch(f"{PATH}/{endpoint['id']}", fields),
    ):
        assert api.error(response, 400, code)["param"] == param
        assert CARD not in response.text
    assert stored("webhook_endpoints", endpoint["id"]) == before
    assert len(api.get(PATH).json()["data"]) == 1


def test_a_url_is_required(api: Api) -> None:
    assert api.error(api.post(PATH, {}), 400, "parameter_missing")["param"] == "url"


@pytest.mark.parametrize("field", ["url", "description"])
def test_nul_is_refused(api: Api, field: str) -> None:
    response = api.post(PATH, {"url": URL, field: "a\x00b"})

    api.error(response, 400, "json_invalid")


@pytest.mark.parametrize("status", [None, "deleted", "Enabled", ""])
def test_status_is_one_of_two(api: Api, status: object) -> None:
    endpoint = make_endpoint(api, URL)

    response = api.patch(f"{PATH}/{endpoint['id']}", {"status": status})

    assert api.error(response, 400, "parameter_invalid")["param"] == "status"
    created = api.post(PATH, {"url": URL, "status": "disabled"})
    assert api.error(created, 400, "unknown_parameter")["param"] == "status"


@pytest.mark.parametrize("seconds", [-1, 7 * 86_400 + 1, "60", True, None])
def test_overlap_is_at_most_a_week(api: Api, seconds: object) -> None:
    endpoint = make_endpoint(api, URL)

    response = api.post(f"{PATH}/{endpoint['id']}/rotate_secret", {"overlap_seconds": seconds})

    assert api.error(response, 400, "parameter_invalid")["param"] == "overlap_seconds"


# Who may


def calls(endpoint: str, delivery: str) -> list[tuple[str, str, dict[str, Any] | None, str]]:
    """Every call of this API: method, path, body and the permission that it needs."""
    one = f"{PATH}/{endpoint}"
    return [
        ("GET", PATH, None, "webhooks:read"),
        ("GET", one, None, "webhooks:read"),
        ("GET", f"{one}/deliveries", None, "webhooks:read"),
        ("GET", f"/v1/webhook_deliveries/{delivery}", None, "webhooks:read"),
        ("POST", PATH, {"url": URL}, "webhooks:write"),
        ("PATCH", one, {"description": "Till"}, "webhooks:write"),
        ("POST", f"{one}/rotate_secret", {}, "webhooks:write"),
        ("POST", f"{one}/test", {}, "webhooks:write"),
        ("POST", f"{one}/resend", {"since": datetime.now(UTC).isoformat()}, "webhooks:write"),
        ("POST", f"/v1/webhook_deliveries/{delivery}/resend", {}, "webhooks:write"),
        ("DELETE", one, None, "webhooks:write"),
    ]


def call(api: Api, key: str, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return api.http.request(method, path, json=body, headers=headers)


def with_delivery(api: Api, **fields: Any) -> tuple[str, str]:
    """An endpoint and a delivery to it."""
    endpoint = make_endpoint(api, URL, **fields)
    delivery = api.post(f"{PATH}/{endpoint['id']}/test")
    assert delivery.status_code == 201, delivery.text
    return endpoint["id"], delivery.json()["id"]


def test_each_call_needs_its_permission(api: Api) -> None:
    reader = make_key(api.scope, "webhooks:read")
    writer = make_key(api.scope, "webhooks:write")
    stranger = make_key(api.scope, "events:read", "api_keys:write")
    publishable = api.post("/v1/api_keys", {"name": "page", "type": "publishable"}).json()["secret"]

    for method, path, body, needed in calls(*with_delivery(api)):
        for key in (stranger, publishable, *([] if needed.endswith("read") else [reader])):
            refused = call(api, key, method, path, body)
            message = api.error(refused, 403, "permission_denied")["message"]
            assert needed in message, (method, path)
        allowed = call(api, writer, method, path, body)
        assert allowed.status_code in (200, 201), (method, path, allowed.text)
        if needed.endswith("read"):
            assert call(api, reader, method, path, body).status_code == 200


def test_nobody_elses_endpoints_and_deliveries_exist(
    api: Api, live_api: Api, other_api: Api
) -> None:
    endpoint, delivery = with_delivery(api)
    before = stored("webhook_endpoints", endpoint)

    for stranger in (live_api, other_api):
        for method, path, body, _ in calls(endpoint, delivery):
            if path == PATH:
                continue
            response = stranger.http.request(method, path, json=body)
            stranger.error(response, 404, "resource_missing")
        for name in ("starting_after", "ending_before"):
            cursor = stranger.get(PATH, **{name: endpoint})
            assert stranger.error(cursor, 400, "resource_missing")["param"] == name
        assert stranger.get(PATH).json()["data"] == []
    assert stored("webhook_endpoints", endpoint) == before


@pytest.mark.parametrize("identity", [NOBODYS_ID, "none", "*", NOBODYS_ID + "0"])
def test_an_id_that_is_none_is_missing(api: Api, identity: str) -> None:
    for method, path, body, _ in calls(identity, identity):
        if path != PATH:
            api.error(api.http.request(method, path, json=body), 404, "resource_missing")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", PATH),
        ("PATCH", PATH),
        ("DELETE", PATH),
        ("POST", f"{PATH}/{{id}}"),
        ("GET", f"{PATH}/{{id}}/rotate_secret"),
        ("GET", f"{PATH}/{{id}}/test"),
        ("GET", f"{PATH}/{{id}}/resend"),
        ("POST", f"{PATH}/{{id}}/deliveries"),
        ("DELETE", "/v1/webhook_deliveries/{id}"),
        ("GET", "/v1/webhook_deliveries/{id}/resend"),
    ],
)
def test_other_methods_are_refused(api: Api, method: str, path: str) -> None:
    response = api.http.request(method, path.format(id=NOBODYS_ID))

    api.error(response, 405, "method_not_allowed")
    assert method not in response.headers["Allow"]


def test_a_suspended_merchant_keeps_its_endpoints(live_api: Api) -> None:
    """As its keys and customers: what brings in money is what is barred."""
    endpoint = make_endpoint(live_api, URL)
    Merchant.objects.filter(pk=live_api.scope.merchant_id).update(status="suspended")

    assert make_endpoint(live_api, f"{URL}/2")["environment"] == "live"
    assert changed(live_api, endpoint, description="Till")["description"] == "Till"
    assert live_api.post(f"{PATH}/{endpoint['id']}/test").status_code == 201
    assert live_api.delete(f"{PATH}/{endpoint['id']}").status_code == 200


# The secret


def test_the_secret_is_shown_once_and_kept_encrypted(api: Api) -> None:
    key = new_key()
    endpoint = api.post(PATH, {"url": URL}, key=key).json()
    rotated = api.post(f"{PATH}/{endpoint['id']}/rotate_secret", key=f"{key}-2").json()

    assert rotated == {**endpoint, "secret": rotated["secret"]}
    assert rotated["secret"] != endpoint["secret"]
    api.post(f"{PATH}/{endpoint['id']}/test")
    read = [
        api.get(PATH).text,
        api.get(f"{PATH}/{endpoint['id']}").text,
        api.get(f"{PATH}/{endpoint['id']}/deliveries").text,
        api.get("/v1/events", limit=100).text,
        api.patch(f"{PATH}/{endpoint['id']}", {"description": "Till"}).text,
        api.delete(f"{PATH}/{endpoint['id']}").text,
    ]
    for secret in (endpoint["secret"], rotated["secret"]):
        bare = secret.removeprefix("whsec_")
        assert not [text for text in read if bare in text or '"secret":' in text]
        for table in _tables():
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT count(*) FROM {table} t WHERE strpos(t::text, %s) > 0", [bare]
                )
                assert cursor.fetchone() == (0,), table


def _tables() -> list[str]:
    """Every table that the application may read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND NOT relispartition AND relnamespace = 'public'::regnamespace"
            " AND has_table_privilege(oid, 'SELECT')"
        )
        names = [row[0] for row in cursor.fetchall()]
    assert {"webhook_endpoints", "events", "idempotency_keys", "webhook_deliveries"} <= set(names)
    return names


def test_replays_of_create_and_rotation_hold_the_secret(api: Api) -> None:
    key = new_key()
    made = api.post(PATH, {"url": URL}, key=key)
    again = api.post(PATH, {"url": URL}, key=key)
    url = f"{PATH}/{made.json()['id']}/rotate_secret"
    rotated = api.post(url, {"overlap_seconds": 60}, key=f"{key}-2")
    rotated_again = api.post(url, {"overlap_seconds": 60}, key=f"{key}-2")

    for first, second in ((made, again), (rotated, rotated_again)):
        assert second.headers["Idempotent-Replayed"] == "true"
        assert (second.status_code, second.json()) == (first.status_code, first.json())
        assert second.json()["secret"]
    assert len(api.get(PATH).json()["data"]) == 1
    assert [event["type"] for event in told(api, made.json())] == [
        "webhook_endpoint.created",
        "webhook_endpoint.updated",
    ]
    reused = api.post(PATH, {"url": f"{URL}/2"}, key=key)
    api.error(reused, 400, "idempotency_key_reused")


def test_a_replay_needs_the_right_to_write(api: Api) -> None:
    key = new_key()
    api.post(PATH, {"url": URL}, key=key)
    reader = make_key(api.scope, "webhooks:read")

    headers = {"Authorization": f"Bearer {reader}", "Idempotency-Key": key}
    refused = api.http.post(PATH, json={"url": URL}, headers=headers)

    api.error(refused, 403, "permission_denied")
    assert "whsec_" not in refused.text


def test_the_old_secret_signs_through_the_overlap(api: Api) -> None:
    endpoint = make_endpoint(api, URL)
    url = f"{PATH}/{endpoint['id']}/rotate_secret"

    def row() -> WebhookEndpoint:
        found: WebhookEndpoint = WebhookEndpoint.objects.get(pk=endpoint["id"])
        return found

    second = api.post(url).json()["secret"]
    until = row().previous_secret_until - datetime.now(UTC)
    assert (row().secret, row().previous_secret) == (second, endpoint["secret"])
    assert timedelta(hours=23, minutes=59) < until <= timedelta(days=1)
    third = api.post(url, {"overlap_seconds": 60}).json()["secret"]
    assert (row().secret, row().previous_secret) == (third, second)
    fourth = api.post(url, {"overlap_seconds": 0}).json()["secret"]
    assert (row().secret, row().previous_secret) == (fourth, None)
    assert row().previous_secret_until is None


# Changes and what they tell


def test_events_say_what_changed_and_who_asked(api: Api) -> None:
    endpoint = make_endpoint(api, URL, enabled_events=["refund.*"])
    changed(api, endpoint, enabled_events=["dispute.*", "refund.*"], description="Till")
    changed(api, endpoint, url=f"{URL}/2", description=None)
    changed(api, endpoint, status="disabled")
    changed(api, endpoint, status="enabled")

    events = told(api, endpoint)

    assert [(event["type"], event["data"].get("previous_attributes")) for event in events] == [
        ("webhook_endpoint.created", None),
        ("webhook_endpoint.updated", {"enabled_events": ["refund.*"]}),
        ("webhook_endpoint.updated", None),
        ("webhook_endpoint.disabled", {"status": "enabled", "disabled_reason": None}),
        ("webhook_endpoint.updated", {"status": "disabled", "disabled_reason": "merchant"}),
    ]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5]
    assert events[3]["data"]["object"] == {
        "id": endpoint["id"],
        "object": "webhook_endpoint",
        "environment": "test",
        "status": "disabled",
        "enabled_events": ["dispute.*", "refund.*"],
        "disabled_reason": "merchant",
    }
    assert all(event["request"]["id"].startswith("req_") for event in events)
    assert "shop.example" not in str(events)


def test_changes_of_everything_at_once_are_made_together(api: Api) -> None:
    endpoint = make_endpoint(api, URL)

    after = changed(
        api,
        endpoint,
        url=f"{URL}/2",
        enabled_events=["refund.*"],
        description="Till",
        status="disabled",
    )

    assert after == {
        **without_secret(endpoint),
        "url": f"{URL}/2",
        "enabled_events": ["refund.*"],
        "description": "Till",
        "status": "disabled",
        "disabled_reason": "merchant",
    }
    assert [event["type"] for event in told(api, endpoint)] == [
        "webhook_endpoint.created",
        "webhook_endpoint.updated",
        "webhook_endpoint.disabled",
    ]


@pytest.mark.parametrize("status", ["enabled", "disabled"])
def test_a_change_to_the_same_writes_nothing(api: Api, status: str) -> None:
    filters = ["dispute.*", "refund.*"]
    endpoint = make_endpoint(api, URL, enabled_events=filters, description="Till")
    changed(api, endpoint, status=status)
    row, events = stored("webhook_endpoints", endpoint["id"]), told(api, endpoint)

    for changes in (
        {},
        {"url": URL},
        {"url": "HTTPS://SHOP.example/hooks"},
        {"enabled_events": filters[::-1]},
        {"description": "Till"},
        {"status": status},
    ):
        changed(api, endpoint, **changes)

    assert stored("webhook_endpoints", endpoint["id"]) == row
    assert told(api, endpoint) == events


@pytest.mark.parametrize("changes", [{"status": "enabled"}, {"url": f"{URL}/2"}])
def test_one_that_is_enabled_again_or_moves_begins_anew(api: Api, changes: dict[str, Any]) -> None:
    endpoint = make_endpoint(api, URL)
    if "status" in changes:
        changed(api, endpoint, status="disabled")
    now = datetime.now(UTC)
    WebhookEndpoint.objects.filter(pk=endpoint["id"]).update(
        consecutive_failures=9, failing_since=now - timedelta(days=4), paused_until=now
    )

    after = changed(api, endpoint, **changes)

    row = WebhookEndpoint.objects.get(pk=endpoint["id"])
    assert (after["status"], after["disabled_reason"]) == ("enabled", None)
    assert (row.consecutive_failures, row.failing_since, row.paused_until) == (0, None, None)
    assert row.disabled_at is None


def test_another_change_does_not_forget_failures(api: Api) -> None:
    endpoint = make_endpoint(api, URL)
    WebhookEndpoint.objects.filter(pk=endpoint["id"]).update(
        consecutive_failures=9, failing_since=datetime.now(UTC)
    )

    changed(api, endpoint, description="Till", status="enabled")

    assert WebhookEndpoint.objects.get(pk=endpoint["id"]).consecutive_failures == 9


# The end of an endpoint


@pytest.mark.parametrize("is_disabled", [False, True])
def test_a_deleted_endpoint_does_not_exist(api: Api, is_disabled: bool) -> None:
    endpoint, delivery = with_delivery(api)
    if is_disabled:
        changed(api, {"id": endpoint}, status="disabled")
    before = api.get(f"{PATH}/{endpoint}").json()

    gone = api.delete(f"{PATH}/{endpoint}")

    assert gone.status_code == 200
    assert gone.json() == {**before, "status": "disabled", "disabled_reason": "deleted"}
    for method, path, body, _ in calls(endpoint, delivery):
        if path != PATH:
            api.error(api.http.request(method, path, json=body), 404, "resource_missing")
    assert api.get(PATH).json()["data"] == []
    cursor = api.get(PATH, starting_after=endpoint)
    assert api.error(cursor, 400, "resource_missing")["param"] == "starting_after"
    last = told(api, {"id": endpoint})[-1]
    assert last["data"]["object"]["disabled_reason"] == "deleted"
    assert (last["type"], last["data"]["previous_attributes"]) == (
        ("webhook_endpoint.updated", {"disabled_reason": "merchant"})
        if is_disabled
        else ("webhook_endpoint.disabled", {"status": "enabled", "disabled_reason": None})
    )


def test_a_deleted_endpoint_gets_nothing(api: Api) -> None:
    endpoint = make_endpoint(api, URL)
    api.delete(f"{PATH}/{endpoint['id']}")

    api.paid()
    fan_out_all(api)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM webhook_deliveries WHERE endpoint_id = %s", [endpoint["id"]]
        )
        assert cursor.fetchone() == (0,)


def test_there_are_at_most_twenty_however_many_ask(api: Api, live_api: Api) -> None:
    deleted = make_endpoint(api, URL)
    api.delete(f"{PATH}/{deleted['id']}")
    for number in range(ENDPOINTS_MAX - 3):
        make_endpoint(api, f"{URL}/{number}")

    answers = at_once(8, lambda number: api.post(PATH, {"url": f"{URL}/late/{number}"}))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    for answer in answers:
        if answer.status_code == 409:
            api.error(answer, 409, "webhook_endpoints_max")
    kept = api.get(PATH, limit=100).json()["data"]
    assert len(kept) == ENDPOINTS_MAX
    assert make_endpoint(live_api, URL)["environment"] == "live"
    api.delete(f"{PATH}/{kept[0]['id']}")
    make_endpoint(api, URL)
    api.error(api.post(PATH, {"url": URL}), 409, "webhook_endpoints_max")


# Deliveries


def test_a_test_event_goes_to_its_endpoint_alone(api: Api) -> None:
    other = make_endpoint(api, URL)
    endpoint = make_endpoint(api, URL, enabled_events=["refund.*"])

    response = api.post(f"{PATH}/{endpoint['id']}/test")
    fan_out_all(api)

    assert response.status_code == 201
    delivery = response.json()
    event = told(api, endpoint)[-1]
    assert delivery == {
        "id": delivery["id"],
        "object": "webhook_delivery",
        "environment": "test",
        "created_at": event["created_at"],
        "endpoint": endpoint["id"],
        "event": event["id"],
        "event_type": "webhook_endpoint.test",
        "attempt": 0,
        "status": "pending",
        "response_status": None,
        "error": None,
        "response_excerpt": None,
        "duration_ms": None,
        "next_attempt_at": delivery["next_attempt_at"],
    }
    assert "previous_attributes" not in event["data"]
    assert deliveries(api, endpoint) == [delivery]
    assert api.get(f"/v1/webhook_deliveries/{delivery['id']}").json() == {
        **delivery,
        "attempts": [],
    }
    assert "webhook_endpoint.test" not in [row["event_type"] for row in deliveries(api, other)]


def test_a_disabled_endpoint_is_not_with_delivery(api: Api) -> None:
    endpoint = make_endpoint(api, URL)
    changed(api, endpoint, status="disabled")

    refused = api.post(f"{PATH}/{endpoint['id']}/test")

    api.error(refused, 409, "webhook_endpoint_disabled")
    assert [event["type"] for event in told(api, endpoint)][-1] == "webhook_endpoint.disabled"


def test_a_test_with_a_key_is_one_event(api: Api) -> None:
    endpoint = make_endpoint(api, URL)
    key = new_key()

    answers = [api.post(f"{PATH}/{endpoint['id']}/test", key=key) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert len(told(api, endpoint)) == 2


def test_deliveries_are_filtered_and_paged(api: Api) -> None:
    endpoint = make_endpoint(api, URL, enabled_events=["transaction.*", "customer.created"])
    payments = [api.paid()["id"] for _ in range(2)]
    customer = api.post("/v1/customers", {}).json()["id"]
    fan_out_all(api)
    everything = deliveries(api, endpoint)
    assert len(everything) == 5
    assert everything == sorted(everything, key=lambda row: str(row["id"]), reverse=True)

    (made,) = deliveries(api, endpoint, event_type="customer.created")
    event = api.get(f"/v1/events/{made['event']}").json()
    assert event["data"]["object"]["id"] == customer
    assert deliveries(api, endpoint, event=made["event"]) == [made]
    assert len(deliveries(api, endpoint, event_type="transaction.*")) == 2 * len(payments)
    assert deliveries(api, endpoint, status="pending") == everything
    assert deliveries(api, endpoint, status="failed") == []
    path = f"{PATH}/{endpoint['id']}/deliveries"
    first = api.get(path, limit=2).json()
    second = api.get(path, limit=2, starting_after=first["data"][-1]["id"]).json()
    back = api.get(path, limit=2, ending_before=second["data"][0]["id"]).json()
    assert (first["url"], first["has_more"]) == (path, True)
    assert first["data"] + second["data"] == everything[:4]
    assert (back["data"], back["has_more"]) == (first["data"], False)
    since = api.get(path, **{"created_at[gte]": made["created_at"]}).json()["data"]
    assert since == [made]


def test_filters_of_deliveries_name_what_there_is(api: Api, other_api: Api, live_api: Api) -> None:
    endpoint, delivery = with_delivery(api)
    second, _ = with_delivery(api)
    path = f"{PATH}/{endpoint}/deliveries"
    foreign = []
    for stranger in (other_api, live_api):
        _, theirs = with_delivery(stranger)
        foreign.append(stranger.get(f"/v1/webhook_deliveries/{theirs}").json())

    for theirs in (*foreign, {"id": NOBODYS_ID, "event": NOBODYS_ID}, {"id": "x", "event": "x"}):
        response = api.get(path, event=theirs["event"])
        assert api.error(response, 400, "resource_missing")["param"] == "event"
        for name in ("starting_after", "ending_before"):
            response = api.get(path, **{name: theirs["id"]})
            assert api.error(response, 400, "resource_missing")["param"] == name
    # The merchant's own, to another endpoint.
    cursor = api.get(f"{PATH}/{second}/deliveries", starting_after=delivery)
    assert api.error(cursor, 400, "resource_missing")["param"] == "starting_after"
    for query, code in (
        ({"status": "sent"}, "parameter_invalid"),
        ({"event_type": "order.paid"}, "parameter_invalid"),
        ({"event_type": "x" * 61}, "parameter_invalid"),
        ({"colour": "red"}, "unknown_parameter"),
        ({"expand[]": "event"}, "parameter_invalid"),
    ):
        error = api.error(api.get(path, **query), 400, code)
        assert error["param"] == next(iter(query))
