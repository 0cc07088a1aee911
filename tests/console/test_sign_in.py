"""Signing in with a password, and how little it says to strangers."""

import re
from uuid import uuid4

import pytest

from payments_project.staff.models import AuditEntry
from payments_project.staff.sign_in.models import (
    SignInCounter,
)
from payments_project.staff.sign_in.session_store import SIGN_IN
from tests.console.acting import audit_of
from tests.console.signing_in import (
    LOGIN,
    PASSWORD,
    actions_on,
    browser,
    give_password,
    is_in,
    staff,
    text_of,
)


def test_a_password_alone_opens_the_console_where_no_more_is_asked(second_factor_optional, user):
    client = browser()
    answer = give_password(client, user, next="/admin/merchants/merchant/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/merchants/merchant/")
    assert is_in(client)
    (entry,) = audit_of(user.pk)
    assert (entry.action, entry.staff_user_id, entry.after) == (
        "staff_user.signed_in", user.pk, {"second_factor": "none"},
    )  # fmt: skip
    assert entry.ip_address == client.defaults["REMOTE_ADDR"]


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example/",
        "//evil.example/admin/",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:///evil.example",
        "\0",
        "x" * 10_000 + "\n",
    ],
)
def test_no_other_host_is_gone_to_afterwards(second_factor_optional, user, where):
    assert give_password(browser(), user, next=where).headers["Location"] == "/admin/"
    client = browser()
    page = client.get(LOGIN, {"next": where})
    assert 'name="next" value="/admin/"' in text_of(page)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("", ""),
        ("known", ""),
        ("known", "wrong"),
        ("known", "a\0b"),
        ("known", "x" * 10_000),
        ("kno\0wn", PASSWORD),
        ("x" * 10_000, PASSWORD),
        ("nobody", PASSWORD),
        ("ＫＮＯＷＮ", PASSWORD),
    ],
)
def test_a_wrong_name_or_password_opens_nothing(second_factor_optional, user, username, password):
    client = browser()
    name = user.username if username == "known" else username
    answer = client.post(LOGIN, {"username": name, "password": password})
    assert answer.status_code == 200
    assert SIGN_IN not in client.session
    assert not is_in(client)
    assert "signed_in" not in actions_on(user)


def test_a_name_that_is_nobodys_is_answered_like_one_that_is_somebodys(
    second_factor_optional, user
):
    answers = [
        text_of(browser().post(LOGIN, {"username": name, "password": "wrong"}))
        for name in (user.username, uuid4().hex)
    ]
    without = [
        re.sub(r'name="(username|csrfmiddlewaretoken)" (?:value|maxlength)="[^>]*>', "", answer)
        .replace(user.username, "")
        for answer in answers
    ]  # fmt: skip
    plain = [re.sub(r"[0-9a-f]{32}|[A-Za-z0-9]{64}", "", answer) for answer in without]
    assert plain[0] == plain[1]
    assert "Please enter the correct" in plain[0]


def test_what_was_typed_as_a_name_is_kept_nowhere(second_factor_optional):
    word = f"correct horse {uuid4().hex}"
    client = browser()
    client.post(LOGIN, {"username": word, "password": "x"})
    address = client.defaults["REMOTE_ADDR"]
    (entry,) = AuditEntry.objects.filter(ip_address=address)
    assert (entry.action, entry.object_type, entry.object_id, entry.staff_user_id) == (
        "staff_user.sign_in_failed", "staffuser", "", None,
    )  # fmt: skip
    assert word not in str(vars(entry))
    for counter in SignInCounter.objects.all():
        assert word not in counter.key
    # One of 65,536 marks: no more than that is known of it.
    newest = SignInCounter.objects.filter(scope="account", key__startswith="unknown:").latest("id")
    assert re.fullmatch(r"unknown:[0-9a-f]{4}", newest.key)


def test_a_wrong_password_is_on_record_for_the_account(second_factor_optional, user):
    client = browser()
    give_password(client, user, "wrong")
    (entry,) = audit_of(user.pk)
    assert (entry.action, entry.staff_user_id, entry.after, entry.ip_address) == (
        "staff_user.sign_in_failed", None, {"wrong": "password"}, client.defaults["REMOTE_ADDR"],
    )  # fmt: skip


@pytest.mark.parametrize("details", [{"is_staff": False}, {"is_active": False}])
def test_who_may_not_sign_in_is_told_what_strangers_are_told(second_factor_optional, details):
    other = staff(**details)
    client = browser()
    answer = give_password(client, other)
    assert "Please enter the correct" in text_of(answer)
    assert not is_in(client)


def test_the_record_has_the_browser_cleaned_and_cut(second_factor_optional, user):
    client = browser()
    client.defaults["HTTP_USER_AGENT"] = "Browser/1\0\n" + "y" * 1000
    give_password(client, user)
    (entry,) = audit_of(user.pk)
    assert entry.user_agent == ("Browser/1" + "y" * 1000)[:200]
