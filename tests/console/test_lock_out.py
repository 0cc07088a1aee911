"""Guessing gets slower, and nobody locks somebody else out for good."""

from datetime import timedelta
from uuid import uuid4

import pytest

from payments_project.staff.models import AuditEntry
from payments_project.staff.sign_in import lock_out
from payments_project.staff.sign_in.models import (
    SignInCounter,
)
from tests.console.acting import audit_of
from tests.console.signing_in import (
    CODE,
    LOGIN,
    NOW,
    actions_on,
    browser,
    code_now,
    enrolled,
    forget_locks,
    give_password,
    is_in,
    pending,
    second_factor_words,
    staff,
    text_of,
    wrong_code,
)
from tests.threads import at_once


def test_after_five_failures_an_account_waits_and_is_told_what_to_do(second_factor_optional, user):
    clients = [browser() for _ in range(6)]
    for client in clients[:5]:
        assert give_password(client, user, "wrong").status_code == 200
    answer = give_password(clients[5], user)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert "Too many failed attempts. Wait a minute" in text_of(answer)
    assert not is_in(clients[5])
    assert actions_on(user) == [*["sign_in_failed"] * 5, "locked_out"]
    assert audit_of(user.pk)[-1].after["scope"] == "account"


def test_a_name_that_is_nobodys_is_locked_out_alike(second_factor_optional):
    name = uuid4().hex
    for _ in range(5):
        assert browser().post(LOGIN, {"username": name, "password": "x"}).status_code == 200
    assert browser().post(LOGIN, {"username": name, "password": "x"}).status_code == 429


def test_a_locked_account_opens_when_the_time_is_over_and_is_forgiven(second_factor_optional, user):
    for _ in range(5):
        give_password(browser(), user, "wrong")
    forget_locks(user)
    client = browser()
    give_password(client, user)
    assert is_in(client)
    assert not SignInCounter.objects.filter(key=str(user.pk)).exists()


def test_attempts_while_it_is_locked_do_not_prolong_it(second_factor_optional, user):
    for _ in range(5):
        give_password(browser(), user, "wrong")
    before = SignInCounter.objects.get(scope="account", key=str(user.pk))
    for _ in range(3):
        assert give_password(browser(), user, "wrong").status_code == 429
    after = SignInCounter.objects.get(scope="account", key=str(user.pk))
    assert (after.failures, after.locked_until) == (before.failures, before.locked_until)


def test_waits_double_up_to_a_quarter_of_an_hour_and_a_day_forgets(user):
    counter = lock_out.Counter("account", str(user.pk))
    now = NOW
    waits = []
    for _ in range(10):
        until = lock_out.count_attempt([counter], now=now).get(counter)
        waits.append((until - now).total_seconds() / 60 if until else 0)
        if until:
            with pytest.raises(lock_out.LockedOut) as refused:
                lock_out.count_attempt([counter], now=until - timedelta(seconds=1))
            assert refused.value.until == until
        now = until or now
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 15, 15]
    assert lock_out.count_attempt([counter], now=now + timedelta(days=1, seconds=1)) == {}


def test_a_browser_that_is_known_is_not_locked_out_by_strangers(second_factor_optional, user):
    known = browser()
    give_password(known, user)
    known.post("/admin/logout/")
    for _ in range(5):
        give_password(browser(), user, "wrong")
    assert give_password(browser(), user).status_code == 429
    give_password(known, user)
    assert is_in(known)


def test_a_known_browser_has_no_more_guesses_than_others(second_factor_optional, user):
    known = browser()
    give_password(known, user)
    known.post("/admin/logout/")
    for _ in range(5):
        give_password(known, user, "wrong")
    assert give_password(known, user).status_code == 429


@pytest.mark.parametrize("cookie", ["", "x", "a:b:c", "\0", "x" * 10_000])
def test_a_cookie_that_is_not_ours_makes_no_browser_known(second_factor_optional, user, cookie):
    client = browser()
    client.cookies["payments_browser"] = cookie
    give_password(client, user, "wrong")
    assert SignInCounter.objects.filter(scope="account", key=str(user.pk)).exists()


def test_a_browser_known_to_a_colleague_is_none_to_others(second_factor_optional, user):
    client = browser()
    give_password(client, staff())
    client.post("/admin/logout/")
    give_password(client, user, "wrong")
    assert SignInCounter.objects.filter(scope="account", key=str(user.pk)).exists()


def test_an_address_that_tries_many_accounts_waits(second_factor_optional, user):
    client = browser()
    for _ in range(20):
        client.post(LOGIN, {"username": uuid4().hex, "password": "x"})
    assert give_password(client, user).status_code == 429
    other = browser()
    give_password(other, user)
    assert is_in(other)
    address = client.defaults["REMOTE_ADDR"]
    locked = AuditEntry.objects.get(ip_address=address, action="staff_user.locked_out")
    assert locked.after["scope"] == "address"


def test_signing_in_does_not_wash_an_address_clean(second_factor_optional, user):
    client = browser()
    for _ in range(3):
        client.post(LOGIN, {"username": uuid4().hex, "password": "x"})
    give_password(client, user)
    network = lock_out._network(client.defaults["REMOTE_ADDR"])
    assert SignInCounter.objects.get(scope="address", key=network).failures == 3


def test_wrong_codes_lock_the_second_factor_for_longer(second_factor_required, user):
    secret, codes = enrolled(user)
    client = pending(user)
    for _ in range(5):
        assert second_factor_words(client.post(CODE, {"code": wrong_code(secret)}))
    for code in (code_now(secret), codes[0]):
        answer = client.post(CODE, {"code": code})
        assert answer.status_code == 429
        assert "Too many failed attempts" in text_of(answer)
    assert not is_in(client)
    assert audit_of(user.pk)[-1].after["scope"] == "code"
    forget_locks(user)
    client.post(CODE, {"code": code_now(secret)})
    assert is_in(client)


def test_guesses_side_by_side_count_as_those_one_after_the_other(user):
    counter = lock_out.Counter("account", str(user.pk))

    def guess(_):
        try:
            lock_out.count_attempt([counter], now=NOW)
        except lock_out.LockedOut:
            return False
        return True

    taken = at_once(12, guess)
    assert sum(taken) == 5


def test_it_holds_while_redis_is_away(second_factor_optional, user, settings):
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    }
    for _ in range(5):
        give_password(browser(), user, "wrong")
    assert give_password(browser(), user).status_code == 429


def test_old_counts_are_deleted(user):
    counter = lock_out.Counter("account", str(user.pk))
    lock_out.count_attempt([counter], now=NOW)
    lock_out.delete_forgotten(now=NOW + timedelta(hours=23))
    assert SignInCounter.objects.filter(key=str(user.pk)).exists()
    lock_out.delete_forgotten(now=NOW + timedelta(hours=25))
    assert not SignInCounter.objects.filter(key=str(user.pk)).exists()
