"""The event log over HTTP: complete, in pages, nothing personal, nobody else's."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments_project.database.uuid7 import uuid7_floor
from payments_project.events.selectors import list_events
from payments_project.tenancy import Scope
from tests.api_client import Api, new_key
from tests.merchants.customer_calls import ADA, PERSONAL
from tests.merchants.making import make_key
from tests.schema.rows import APPLICATION, OWNER, connect, make_months
from transactions.services.expire import expire_authorizations

PATH = "/v1/events"
NOBODYS_ID = "01900000-0000-7000-8000-000000000000"


def listed(api: Api, **query: Any) -> list[dict[str, Any]]:
    response = api.get(PATH, **{"limit": 100, **query})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["data"]
    return found


def ids(events: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in events]


def customer(api: Api, **fields: Any) -> str:
    identity: str = api.post("/v1/customers", fields).json()["id"]
    return identity


# One


def test_an_event_is_answered_whole(api: Api) -> None:
    key = new_key()
    response = api.post("/v1/customers", {"external_customer_id": "till-7781"}, key=key)
    made = response.json()

    (event,) = listed(api, object=made["id"])

    assert event == {
        "id": event["id"],
        "object": "event",
        "environment": "test",
        "created_at": event["created_at"],
        "type": "customer.created",
        "sequence": 1,
        "data": {
            "object": {
                "id": made["id"],
                "object": "customer",
                "environment": "test",
                "external_customer_id": "till-7781",
                "risk": {"score": 0.0, "level": "low"},
                "is_active": True,
            }
        },
        "request": {"id": response.headers["Request-Id"], "idempotency_key": key},
    }
    told_at, made_at = (datetime.fromisoformat(each["created_at"]) for each in (event, made))
    assert abs(told_at - made_at) < timedelta(seconds=1)
    assert api.get(f"{PATH}/{event['id']}").json() == event
    head = api.http.head(f"{PATH}/{event['id']}")
    assert (head.status_code, head.content) == (200, b"")


def test_a_call_without_a_key_is_told_without_one(api: Api) -> None:
    response = api.post("/v1/customers", {})

    (event,) = listed(api, object=response.json()["id"])

    assert event["request"] == {"id": response.headers["Request-Id"], "idempotency_key": None}


def test_no_call_caused_what_the_system_did(api: Api) -> None:
    # The key that the test calls with was made by nobody's call.
    (made,) = listed(api, type="api_key.created")
    assert made["request"] is None
    payment = api.paid(capture=False)["id"]
    assert all(event["request"] for event in listed(api, object=payment))

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE transactions SET authorization_expires_at = now() - interval '1 minute'"
            " WHERE id = %s",
            [payment],
        )
    expire_authorizations()

    assert listed(api, object=payment)[0]["type"] == "transaction.cancelled"
    assert listed(api, object=payment)[0]["request"] is None


def test_keys_of_a_page_and_of_a_server_are_told_apart(api: Api) -> None:
    """Both may use the same word. What a page writes there may be anybody's, and is not told."""
    page = api.post("/v1/api_keys", {"name": "page", "type": "publishable"}).json()["secret"]
    key = new_key()
    body = {
        "type": "card",
        "card": {"number": "5555555555554444", "exp_month": 1, "exp_year": 2034},
    }

    tokenised = api.http.post(
        "/v1/payment_methods",
        json=body,
        headers={"Authorization": f"Bearer {page}", "Idempotency-Key": key},
    )
    api.post("/v1/customers", {}, key=key)

    (of_page,) = listed(api, type="payment_method.created")
    (of_server,) = listed(api, type="customer.created")
    assert of_page["request"] == {"id": tokenised.headers["Request-Id"], "idempotency_key": None}
    assert of_server["request"]["idempotency_key"] == key
    assert of_server["request"]["id"] != of_page["request"]["id"]
    assert "publishable:" not in str(listed(api))


def test_nothing_personal_is_in_the_log(api: Api) -> None:
    identity = customer(api, **ADA)
    api.patch(f"/v1/customers/{identity}", {"name": "Augusta Ada Lovelace"})
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "617"}
    token = api.post(
        "/v1/payment_methods",
        {"type": "card", "card": {**card, "holder_name": "Ada Lovelace"}, "customer": identity},
    ).json()["id"]
    api.post(
        "/v1/transactions",
        {
            "amount": 900,
            "currency": "USD",
            "payment_method": token,
            "customer": identity,
            "description": "For Ada Lovelace",
            "metadata": {"name": "Lovelace"},
        },
    )
    api.delete(f"/v1/customers/{identity}")

    events = listed(api)

    assert {"customer.updated", "customer.deleted", "transaction.succeeded"} <= {
        event["type"] for event in events
    }
    text = str(events).lower()
    assert not [word for word in [*PERSONAL, "4242424242424242"] if word in text]


@pytest.mark.parametrize("identity", [NOBODYS_ID, "none", "*", NOBODYS_ID + "0"])
def test_an_id_that_is_none_is_missing(api: Api, identity: str) -> None:
    api.error(api.get(f"{PATH}/{identity}"), 404, "resource_missing")


def test_nobody_elses_events_exist(api: Api, live_api: Api, other_api: Api) -> None:
    identity = customer(api)
    (event,) = listed(api, object=identity)

    for stranger in (live_api, other_api):
        stranger.error(stranger.get(f"{PATH}/{event['id']}"), 404, "resource_missing")
        assert identity not in str(listed(stranger))
        for name, value in (
            ("starting_after", event["id"]),
            ("ending_before", event["id"]),
            ("object", identity),
        ):
            refused = stranger.get(PATH, **{name: value})
            assert stranger.error(refused, 400, "resource_missing")["param"] == name
    assert {each["environment"] for each in listed(live_api)} == {"live"}


def test_events_need_their_permission(api: Api) -> None:
    identity = customer(api)
    (event,) = listed(api, object=identity)
    publishable = api.post("/v1/api_keys", {"name": "page", "type": "publishable"}).json()["secret"]

    for path in (PATH, f"{PATH}/{event['id']}"):
        for key in (make_key(api.scope, "webhooks:write", "customers:write"), publishable):
            refused = api.http.get(path, headers={"Authorization": f"Bearer {key}"})
            assert "events:read" in api.error(refused, 403, "permission_denied")["message"]
        key = make_key(api.scope, "events:read")
        assert api.http.get(path, headers={"Authorization": f"Bearer {key}"}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_events_are_only_read(api: Api, method: str) -> None:
    for path in (PATH, f"{PATH}/{NOBODYS_ID}"):
        response = api.http.request(method, path)
        api.error(response, 405, "method_not_allowed")
        assert response.headers["Allow"] == "GET, HEAD"


# Pages and filters


def test_pages_forwards_and_backwards_are_the_same_list(api: Api) -> None:
    for _ in range(4):
        api.paid()
    everything = ids(listed(api))
    assert everything == sorted(everything, reverse=True)
    assert len(everything) > 8

    first = api.get(PATH).json()
    assert (first["object"], first["url"]) == ("list", PATH)
    assert (len(first["data"]), first["has_more"]) == (10, True)
    forwards: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get(PATH, limit=3, **cursor).json()
        forwards += ids(page["data"])
        if not page["has_more"]:
            break
        cursor = {"starting_after": forwards[-1]}
    backwards = [everything[-1]]
    while True:
        page = api.get(PATH, limit=3, ending_before=backwards[0]).json()
        backwards = ids(page["data"]) + backwards
        if not page["has_more"]:
            break
    assert forwards == backwards == everything
    head = api.http.head(PATH)
    assert (head.status_code, head.content) == (200, b"")


def test_types_are_filtered_by_name_and_by_object(api: Api) -> None:
    payment = api.paid()["id"]
    api.post("/v1/refunds", {"transaction": payment, "amount": 100})
    customer(api)
    everything = listed(api)

    for wanted in ("transaction.succeeded", "customer.created", "refund.*", "transaction.*"):
        kind, _, verb = wanted.partition(".")
        expected = [
            event
            for event in everything
            if event["type"].startswith(f"{kind}.") and verb in ("*", event["type"].split(".")[1])
        ]
        assert expected
        assert listed(api, type=wanted) == expected
    assert listed(api, type="payout.*") == []
    page = api.get(PATH, type="transaction.*", limit=1).json()
    assert page["has_more"] is True
    rest = listed(api, type="transaction.*", starting_after=page["data"][0]["id"])
    assert page["data"] + rest == listed(api, type="transaction.*")


@pytest.mark.parametrize(
    "wanted",
    ["order.paid", "order.*", "payment.*", "transaction", "*", "", "*.created", "transaction.*.x"],
)
def test_a_type_that_there_is_not_is_refused(api: Api, wanted: str) -> None:
    response = api.get(PATH, type=wanted)

    assert api.error(response, 400, "parameter_invalid")["param"] == "type"


def test_an_objects_events_are_those_of_its_life(api: Api) -> None:
    token = api.card()
    payment = api.paid()["id"]
    api.patch(f"/v1/transactions/{payment}", {"description": "Lamp"})

    events = listed(api, object=payment)

    assert [event["sequence"] for event in events] == list(range(len(events), 0, -1))
    assert {event["data"]["object"]["id"] for event in events} == {payment}
    assert events[0]["type"] == "transaction.updated"
    assert listed(api, object=payment.upper()) == events
    assert listed(api, object=payment, type="transaction.updated") == events[:1]
    assert listed(api, object=payment, type="refund.*") == []
    assert listed(api, object=payment, starting_after=events[0]["id"]) == events[1:]
    assert [event["type"] for event in listed(api, object=token)] == ["payment_method.created"]


@pytest.mark.parametrize("identity", [NOBODYS_ID, "none", "pm_0", ""])
def test_an_object_that_there_is_not_is_missing(api: Api, identity: str) -> None:
    response = api.get(PATH, object=identity)

    assert api.error(response, 400, "resource_missing")["param"] == "object"


def test_ranges_of_time_include_or_exclude_their_bound(api: Api) -> None:
    made = [listed(api, object=customer(api))[0] for _ in range(3)]
    middle = made[1]["created_at"]

    def found(**query: str) -> list[str]:
        return ids(listed(api, type="customer.*", **query))

    newest, second, oldest = ids(made[::-1])
    assert found(**{"created_at[gte]": middle}) == [newest, second]
    assert found(**{"created_at[gt]": middle}) == [newest]
    assert found(**{"created_at[lte]": middle}) == [second, oldest]
    assert found(**{"created_at[lt]": middle}) == [oldest]
    assert found(**{"created_at[gte]": middle, "created_at[lte]": middle}) == [second]
    for moment, bound in (("0001-01-01T00:00:00Z", "gte"), ("9999-12-31T23:59:59Z", "lte")):
        assert found(**{f"created_at[{bound}]": moment}) == [newest, second, oldest]


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ({"expand[]": "object"}, "expand[]", "parameter_invalid"),
        ({"limit": 0}, "limit", "parameter_invalid"),
        ({"limit": 101}, "limit", "parameter_invalid"),
        ({"object": "x" * 101}, "object", "parameter_invalid"),
        ({"created_at[gte]": "2026-01-31"}, "created_at[gte]", "parameter_invalid"),
        ({"starting_after": "none"}, "starting_after", "resource_missing"),
        ({"types": "refund.*"}, "types", "unknown_parameter"),
    ],
)
def test_other_queries_are_refused(api: Api, query: dict[str, Any], param: str, code: str) -> None:
    assert api.error(api.get(PATH, **query), 400, code)["param"] == param


def test_one_events_expansion_is_refused(api: Api) -> None:
    (event,) = listed(api, object=customer(api))

    response = api.get(f"{PATH}/{event['id']}", **{"expand[]": "object"})

    assert api.error(response, 400, "parameter_invalid")["param"] == "expand[]"


# What a query reads


class Page:
    """What the API's query would ask for."""

    def __init__(
        self, limit: int = 10, after: str | None = None, before: str | None = None
    ) -> None:
        self.limit, self.starting_after, self.ending_before = limit, after, before


@pytest.fixture
def busy(api: Api) -> Scope:
    """A merchant, one of two, with thousands of events of one type in a log of some months. They
    are of nobody's money, whose events are audited."""
    scope = api.scope
    with connect(APPLICATION, autocommit=True) as application:
        make_months(application, "events", *(f"2026-{month:02}-01" for month in range(1, 10)))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events (id, aggregatetype, aggregateid, type, sequence, payload,
                                merchant_id, environment, actor_kind)
            SELECT uuidv7(- n * interval '10 seconds'), 'customer', gen_random_uuid()::text,
                   'customer.created', 1, '{"object": {}}', merchant, 'test', 'api_key'
              FROM generate_series(1, 6000) AS n,
                   unnest(ARRAY[%s, gen_random_uuid()]) AS merchant
            """,
            [scope.merchant_id],
        )
    with connect(OWNER, autocommit=True) as owner:
        owner.execute("ANALYZE events")
    return scope


def plans(scope: Scope, **asked: Any) -> list[dict[str, Any]]:
    """How PostgreSQL ran the last query that the list made: the nodes of its plan that ran."""
    with CaptureQueriesContext(connection) as queries:
        list_events(scope=scope, **{"query": Page(), **asked})
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + queries[-1]["sql"])
        (explained,) = cursor.fetchone()
    return [node for node in _nodes(explained[0]["Plan"]) if node["Actual Loops"] > 0]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def rows_read(nodes: list[dict[str, Any]]) -> int:
    """Rows that the scans found and those that they threw away."""
    return sum(
        node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        for node in nodes
        if "Relation Name" in node
    )


def tables(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Relation Name"] for node in nodes if "Relation Name" in node}


def kinds(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Node Type"] for node in nodes}


def test_a_page_is_read_along_the_index(busy: Scope) -> None:
    last = list_events(scope=busy, query=Page(100)).rows[-1]

    for query in (Page(), Page(after=str(last.pk)), Page(before=str(last.pk))):
        nodes = plans(busy, query=query)
        assert kinds(nodes) <= {"Limit", "Append", "Index Scan"}, kinds(nodes)
        assert rows_read(nodes) == 11


def test_a_type_and_a_range_are_read_along_the_index(busy: Scope) -> None:
    until = uuid7_floor(datetime.now(UTC) - timedelta(hours=5))

    nodes = plans(busy, types=["customer.created"], filters={"pk__lt": until})

    assert kinds(nodes) <= {"Limit", "Append", "Index Scan"}, kinds(nodes)
    assert rows_read(nodes) == 11


def test_an_object_is_found_without_its_merchants_events(busy: Scope) -> None:
    event = list_events(scope=busy, query=Page(100)).rows[-1]

    nodes = plans(busy, object_id=event.aggregateid)

    assert rows_read(nodes) == 1


def test_a_rare_type_is_looked_for_no_further_back_than_the_account(busy: Scope) -> None:
    two_days_ago = datetime.now(UTC) - timedelta(days=2)

    nodes = plans(busy, types=["payout.paid"])

    assert min(tables(nodes)) >= f"events_{two_days_ago:%Y_%m}"
