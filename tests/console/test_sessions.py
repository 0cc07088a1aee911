"""Sessions end: idle, too old, by oneself, by a colleague."""

import pytest
from django.conf import settings
from django.test import Client

from payments_project.staff.models import StaffUser
from payments_project.staff.sign_in import lock_out, sessions
from payments_project.staff.sign_in.models import (
    StaffSession,
)
from payments_project.staff.sign_in.session_store import SEEN_AT, SIGN_IN
from tests.console.acting import audit_of
from tests.console.signing_in import (
    LOGIN,
    NOW,
    PASSWORD,
    browser,
    give_password,
    is_in,
    signed_in,
    staff,
    text_of,
)


def age(client: Client, *, idle: int = 0, old: int = 0) -> None:
    """A session as it is so many seconds later."""
    session = client.session
    session[SEEN_AT] -= idle
    session[SIGN_IN] = {**session[SIGN_IN], "at": session[SIGN_IN]["at"] - old}
    session.save()


def test_an_idle_session_ends_and_the_sign_in_page_says_why(user):
    client = signed_in(user)
    age(client, idle=1795)
    assert is_in(client)
    age(client, idle=1801)
    assert client.get("/admin/").status_code == 302
    page = client.get("/admin/", follow=True)
    assert "You were signed out after 30 minutes without a click" in text_of(page)
    assert audit_of(user.pk)[-1].after == {"cause": "idle"}
    assert SIGN_IN not in client.session


def test_each_request_keeps_a_session_open(user):
    client = signed_in(user)
    for _ in range(3):
        age(client, idle=1000)
        assert is_in(client)


def test_a_session_ends_after_twelve_hours_whatever_happens(user):
    client = signed_in(user)
    age(client, old=12 * 3600 + 1)
    page = client.get("/admin/", follow=True)
    assert "You were signed out after 12 hours" in text_of(page)
    assert not is_in(client)


def test_asking_how_long_is_left_is_no_use_of_the_console(user):
    client = signed_in(user)
    age(client, idle=1000)
    assert client.get("/admin/session/").json()["seconds_left"] in range(790, 801)
    assert client.get("/admin/session/").json()["seconds_left"] in range(790, 801)
    client.post("/admin/session/")
    assert client.get("/admin/session/").json()["seconds_left"] in range(1790, 1801)


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(second_factor_optional, user):
    client = browser()
    answer = give_password(client, user)
    for name in (settings.SESSION_COOKIE_NAME, lock_out.BROWSER_COOKIE):
        cookie = answer.cookies[name]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"


def test_signing_out_ends_the_session_and_is_on_record(user):
    client = signed_in(user)
    key = client.session.session_key
    page = client.post("/admin/logout/", follow=True)
    assert "You are signed out." in text_of(page)
    assert not StaffSession.objects.filter(session_key=key).exists()
    assert audit_of(user.pk)[-1].after == {"cause": "by oneself"}
    assert not is_in(client)


def test_a_link_signs_nobody_out(user):
    client = signed_in(user)
    assert client.get("/admin/logout/").headers["Location"] == "/admin/"
    assert is_in(client)


def test_a_deactivated_user_is_out_at_once(superuser):
    other = staff(is_superuser=False)
    client = signed_in(other)
    assert is_in(client)
    form = {"username": other.username, "is_staff": "on"}
    address = f"/admin/payments_project/staffuser/{other.pk}/change/"
    assert superuser.post(address, form).status_code == 302
    assert not StaffUser.objects.get(pk=other.pk).is_active
    assert not is_in(client)
    assert not StaffSession.objects.filter(user=other).exists()


def test_one_signs_oneself_out_everywhere_else(user):
    here, there = signed_in(user), signed_in(user)
    here.post("/admin/account/end-sessions/")
    assert is_in(here)
    assert not is_in(there)
    assert audit_of(user.pk)[-1].action == "staff_user.sessions_ended"


def test_ones_own_page_shows_where_one_is_signed_in(user):
    here = signed_in(user)
    signed_in(user)
    text = text_of(here.get("/admin/account/"))
    assert text.count('data-label="Since"') == 2
    assert text.count("this browser") == 1


def test_a_new_password_ends_the_other_sessions_and_is_on_record(user):
    here, there = signed_in(user), signed_in(user)
    word = "plumply & grouts"
    form = {"old_password": PASSWORD, "new_password1": word, "new_password2": word}
    page = here.post("/admin/password_change/", form, follow=True)
    assert "Your password was changed" in text_of(page)
    assert is_in(here)
    assert not is_in(there)
    assert audit_of(user.pk)[-1].action == "staff_user.password_changed"


@pytest.mark.parametrize("old", ["wrong", "", "\0", "x" * 10_000])
def test_a_new_password_wants_the_old_one(user, old):
    here = signed_in(user)
    form = {"old_password": old, "new_password1": "plumply & grouts"}
    answer = here.post("/admin/password_change/", form | {"new_password2": "plumply & grouts"})
    assert "c-error" in text_of(answer)
    assert StaffUser.objects.get(pk=user.pk).check_password(PASSWORD)


def test_a_password_that_a_colleague_sets_ends_the_sessions(superuser):
    other = staff()
    client = signed_in(other)
    word = "plumply & grouts"
    form = {"password1": word, "password2": word, "usable_password": "true"}
    address = f"/admin/payments_project/staffuser/{other.pk}/password/"
    assert superuser.post(address, form).status_code == 302
    assert not is_in(client)


def test_who_is_signed_in_is_led_past_the_sign_in_page(user):
    client = signed_in(user)
    assert client.get(LOGIN, {"next": "/admin/account/"}).headers["Location"] == "/admin/account/"


def test_a_session_of_the_mark_alone_is_none():
    client = Client()
    session = client.session
    session[SIGN_IN] = {"at": int(NOW.timestamp()), "factor": "totp", "ip": None}
    session.save()
    client.cookies["payments_session"] = session.session_key
    assert not is_in(client)
    assert sessions.REQUIRED == "required"
