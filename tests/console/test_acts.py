"""What staff do: keys are made, rotated and revoked, accounts suspended, personal data revealed."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.db import connection

from merchants.models import ApiKey, Merchant
from merchants.services.update_customer import delete_customer
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.models import Event
from tests.console.acting import REASON, act, audit_of, token_of
from tests.console.test_pages import list_of, page_of

SECRET = re.compile(r"[sp]k_(?:test|live)_[A-Za-z0-9]{40}")


def create(client, merchant, **changes):
    values = {
        "name": "Warehouse", "environment": "test", "key_type": "secret",
        "permissions": ["transactions:read"], "reason": REASON, **changes,
    }  # fmt: skip
    address = act("merchants.merchant", merchant.id, "create-key")
    return client.post(address, {**values, "form_token": token_of(client, address)})


def created_key(client, merchant, **changes) -> tuple[ApiKey, str]:
    (secret,) = set(SECRET.findall(create(client, merchant, **changes).content.decode()))
    key = ApiKey.objects.filter(merchant_id=merchant.id).latest("created_at", "pk")
    assert secret.startswith(key.key_prefix)
    return key, secret


def status_of(server, secret: str) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.get(f"{server.url}/v1/transactions", headers=headers).status_code


def test_a_new_key_is_shown_once_and_works(superuser, merchant, server):
    key, secret = created_key(superuser, merchant)
    assert status_of(server, secret) == 200
    assert (key.name, key.environment, key.permissions) == (
        "Warehouse", "test", ["transactions:read"],
    )  # fmt: skip
    for address in (
        page_of("merchants.apikey", key.pk),
        list_of("merchants.apikey"),
        page_of("merchants.merchant", merchant.id) + "?tab=API+keys",
        page_of("payments_project.auditentry", audit_of(key.pk)[0].pk),
    ):
        text = superuser.get(address).content.decode()
        assert key.key_prefix in text
        assert secret not in text
        assert key.key_hash not in text


def test_sending_the_form_again_makes_no_other_key(superuser, merchant):
    address = act("merchants.merchant", merchant.id, "create-key")
    values = {
        "name": "Once", "environment": "test", "key_type": "publishable", "reason": REASON,
        "form_token": token_of(superuser, address),
    }  # fmt: skip
    assert SECRET.search(superuser.post(address, values).content.decode())

    again = superuser.post(address, values, follow=True)

    assert "was sent already" in again.content.decode()
    assert not SECRET.search(again.content.decode())
    assert ApiKey.objects.filter(merchant_id=merchant.id, name="Once").count() == 1


def test_the_page_with_the_key_is_kept_by_no_cache(superuser, merchant):
    answer = create(superuser, merchant)
    assert SECRET.search(answer.content.decode())
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_new_key_is_on_record_without_the_key(superuser, merchant):
    key, secret = created_key(superuser, merchant)
    (entry,) = audit_of(key.pk)
    assert (entry.action, entry.staff_user_id, entry.reason, entry.merchant_id) == (
        "api_key.created", superuser.user.pk, REASON, merchant.id,
    )  # fmt: skip
    assert entry.after["permissions"] == ["transactions:read"]
    event = Event.objects.get(aggregateid=str(key.pk), type="api_key.created")
    assert (event.actor_kind, event.actor_id) == ("staff", superuser.user.pk)
    for row in (entry, event):
        assert secret not in str(vars(row))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "a\0b"},
        {"name": "x" * 101},
        {"environment": "moon"},
        {"key_type": "golden"},
        {"permissions": []},
        {"permissions": ["transactions:steal"]},
        {"per_second": "0"},
        {"per_hour": str(2**40)},
        {"expires_on": "2020-01-01"},
        {"expires_on": "soon"},
        {"reason": ""},
        {"reason": " "},
        {"reason": "a\0b"},
    ],
)
def test_a_key_with_a_fault_is_not_made(superuser, merchant, changes):
    before = ApiKey.objects.filter(merchant_id=merchant.id).count()
    answer = create(superuser, merchant, **changes)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert 'class="c-error"' in text
    assert not SECRET.search(text)
    assert ApiKey.objects.filter(merchant_id=merchant.id).count() == before


def test_a_publishable_key_has_the_one_right_of_its_kind(superuser, merchant):
    key, secret = created_key(superuser, merchant, key_type="publishable", permissions=["*"])
    assert secret.startswith("pk_test_")
    assert key.permissions == ["payment_methods:write"]


def test_a_key_ends_with_its_last_day(superuser, merchant):
    today = datetime.now(UTC).date()
    key, _ = created_key(superuser, merchant, expires_on=str(today + timedelta(days=3)))
    assert key.expires_at.date() == today + timedelta(days=3)
    assert key.expires_at.time().hour == 23


def test_a_rotated_key_hands_over_to_a_new_one(superuser, merchant, server):
    old, old_secret = created_key(superuser, merchant)
    assert status_of(server, old_secret) == 200
    address = act("merchants.apikey", old.pk, "rotate")
    values = {"overlap": "3600", "reason": REASON, "form_token": token_of(superuser, address)}
    answer = superuser.post(address, values)
    (secret,) = set(SECRET.findall(answer.content.decode()))
    assert secret != old_secret
    assert [status_of(server, one) for one in (old_secret, secret)] == [200, 200]
    old.refresh_from_db()
    left = old.expires_at - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    entry = audit_of(old.pk)[-1]
    assert (entry.action, entry.reason) == ("api_key.rotated", REASON)
    assert entry.after == {"prefix": secret[:16], "overlap_seconds": 3600}
    assert secret not in superuser.get(page_of("merchants.apikey", old.pk)).content.decode()


def test_a_revoked_key_ends(superuser, merchant, server):
    key, secret = created_key(superuser, merchant)
    address = act("merchants.apikey", key.pk, "revoke")
    answer = superuser.post(address, {"reason": REASON}, follow=True)
    assert "is revoked" in answer.content.decode()
    # Its first call comes after the end, so that no process remembers it.
    assert status_of(server, secret) == 401
    key.refresh_from_db()
    assert key.is_active is False
    entry = audit_of(key.pk)[-1]
    assert (entry.action, entry.staff_user_id, entry.reason) == (
        "api_key.revoked", superuser.user.pk, REASON,
    )  # fmt: skip
    again = superuser.post(address, {"reason": REASON})
    assert again.status_code == 302
    assert len(audit_of(key.pk)) == 2
    assert superuser.post(act("merchants.apikey", key.pk, "rotate"), {}).status_code == 302


def test_asking_changes_nothing(superuser, merchant):
    key, _ = created_key(superuser, merchant)
    for name in ("rotate", "revoke"):
        address = act("merchants.apikey", key.pk, name)
        token = token_of(superuser, address)
        assert superuser.post(address, {"form_token": token}).status_code == 200
    key.refresh_from_db()
    assert key.is_active is True
    assert key.expires_at is None
    assert [entry.action for entry in audit_of(key.pk)] == ["api_key.created"]


def test_acts_need_a_right_of_their_own(superuser, staff_with, business, merchant):
    key, _ = created_key(superuser, merchant)
    viewer = staff_with(
        "merchants.view_apikey", "merchants.view_merchant", "merchants.view_customer"
    )
    for label, pk, name in (
        ("merchants.merchant", merchant.id, "create-key"),
        ("merchants.merchant", merchant.id, "suspend"),
        ("merchants.apikey", key.pk, "rotate"),
        ("merchants.apikey", key.pk, "revoke"),
        ("merchants.customer", business.customer, "reveal"),
    ):
        page = viewer.get(page_of(label, pk))
        assert page.status_code == 200
        assert act(label, pk, name) not in page.content.decode()
        assert viewer.get(act(label, pk, name)).status_code == 403
        assert viewer.post(act(label, pk, name), {"reason": REASON}).status_code == 403
    key.refresh_from_db()
    assert key.is_active is True
    assert Merchant.objects.get(pk=merchant.id).status == "active"


def test_the_right_to_an_act_is_not_enough_to_see_its_object(staff_with, business):
    outsider = staff_with("merchants.reveal_customer")
    address = act("merchants.customer", business.customer, "reveal")
    assert outsider.post(address, {"reason": REASON}).status_code == 403


def test_acts_without_an_object_or_a_name_are_not_found(superuser, merchant):
    nobody = "00000000-0000-7000-8000-000000000000"
    assert superuser.get(act("merchants.apikey", nobody, "revoke")).status_code == 404
    assert superuser.get(act("merchants.apikey", "x\0", "revoke")).status_code == 404
    assert superuser.get(act("merchants.merchant", merchant.id, "erase")).status_code == 404


def test_a_suspended_account_takes_no_live_payments_until_it_is_activated(
    superuser, merchant, live_api
):
    def change(name: str) -> None:
        address = act("merchants.merchant", merchant.id, name)
        assert superuser.post(address, {"reason": REASON}).status_code == 302

    # The server knows the key, and must not go by what it remembers of the account.
    body = {"amount": 100, "currency": "USD", "payment_method": live_api.card()}
    change("suspend")
    live_api.error(live_api.post("/v1/transactions", body), 403, "merchant_not_active")
    page = superuser.get(page_of("merchants.merchant", merchant.id)).content.decode()
    assert act("merchants.merchant", merchant.id, "activate") in page
    assert act("merchants.merchant", merchant.id, "suspend") not in page
    change("activate")
    assert Merchant.objects.get(pk=merchant.id).status == "active"
    assert live_api.post("/v1/transactions", body).status_code == 201
    assert [(entry.action, entry.before, entry.after) for entry in audit_of(merchant.id)] == [
        ("merchant.status_changed", {"status": "active"}, {"status": "suspended"}),
        ("merchant.status_changed", {"status": "suspended"}, {"status": "active"}),
    ]


def test_a_closed_account_stays_closed_and_gets_no_keys(superuser, merchant):
    address = act("merchants.merchant", merchant.id, "close")
    assert superuser.post(address, {"reason": REASON}).status_code == 302
    for name in ("activate", "suspend", "close", "create-key"):
        again = superuser.post(act("merchants.merchant", merchant.id, name), {"reason": REASON})
        assert again.status_code == 302
    assert Merchant.objects.get(pk=merchant.id).status == "closed"
    assert len(audit_of(merchant.id)) == 1


PERSONAL = ("Ada Byron", "+1 555 0100")


def test_personal_data_is_shown_only_on_request_and_on_record(superuser, business):
    def holds(text: str) -> list[bool]:
        return [words in text for words in PERSONAL]

    page = page_of("merchants.customer", business.customer)
    for address in (page, list_of("merchants.customer")):
        assert holds(superuser.get(address).content.decode()) == [False, False]
    address = act("merchants.customer", business.customer, "reveal")
    before = len(audit_of(business.customer))
    assert holds(superuser.get(address).content.decode()) == [False, False]
    assert holds(superuser.post(address, {}).content.decode()) == [False, False]
    assert len(audit_of(business.customer)) == before
    shown = superuser.post(address, {"reason": REASON})
    assert holds(shown.content.decode()) == [True, True]
    assert "no-store" in shown.headers["Cache-Control"]
    entry = audit_of(business.customer)[-1]
    assert (entry.action, entry.staff_user_id, entry.reason) == (
        "customer.revealed", superuser.user.pk, REASON,
    )  # fmt: skip
    assert entry.after == {"shown": ["name", "phone", "address"]}
    assert holds(str(vars(entry))) == [False, False]
    assert holds(superuser.get(page).content.decode()) == [False, False]


def test_a_deleted_customer_has_nothing_to_reveal(superuser, api):
    created = api.post("/v1/customers", {"name": "Ada Byron"}).json()["id"]
    run_in_transaction(lambda: delete_customer(scope=api.scope, customer_id=created, actor=SYSTEM))
    address = act("merchants.customer", created, "reveal")
    assert superuser.post(address, {"reason": REASON}).status_code == 302
    assert audit_of(created) == []


def test_the_trail_cannot_be_rewritten(superuser, merchant):
    key, _ = created_key(superuser, merchant)
    for statement in ("UPDATE audit SET reason = ''", "DELETE FROM audit"):
        with connection.cursor() as cursor, pytest.raises(Exception, match="permission denied"):
            cursor.execute(statement)
    (entry,) = audit_of(key.pk)
    assert entry.reason == REASON
