"""Acts on many rows of a list: the rules of single acts for each, and a result for each."""

import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from merchants.admin.key_acts import REVOKE_KEY, ROTATE_KEY
from merchants.models import ApiKey, Merchant
from payments_project.console import bulk, form_tokens
from payments_project.console.acts import ActForm, Done, acts_of
from payments_project.console.bulk import BULK_MAX
from payments_project.console.models import UsedFormToken
from payments_project.errors import Conflict
from payments_project.staff.audit import record_audit
from payments_project.tasks import delete_old_form_tokens
from tests.console.acting import REASON, act, audit_of
from tests.console.test_acts import created_key
from tests.console.test_pages import MODELS, list_of, page_of
from tests.merchants.making import make_merchant
from transactions.admin.payment_acts import PAYMENT_ACTS

KEYS = "merchants.apikey"
MERCHANTS = "merchants.merchant"
NOBODY = "00000000-0000-7000-8000-000000000000"


def bulk_of(label: str, name: str) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_bulk", args=[name])


def ask(client: Client, label: str, name: str, keys: list[Any], **values: Any):
    """The page that the list's button leads to."""
    return client.post(bulk_of(label, name), {ACTION_CHECKBOX_NAME: keys, **values})


def token_in(page: Any) -> str:
    return re.search(r'name="form_token" value="([^"]+)"', page.content.decode())[1]


def do(client: Client, label: str, name: str, keys: list[Any], **values: Any):
    """Asks and acts; the page with the results."""
    token = token_in(ask(client, label, name, keys))
    sent = {"reason": REASON, "form_token": token, **values}
    return ask(client, label, name, keys, **sent)


def results_of(page: Any) -> dict[str, tuple[str, str]]:
    """Outcome and message by key."""
    assert page.status_code == 200
    return {
        str(result.chosen.key): (result.outcome, result.message)
        for result in page.context["results"]
    }


@pytest.fixture
def keys(superuser, merchant) -> list[str]:
    return [str(created_key(superuser, merchant)[0].pk) for _ in range(3)]


@pytest.fixture
def with_act(monkeypatch):
    """Puts an act into an admin's place of one of the same name."""

    def put(label: str, changed: Any) -> None:
        model_admin = admin.site._registry[MODELS[label]]
        others = [one for one in model_admin.acts if one.name != changed.name]
        monkeypatch.setattr(type(model_admin), "acts", (*others, changed))

    return put


def test_a_list_offers_boxes_and_the_acts_that_the_user_may_do(superuser, staff_with, merchant):
    page = superuser.get(list_of(KEYS)).content.decode()
    assert f'formaction="{bulk_of(KEYS, "revoke")}"' in page
    assert page.count('class="c-select"') == page.count('<tr class="data-row')
    assert bulk_of(KEYS, "rotate") not in page
    viewer = staff_with("merchants.view_apikey").get(list_of(KEYS)).content.decode()
    assert 'class="c-select"' not in viewer
    assert "formaction" not in viewer
    assert "c-select" not in superuser.get(list_of("payments_project.event")).content.decode()


def test_asking_says_what_will_be_done_to_which_and_does_nothing(superuser, merchant, keys):
    superuser.post(act(KEYS, keys[2], "revoke"), {"reason": REASON})
    page = ask(superuser, KEYS, "revoke", [*keys, NOBODY])
    text = page.content.decode()

    assert "will be done to 2 API keys, and not to 2 of those" in re.sub("<[^>]+>", "", text)
    assert "It is revoked already." in text
    assert "There is no such object" in text
    assert ApiKey.objects.filter(pk__in=keys, is_active=True).count() == 2
    assert [len(audit_of(key)) for key in keys] == [1, 1, 2]


def test_each_is_done_with_an_entry_of_its_own(superuser, merchant, keys, server):
    results = results_of(do(superuser, KEYS, "revoke", keys))

    assert {outcome for outcome, _ in results.values()} == {"done"}
    assert set(results) == set(keys)
    for key in keys:
        entry = audit_of(key)[-1]
        assert (entry.action, entry.staff_user_id, entry.reason) == (
            "api_key.revoked", superuser.user.pk, REASON,
        )  # fmt: skip
    assert not ApiKey.objects.filter(pk__in=keys, is_active=True).exists()


def test_what_is_not_possible_for_one_is_refused_for_it_alone(superuser, merchant, keys):
    superuser.post(act(KEYS, keys[1], "revoke"), {"reason": REASON})
    results = results_of(do(superuser, KEYS, "revoke", [keys[0], keys[1], "x", keys[2], NOBODY]))

    assert results[keys[0]][0] == results[keys[2]][0] == "done"
    assert results[keys[1]] == ("refused", "It is revoked already.")
    assert results["x"][0] == results[NOBODY][0] == "refused"


def test_accounts_are_suspended_and_activated_together(superuser):
    made = [str(make_merchant().id) for _ in range(2)]
    superuser.post(act(MERCHANTS, made[1], "close"), {"reason": REASON})
    first = results_of(do(superuser, MERCHANTS, "suspend", made))
    assert first[made[0]][0] == "done"
    assert first[made[1]] == ("refused", "The account is closed.")
    assert Merchant.objects.get(pk=made[0]).status == "suspended"
    assert results_of(do(superuser, MERCHANTS, "activate", made[:1]))[made[0]][0] == "done"
    assert Merchant.objects.get(pk=made[0]).status == "active"
    assert Merchant.objects.get(pk=made[1]).status == "closed"


def test_sending_the_form_again_does_nothing(superuser, keys):
    token = token_in(ask(superuser, KEYS, "revoke", keys[:1]))
    sent = {"reason": REASON, "form_token": token}
    assert results_of(ask(superuser, KEYS, "revoke", keys[:1], **sent))[keys[0]][0] == "done"

    again = superuser.post(
        bulk_of(KEYS, "revoke"), {ACTION_CHECKBOX_NAME: keys[1:], **sent}, follow=True
    )

    assert "was sent already" in again.content.decode()
    assert ApiKey.objects.filter(pk__in=keys[1:], is_active=True).count() == 2


def test_of_two_sendings_at_once_one_acts(superuser, merchant, keys, with_act):
    """Each would do it, were it not for the token: the act is one that can be repeated."""
    entered = []

    def perform(request: Any, key: ApiKey, values: Any) -> Done:
        entered.append(key.pk)
        return Done("Done.")

    with_act(KEYS, replace(REVOKE_KEY, perform=perform))
    token = token_in(ask(superuser, KEYS, "revoke", keys[:1]))
    start, statuses = threading.Barrier(4), []

    def send() -> None:
        client = Client()
        client.cookies = superuser.cookies
        start.wait()
        sent = {"reason": REASON, "form_token": token}
        statuses.append(ask(client, KEYS, "revoke", keys[:1], **sent).status_code)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 302, 302, 302]
    assert len(entered) == 1


def test_a_form_of_somebody_else_or_for_another_act_is_not_taken(superuser, staff_with, keys):
    token = token_in(ask(superuser, KEYS, "revoke", keys))
    colleague = staff_with("merchants.view_apikey", REVOKE_KEY.permission)
    sent = {"reason": REASON, "form_token": token}
    assert ask(colleague, KEYS, "revoke", keys, **sent).status_code == 302
    for wrong in ("", "x", token[:-3]):
        page = ask(superuser, KEYS, "revoke", keys, reason=REASON, form_token=wrong)
        assert page.status_code == 302
    made = [str(make_merchant().id)]
    assert ask(superuser, MERCHANTS, "suspend", made, **sent).status_code == 302
    assert ApiKey.objects.filter(pk__in=keys, is_active=True).count() == 3


def test_what_is_wrong_for_all_is_asked_again(superuser, keys):
    page = do(superuser, KEYS, "revoke", keys, reason=" ")
    assert 'class="c-error"' in page.content.decode()
    assert ApiKey.objects.filter(pk__in=keys, is_active=True).count() == 3
    # The page has a token of its own.
    sent = {"reason": REASON, "form_token": token_in(page)}
    assert {
        one for one, _ in results_of(ask(superuser, KEYS, "revoke", keys, **sent)).values()
    } == {"done"}


def test_rights_are_asked_on_the_server(staff_with, superuser, keys):
    for names in (("merchants.view_apikey",), (REVOKE_KEY.permission,), ()):
        client = staff_with(*names)
        assert ask(client, KEYS, "revoke", keys).status_code == 403
        sent = {"reason": REASON, "form_token": "x"}
        assert ask(client, KEYS, "revoke", keys, **sent).status_code == 403
    assert ApiKey.objects.filter(pk__in=keys, is_active=True).count() == 3


def test_a_right_that_depends_on_the_object_is_asked_for_each(staff_with, keys, with_act):
    first = keys[0]

    def needed(key: ApiKey) -> str:
        return "merchants.add_apikey" if str(key.pk) == first else "merchants.close_merchant"

    with_act(KEYS, replace(REVOKE_KEY, permission=needed))
    client = staff_with("merchants.view_apikey", "merchants.add_apikey")
    results = results_of(do(client, KEYS, "revoke", keys))
    assert [results[key][0] for key in keys] == ["done", "refused", "refused"]
    assert results[keys[1]][1] == "Your roles do not include it."


def test_no_more_than_so_many_at_once(superuser, keys):
    many = [*keys, *(str(number) for number in range(BULK_MAX - len(keys) + 1))]
    page = superuser.post(bulk_of(KEYS, "revoke"), {ACTION_CHECKBOX_NAME: many}, follow=True)
    assert f"at most {BULK_MAX} at once" in page.content.decode()
    allowed = ask(superuser, KEYS, "revoke", many[:BULK_MAX])
    assert allowed.status_code == 200


def test_without_a_choice_or_an_act_there_is_no_page(superuser, keys):
    back = superuser.post(bulk_of(KEYS, "revoke"), {"list_query": "?environment=test"})
    assert back.headers["Location"] == f"{list_of(KEYS)}?environment=test"
    assert superuser.get(bulk_of(KEYS, "revoke")).status_code == 302
    odd = {"list_query": "//evil.example/?a=b&\0=%00<script>"}
    assert (
        superuser.post(bulk_of(KEYS, "revoke"), odd)
        .headers["Location"]
        .startswith(f"{list_of(KEYS)}?")
    )
    for name in ("rotate", "nothing"):
        assert ask(superuser, KEYS, name, keys).status_code == 404
    assert ask(superuser, KEYS, "revoke", ["\0", "<script>", "%s"]).status_code == 200


def test_one_that_fails_or_is_refused_undoes_itself_alone(superuser, merchant, keys, with_act):
    wrong, refused, fine = keys

    def perform(request: Any, key: ApiKey, values: Any) -> Done:
        ApiKey.objects.filter(pk=key.pk).update(name="acted on")
        record_audit(request=request, action="api_key.tried", obj=key, reason=values["reason"])
        if str(key.pk) == refused:
            raise Conflict("Not this one.")
        if str(key.pk) == wrong:
            raise RuntimeError("a fault of ours")
        return Done("Done.")

    with_act(KEYS, replace(REVOKE_KEY, perform=perform))
    results = results_of(do(superuser, KEYS, "revoke", [wrong, refused, fine]))
    assert (results[wrong][0], results[refused], results[fine][0]) == (
        "failed", ("refused", "Not this one."), "done",
    )  # fmt: skip
    assert "a fault of ours" not in results[wrong][1]
    names = dict(ApiKey.objects.filter(pk__in=keys).values_list("pk", "name"))
    assert {str(pk): name == "acted on" for pk, name in names.items()} == {
        wrong: False, refused: False, fine: True,
    }  # fmt: skip
    assert [audit_of(key)[-1].action for key in keys] == [
        "api_key.created", "api_key.created", "api_key.tried",
    ]  # fmt: skip


def test_a_lost_connection_fails_one_and_not_the_next(superuser, keys, with_act):
    def perform(request: Any, key: ApiKey, values: Any) -> Done:
        if str(key.pk) == keys[0]:
            connection.connection.close()
        ApiKey.objects.filter(pk=key.pk).update(name="acted on")
        return Done("Done.")

    with_act(KEYS, replace(REVOKE_KEY, perform=perform))
    results = results_of(do(superuser, KEYS, "revoke", keys))
    assert [results[key][0] for key in keys] == ["failed", "done", "done"]


class NamedForm(ActForm):
    """A form whose check depends on its object."""

    wanted = forms.CharField(required=False)
    paper = forms.FileField(required=False)

    def clean_wanted(self) -> str:
        if self.cleaned_data["wanted"] == str(self.instance.pk):
            raise forms.ValidationError("Not of that one.")
        return self.cleaned_data["wanted"]


def test_the_form_is_checked_for_each_object_and_its_file_read_for_each(superuser, keys, with_act):
    read = []

    def perform(request: Any, key: ApiKey, values: Any) -> Done:
        read.append(values["paper"].read())
        return Done("Done.")

    with_act(KEYS, replace(REVOKE_KEY, perform=perform, bulk_form=NamedForm))
    paper = SimpleUploadedFile("paper.txt", b"why")
    results = results_of(do(superuser, KEYS, "revoke", keys, wanted=keys[1], paper=paper))
    assert results[keys[1]] == ("refused", "Wanted: Not of that one.")
    assert results[keys[0]][0] == results[keys[2]][0] == "done"
    assert read == [b"why", b"why"]


def test_what_shows_a_secret_is_never_done_to_many(superuser, merchant, keys, with_act):
    with_act(KEYS, replace(ROTATE_KEY, is_bulk=True))
    before = ApiKey.objects.filter(merchant_id=merchant.id).count()
    page = do(superuser, KEYS, "rotate", keys, overlap="0")
    assert {outcome for outcome, _ in results_of(page).values()} == {"failed"}
    assert ApiKey.objects.filter(merchant_id=merchant.id).count() == before
    assert not re.search(r"[sp]k_(test|live)_[A-Za-z0-9]{40}", page.content.decode())


def test_no_registered_act_on_many_shows_anything():
    bulk_ones = [
        one for model_admin in admin.site._registry.values() for one in acts_of(model_admin)
        if one.is_bulk
    ]  # fmt: skip
    assert {"revoke", "suspend", "activate"} <= {one.name for one in bulk_ones}
    for one in bulk_ones:
        returned = one.perform.__annotations__.get("return")
        assert returned in (Done, "Done"), one.name


def test_what_is_left_when_the_time_is_over_is_not_begun(superuser, keys, monkeypatch):
    monkeypatch.setattr(bulk, "BULK_SECONDS_MAX", -1)
    results = results_of(do(superuser, KEYS, "revoke", keys))
    assert {outcome for outcome, _ in results.values()} == {"not begun"}
    assert ApiKey.objects.filter(pk__in=keys, is_active=True).count() == 3


def test_acts_that_ask_a_gateway_are_done_to_many(superuser, api, with_act):
    (cancel,) = (one for one in PAYMENT_ACTS if one.name == "cancel")
    with_act("transactions.transaction", replace(cancel, is_bulk=True))
    held = [api.paid(amount=900, capture=False)["id"] for _ in range(2)]
    paid = api.paid(amount=900)["id"]
    page = do(superuser, "transactions.transaction", "cancel", [*held, paid])
    results = results_of(page)
    assert [results[one][0] for one in held] == ["done", "done"]
    assert results[paid] == ("refused", "Its state (succeeded) does not allow it.")
    assert page_of("transactions.transaction", held[0]) in page.content.decode()
    for one in held:
        assert api.transaction(one)["status"] == "cancelled"
        assert [entry.action for entry in audit_of(one)] == ["transaction.cancelled"]


def test_tokens_too_old_to_be_sent_are_deleted():
    old, young = (UsedFormToken.objects.create(token=uuid4().hex) for _ in range(2))
    before = datetime.now(UTC) - 2 * form_tokens.VALID_FOR
    UsedFormToken.objects.filter(pk=old.pk).update(used_at=before - timedelta(minutes=1))
    delete_old_form_tokens()
    left = UsedFormToken.objects.filter(pk__in=[old.pk, young.pk])
    assert [token.pk for token in left] == [young.pk]


def test_a_token_ends_before_its_use_is_forgotten(superuser, keys, monkeypatch):
    token = token_in(ask(superuser, KEYS, "revoke", keys))
    monkeypatch.setattr(form_tokens, "VALID_FOR", timedelta(seconds=-1))
    page = ask(superuser, KEYS, "revoke", keys, reason=REASON, form_token=token)
    assert page.status_code == 302
    assert ApiKey.objects.filter(pk__in=keys, is_active=True).count() == 3
