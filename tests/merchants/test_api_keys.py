"""API keys over HTTP: shown once, narrow, ended when they are said to end."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from django.db import connection
from django_redis import get_redis_connection

from merchants.api.authentication import REMEMBERED_SECONDS
from merchants.models import ApiKey
from payments_project.api.changed_keys import MARK_SECONDS, mark_of
from payments_project.database.uuid7 import uuid7_floor
from payments_project.models import IdempotencyKey
from payments_project.tasks import delete_old_idempotency_keys
from tests.api_client import Api, new_key
from tests.faults.engines import wait_until
from tests.merchants.making import MadeMerchant, make_key
from tests.schema.rows import OWNER, connect
from tests.server import Server, start_server

CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034}
NOBODYS_ID = "01900000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def other_server(django_db_setup: None) -> Iterator[Server]:
    """A second process of the web server on the same database."""
    with start_server() as running:
        yield running


def send(
    server: Server, key: str, path: str, body: dict[str, Any] | None = None, **headers: str
) -> httpx.Response:
    """One request with ``key``: a POST if there is a body."""
    return httpx.request(
        "GET" if body is None else "POST",
        f"{server.url}/v1/{path}",
        json=body,
        headers={"Authorization": f"Bearer {key}", **headers},
        timeout=30,
    )


def code_of(response: httpx.Response) -> str | None:
    """The error's code; None for a success."""
    code: str | None = response.json().get("error", {}).get("code")
    return code


def created(api: Api, *permissions: str, **more: Any) -> dict[str, Any]:
    """A new key, as the API answers it."""
    body = {"name": "till", "type": "secret", "permissions": list(permissions), **more}
    response = api.post("/v1/api_keys", body)
    assert response.status_code == 201, response.text
    key: dict[str, Any] = response.json()
    return key


def last_used_at(key: str) -> datetime | None:
    return ApiKey.objects.get(key_prefix=key[:16]).last_used_at


def used(key: str, ago: timedelta) -> datetime:
    """Puts the key's last use back by ``ago``."""
    moment = datetime.now(UTC) - ago
    ApiKey.objects.filter(key_prefix=key[:16]).update(last_used_at=moment)
    return moment


def test_created_key_shows_its_secret_once(api: Api, server: Server) -> None:
    key = created(api, "customers:read", "refunds:write")

    assert key["object"] == "api_key"
    assert key["environment"] == "test"
    assert (key["name"], key["type"], key["is_active"]) == ("till", "secret", True)
    assert key["permissions"] == ["customers:read", "refunds:write"]
    assert key["expires_at"] is key["last_used_at"] is None
    assert key["secret"].startswith("sk_test_")
    assert key["prefix"] == key["secret"][:16]
    read = api.get(f"/v1/api_keys/{key['id']}").json()
    assert read == {name: value for name, value in key.items() if name != "secret"}
    listed = api.get("/v1/api_keys")
    assert key["secret"] not in listed.text
    assert listed.json()["data"][0] == read
    assert send(server, key["secret"], "customers").status_code == 200


def test_key_itself_is_in_no_column(api: Api) -> None:
    key = created(api, "customers:read")

    with connection.cursor() as cursor:
        cursor.execute("SELECT k::text FROM merchant_api_keys k WHERE id = %s", [key["id"]])
        (row,) = cursor.fetchone()
    assert key["prefix"] in row
    assert key["secret"][16:] not in row


def test_keys_are_listed_newest_first_in_pages(api: Api) -> None:
    ids = [created(api, "balance:read", name=f"till {n}")["id"] for n in range(3)]

    first = api.get("/v1/api_keys", limit=2).json()
    rest = api.get("/v1/api_keys", limit=2, starting_after=ids[1]).json()

    assert (first["object"], first["url"], first["has_more"]) == ("list", "/v1/api_keys", True)
    assert [key["id"] for key in first["data"]] == [ids[2], ids[1]]
    # The last one is the key that the test calls with.
    assert rest["data"][0]["id"] == ids[0]
    assert (len(rest["data"]), rest["has_more"]) == (2, False)


def test_rotated_key_ends_at_once(api: Api, server: Server) -> None:
    old = created(api, "customers:read", name="shop")
    assert send(server, old["secret"], "customers").status_code == 200

    response = api.post(f"/v1/api_keys/{old['id']}/rotate")

    assert response.status_code == 200
    new = response.json()
    assert new["id"] != old["id"]
    assert (new["name"], new["permissions"]) == ("shop", ["customers:read"])
    assert send(server, new["secret"], "customers").status_code == 200
    refused = send(server, old["secret"], "customers")
    assert (refused.status_code, code_of(refused)) == (401, "api_key_invalid")
    assert api.get(f"/v1/api_keys/{old['id']}").json()["is_active"] is False


def test_rotated_key_works_through_the_overlap_and_no_longer(api: Api, server: Server) -> None:
    old = created(api, "customers:read")
    assert send(server, old["secret"], "customers").status_code == 200
    before = datetime.now(UTC)

    new = api.post(f"/v1/api_keys/{old['id']}/rotate", {"overlap_seconds": 2}).json()
    after = datetime.now(UTC)

    ends_at = datetime.fromisoformat(api.get(f"/v1/api_keys/{old['id']}").json()["expires_at"])
    assert before <= ends_at - timedelta(seconds=2) <= after
    assert send(server, old["secret"], "customers").status_code == 200
    wait_until(
        lambda: send(server, old["secret"], "customers").status_code == 401, "the overlap is over"
    )
    assert datetime.now(UTC) >= ends_at
    assert code_of(send(server, old["secret"], "customers")) == "api_key_expired"
    assert send(server, new["secret"], "customers").status_code == 200
    assert new["expires_at"] is None


def test_overlap_never_prolongs_a_key(api: Api) -> None:
    expires_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    old = created(api, "customers:read", expires_at=expires_at)

    new = api.post(f"/v1/api_keys/{old['id']}/rotate", {"overlap_seconds": 86_400}).json()

    assert api.get(f"/v1/api_keys/{old['id']}").json()["expires_at"] == old["expires_at"]
    assert new["expires_at"] == old["expires_at"]


@pytest.mark.parametrize("seconds", [-1, 7 * 86_400 + 1, "60", True])
def test_overlap_is_at_most_a_week(api: Api, seconds: object) -> None:
    key = created(api, "customers:read")

    response = api.post(f"/v1/api_keys/{key['id']}/rotate", {"overlap_seconds": seconds})

    assert api.error(response, 400, "parameter_invalid")["param"] == "overlap_seconds"
    assert api.get(f"/v1/api_keys/{key['id']}").json()["is_active"] is True


def test_key_that_has_ended_is_not_rotated(api: Api) -> None:
    key = created(api, "customers:read")
    api.post(f"/v1/api_keys/{key['id']}/revoke")

    api.error(api.post(f"/v1/api_keys/{key['id']}/rotate"), 409, "api_key_inactive")


def test_revoked_key_is_refused_at_once_by_its_process(api: Api, server: Server) -> None:
    key = created(api, "customers:read")
    assert send(server, key["secret"], "customers").status_code == 200

    revoked = api.post(f"/v1/api_keys/{key['id']}/revoke")

    assert (revoked.status_code, revoked.json()["is_active"]) == (200, False)
    refused = send(server, key["secret"], "customers")
    assert (refused.status_code, code_of(refused)) == (401, "api_key_invalid")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert api.post(f"/v1/api_keys/{key['id']}/revoke").json() == revoked.json()


@contextmanager
def commit_held_back(api_key_id: str) -> Iterator[psycopg.Connection]:
    """Transactions that change the key wait at their commit for the lock that is yielded."""
    lock = 4711
    with connect(OWNER, autocommit=True) as owner:
        owner.execute(
            "CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
            f" AS $$ BEGIN PERFORM pg_advisory_xact_lock({lock}); RETURN NULL; END $$"
        )
        owner.execute(
            "CREATE CONSTRAINT TRIGGER wait_at_commit AFTER UPDATE ON merchant_api_keys"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
            f" WHEN (NEW.id = '{UUID(api_key_id)}') EXECUTE FUNCTION wait_at_commit()"
        )
        try:
            owner.execute("SELECT pg_advisory_lock(%s)", [lock])
            yield owner
        finally:
            owner.execute("SELECT pg_advisory_unlock_all()")
            owner.execute("DROP TRIGGER wait_at_commit ON merchant_api_keys")
            owner.execute("DROP FUNCTION wait_at_commit()")


@pytest.mark.parametrize("act", ["revoke", "rotate"])
def test_call_just_before_the_end_is_committed_does_not_keep_the_key_alive(
    api: Api, server: Server, act: str
) -> None:
    key = created(api, "customers:read")
    assert send(server, key["secret"], "customers").status_code == 200

    with commit_held_back(key["id"]) as owner, ThreadPoolExecutor(1) as client:
        ending = client.submit(api.post, f"/v1/api_keys/{key['id']}/{act}")
        wait_until(
            lambda: owner.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ).fetchone(),
            "the act waits at its commit",
        )
        assert send(server, key["secret"], "customers").status_code == 200
        owner.execute("SELECT pg_advisory_unlock_all()")
        assert ending.result().status_code == 200

    assert send(server, key["secret"], "customers").status_code == 401


@pytest.mark.parametrize("act", ["revoke", "rotate"])
def test_ended_key_is_refused_at_once_by_other_processes(
    api: Api, other_server: Server, act: str
) -> None:
    key = created(api, "customers:read")
    assert send(other_server, key["secret"], "customers").status_code == 200

    assert api.post(f"/v1/api_keys/{key['id']}/{act}").status_code == 200

    refused = send(other_server, key["secret"], "customers")
    assert (refused.status_code, code_of(refused)) == (401, "api_key_invalid")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_other_processes_know_at_once_when_a_rotated_key_ends(
    api: Api, other_server: Server
) -> None:
    key = created(api, "customers:read")
    assert send(other_server, key["secret"], "customers").status_code == 200

    api.post(f"/v1/api_keys/{key['id']}/rotate", {"overlap_seconds": 1})
    rotated_at = time.monotonic()
    assert send(other_server, key["secret"], "customers").status_code == 200
    time.sleep(max(0, rotated_at + 1 - time.monotonic()))

    assert code_of(send(other_server, key["secret"], "customers")) == "api_key_expired"


def test_other_keys_are_not_read_anew(api: Api, other_server: Server) -> None:
    kept, ended = created(api, "customers:read"), created(api, "customers:read")
    api.post(f"/v1/api_keys/{ended['id']}/revoke")
    client = get_redis_connection("default")

    assert client.exists(mark_of(ended["id"])) == 1
    assert client.exists(mark_of(kept["id"])) == 0
    assert send(other_server, kept["secret"], "customers").status_code == 200


def test_mark_of_a_changed_key_outlives_what_processes_remember(api: Api) -> None:
    key = created(api, "customers:read")

    api.post(f"/v1/api_keys/{key['id']}/revoke")

    seconds_left = get_redis_connection("default").ttl(mark_of(key["id"]))
    assert REMEMBERED_SECONDS < seconds_left <= MARK_SECONDS


def test_key_expires_while_it_is_being_used(api: Api, server: Server) -> None:
    expires_at = datetime.now(UTC) + timedelta(seconds=2)
    key = created(api, "customers:read", expires_at=expires_at.isoformat())
    assert datetime.fromisoformat(key["expires_at"]) == expires_at
    assert send(server, key["secret"], "customers").status_code == 200

    wait_until(lambda: send(server, key["secret"], "customers").status_code == 401, "it expires")

    assert datetime.now(UTC) >= expires_at
    assert code_of(send(server, key["secret"], "customers")) == "api_key_expired"


def test_key_that_expired_before_its_first_use_is_refused(
    merchant: MadeMerchant, server: Server
) -> None:
    key = make_key(merchant.scope(), expires_at=datetime.now(UTC) - timedelta(seconds=1))

    refused = send(server, key, "customers")

    assert (refused.status_code, code_of(refused)) == (401, "api_key_expired")


def test_last_use_is_written_once_a_minute(api: Api, server: Server, other_server: Server) -> None:
    key = created(api, "customers:read")["secret"]
    before = datetime.now(UTC)
    assert last_used_at(key) is None

    send(server, key, "customers")
    first = last_used_at(key)
    for running in (server, other_server, server, other_server):
        send(running, key, "customers")

    assert first is not None
    assert before - timedelta(seconds=1) <= first <= datetime.now(UTC)
    assert last_used_at(key) == first


def test_last_use_is_written_again_after_a_minute(
    merchant: MadeMerchant, server: Server, other_server: Server
) -> None:
    """Each process looks at the row once a minute; a fresh one stands for a minute gone by."""
    key = make_key(merchant.scope())
    fresh = used(key, timedelta(seconds=55))
    send(server, key, "customers")
    assert last_used_at(key) == fresh

    old = used(key, timedelta(seconds=61))
    send(server, key, "customers")
    assert last_used_at(key) == old
    send(other_server, key, "customers")

    renewed = last_used_at(key)
    assert renewed is not None
    assert renewed > old + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("method", "path", "held", "needed"),
    [
        ("GET", "customers", "customers:read", "customers:read"),
        ("POST", "customers", "customers:write", "customers:write"),
        ("GET", "customers", "customers:write", "customers:read"),
        ("GET", "api_keys", "api_keys:read", "api_keys:read"),
        ("GET", "transactions", "transactions:read", "transactions:read"),
        ("GET", "refunds", "refunds:read", "refunds:read"),
        ("GET", "disputes", "disputes:read", "disputes:read"),
        ("GET", "balance", "balance:read", "balance:read"),
        ("GET", "webhook_endpoints", "webhooks:write", "webhooks:read"),
    ],
)
def test_permission_opens_its_own_endpoint(
    merchant: MadeMerchant, server: Server, method: str, path: str, held: str, needed: str
) -> None:
    body: dict[str, Any] | None = {} if method == "POST" else None
    key = make_key(merchant.scope(), held)
    stranger = make_key(merchant.scope(), "events:read")

    assert send(server, key, path, body).status_code == (200 if body is None else 201)
    refused = send(server, stranger, path, body)

    assert (refused.status_code, code_of(refused)) == (403, "permission_denied")
    assert needed in refused.json()["error"]["message"]


def test_reading_does_not_include_writing(merchant: MadeMerchant, server: Server) -> None:
    key = make_key(merchant.scope(), "customers:read", "api_keys:read")

    for path in ("customers", "api_keys"):
        refused = send(server, key, path, {})
        assert (refused.status_code, code_of(refused)) == (403, "permission_denied")
        assert f"{path}:write" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("held", "wanted", "lacked"),
    [
        (["customers:read"], ["customers:write"], "customers:write"),
        (["customers:write"], ["customers:read", "refunds:read"], "refunds:read"),
        (["transactions:write"], ["*"], "*"),
    ],
)
def test_key_gives_away_only_what_it_has(
    merchant: MadeMerchant, server: Server, held: list[str], wanted: list[str], lacked: str
) -> None:
    key = make_key(merchant.scope(), "api_keys:write", *held)

    def ask(permissions: list[str]) -> httpx.Response:
        return send(
            server, key, "api_keys", {"name": "n", "type": "secret", "permissions": permissions}
        )

    refused = ask(wanted)

    assert (refused.status_code, code_of(refused)) == (403, "permission_denied")
    assert lacked in refused.json()["error"]["message"]
    assert ask(held).json()["permissions"] == held
    publishable = send(server, key, "api_keys", {"name": "n", "type": "publishable"})
    assert code_of(publishable) == "permission_denied"


def test_key_makes_none_that_outlives_it(merchant: MadeMerchant, server: Server) -> None:
    end = datetime.now(UTC) + timedelta(days=2)
    key = make_key(merchant.scope(), expires_at=end)

    def ask(**more: Any) -> httpx.Response:
        return send(server, key, "api_keys", {"name": "n", "type": "secret", **more})

    def end_of(response: httpx.Response) -> datetime:
        assert response.status_code == 201, response.text
        return ApiKey.objects.get(pk=response.json()["id"]).expires_at

    later = ask(expires_at=(end + timedelta(milliseconds=1)).isoformat())
    earlier = end - timedelta(days=1)

    assert (later.status_code, code_of(later)) == (400, "parameter_invalid")
    assert later.json()["error"]["param"] == "expires_at"
    assert end_of(ask()) == end
    assert end_of(ask(expires_at=None)) == end
    assert end_of(ask(expires_at=end.isoformat())) == end
    assert end_of(ask(expires_at=earlier.isoformat())) == earlier
    assert end_of(send(server, key, "api_keys", {"name": "n", "type": "publishable"})) == end


def test_key_without_an_end_makes_keys_with_any(api: Api) -> None:
    end = datetime.now(UTC) + timedelta(days=9000)

    assert created(api)["expires_at"] is None
    assert created(api, expires_at=end.isoformat())["expires_at"] is not None


def test_key_passes_its_rate_limits_on(merchant: MadeMerchant, server: Server) -> None:
    for limits in ((7, 900), (None, 900), (None, None)):
        key = make_key(merchant.scope(), rate_limits=limits)
        made = send(server, key, "api_keys", {"name": "n", "type": "secret"})

        assert made.status_code == 201, made.text
        stored = ApiKey.objects.get(pk=made.json()["id"])
        assert (stored.rate_limit_per_second, stored.rate_limit_per_hour) == limits


def test_key_does_not_rotate_one_that_may_do_more(
    api: Api, merchant: MadeMerchant, server: Server
) -> None:
    narrow = make_key(merchant.scope(), "api_keys:write")
    wide = created(api, "customers:read")

    refused = send(server, narrow, f"api_keys/{wide['id']}/rotate", {})

    assert (refused.status_code, code_of(refused)) == (403, "permission_denied")
    assert "customers:read" in refused.json()["error"]["message"]
    assert api.get(f"/v1/api_keys/{wide['id']}").json()["is_active"] is True


def test_publishable_key_tokenises_and_nothing_else(api: Api, server: Server) -> None:
    key = created(api, type="publishable")
    assert key["secret"].startswith("pk_test_")
    assert key["permissions"] == ["payment_methods:write"]
    card = {"type": "card", "card": CARD}

    tokenised = send(server, key["secret"], "payment_methods", card)

    assert tokenised.status_code == 201
    customer = api.post("/v1/customers").json()["id"]
    attaching = send(server, key["secret"], "payment_methods", {**card, "customer": customer})
    assert (attaching.status_code, code_of(attaching)) == (403, "customer_not_allowed")
    token = tokenised.json()["id"]
    payment = {"amount": 1000, "currency": "USD", "payment_method": token}
    for path, body in [
        (f"payment_methods/{token}", None),
        (f"payment_methods/{token}/detach", {}),
        (f"payment_methods/{token}/attach", {"customer": customer}),
        ("transactions", payment),
        ("transactions", None),
        ("customers", {}),
        ("api_keys", {"name": "n", "type": "publishable"}),
        (f"api_keys/{key['id']}/rotate", {}),
        ("balance", None),
    ]:
        refused = send(server, key["secret"], path, body)
        assert (refused.status_code, code_of(refused)) == (403, "permission_denied"), path


def test_publishable_key_takes_no_other_permission(api: Api) -> None:
    body = {"name": "n", "type": "publishable", "permissions": ["customers:read"]}

    response = api.post("/v1/api_keys", body)

    assert api.error(response, 400, "parameter_invalid")["param"] == "permissions"


def test_test_and_live_keys_do_not_see_each_other(api: Api, live_api: Api, server: Server) -> None:
    test_key, live_key = created(api, "*"), created(live_api, "*")

    assert live_key["secret"].startswith("sk_live_")
    assert (test_key["environment"], live_key["environment"]) == ("test", "live")
    for client, foreign in ((api, live_key), (live_api, test_key)):
        assert foreign["id"] not in [key["id"] for key in client.get("/v1/api_keys").json()["data"]]
        path = f"/v1/api_keys/{foreign['id']}"
        client.error(client.get(path), 404, "resource_missing")
        client.error(client.post(f"{path}/rotate"), 404, "resource_missing")
        client.error(client.post(f"{path}/revoke"), 404, "resource_missing")
        cursor = client.get("/v1/api_keys", starting_after=foreign["id"])
        assert client.error(cursor, 400, "resource_missing")["param"] == "starting_after"
    disguised = live_key["secret"].replace("sk_live_", "sk_test_")
    assert code_of(send(server, disguised, "customers")) == "api_key_invalid"


def test_another_merchants_key_does_not_exist(api: Api, other_api: Api) -> None:
    key = created(api, "*")

    for path in (f"/v1/api_keys/{key['id']}", f"/v1/api_keys/{NOBODYS_ID}", "/v1/api_keys/none"):
        other_api.error(other_api.get(path), 404, "resource_missing")
        other_api.error(other_api.post(f"{path}/rotate"), 404, "resource_missing")
        other_api.error(other_api.post(f"{path}/revoke"), 404, "resource_missing")
    assert api.get(f"/v1/api_keys/{key['id']}").json()["is_active"] is True


@pytest.mark.parametrize("act", ["create", "rotate"])
def test_replay_shows_the_same_secret_and_the_stored_reply_does_not(api: Api, act: str) -> None:
    body: dict[str, Any] = {"name": "till", "type": "secret", "permissions": ["balance:read"]}
    path = "/v1/api_keys"
    if act == "rotate":
        path, body = f"{path}/{created(api, 'balance:read')['id']}/rotate", {}
    key = new_key()

    first = api.post(path, body, key=key)
    second = api.post(path, body, key=key)

    assert second.headers["Idempotent-Replayed"] == "true"
    assert (second.status_code, second.json()) == (first.status_code, first.json())
    secret = first.json()["secret"]
    stored = IdempotencyKey.objects.get(key=key)
    assert stored.response_secrets is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT i::text FROM idempotency_keys i WHERE id = %s", [stored.pk])
        (row,) = cursor.fetchone()
    for kept in (row.encode(), bytes(stored.response_secrets)):
        assert secret.encode() not in kept
        assert secret[16:].encode() not in kept
        assert secret[16:].encode().hex().encode() not in kept
    assert json.loads(stored.response_body or "")["secret"] is None


def test_secret_is_replayed_for_a_day(api: Api) -> None:
    body = {"name": "till", "type": "secret", "permissions": ["balance:read"]}
    key = new_key()
    first = api.post("/v1/api_keys", body, key=key).json()
    row = IdempotencyKey.objects.filter(key=key)

    row.update(id=uuid7_floor(datetime.now(UTC) - timedelta(hours=23, minutes=59)))
    delete_old_idempotency_keys()
    assert api.post("/v1/api_keys", body, key=key).json() == first
    row.update(id=uuid7_floor(datetime.now(UTC) - timedelta(hours=24, minutes=1)))
    delete_old_idempotency_keys()

    assert not row.exists()
    assert api.post("/v1/api_keys", body, key=key).json()["secret"] != first["secret"]


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"name": ""}, "name", "parameter_invalid"),
        ({"name": "n" * 101}, "name", "parameter_invalid"),
        ({"name": "4242 4242 4242 4242"}, "name", "parameter_invalid"),
        ({"name": None}, "name", "parameter_invalid"),
        ({"type": "restricted"}, "type", "parameter_invalid"),
        ({"permissions": ["customers:delete"]}, "permissions", "parameter_invalid"),
        ({"permissions": ["customers"]}, "permissions", "parameter_invalid"),
        ({"permissions": "*"}, "permissions", "parameter_invalid"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "parameter_invalid"),
        ({"expires_at": "2999-01-01T00:00:00"}, "expires_at", "parameter_invalid"),
        ({"expires_at": 4102444800}, "expires_at", "parameter_invalid"),
        ({"environment": "live"}, "environment", "unknown_parameter"),
        ({"secret": "sk_test_mine"}, "secret", "unknown_parameter"),
    ],
)
def test_bad_input_makes_no_key(api: Api, change: dict[str, Any], param: str, code: str) -> None:
    before = api.get("/v1/api_keys").json()["data"]
    body = {"name": "n", "type": "secret", "permissions": ["*"], **change}

    response = api.post("/v1/api_keys", body)

    assert api.error(response, 400, code)["param"] == param
    assert [key["id"] for key in api.get("/v1/api_keys").json()["data"]] == [
        key["id"] for key in before
    ]


@pytest.mark.parametrize("missing", ["name", "type"])
def test_name_and_type_are_required(api: Api, missing: str) -> None:
    body = {"name": "n", "type": "secret", "permissions": ["*"]}
    del body[missing]

    assert api.error(api.post("/v1/api_keys", body), 400, "parameter_missing")["param"] == missing
