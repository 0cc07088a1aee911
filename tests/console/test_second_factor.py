"""The second factor: codes of an app, backup codes, enrolment."""

import re
from base64 import b32encode, b64encode
from datetime import UTC, datetime, timedelta

import pytest

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.staff.models import StaffUser
from payments_project.staff.sign_in import second_factor
from payments_project.staff.sign_in.models import (
    BackupCode,
    SecondFactor,
    StaffSession,
)
from tests.console.acting import audit_of
from tests.console.signing_in import (
    CODE,
    ENROL,
    LOGIN,
    NOW,
    PASSWORD,
    actions_on,
    begin_enrolment,
    browser,
    code_now,
    enrolled,
    give_password,
    is_in,
    offered_secret,
    pending,
    second_factor_words,
    signed_in,
    staff,
    text_of,
    wrong_code,
)
from tests.threads import at_once


def test_a_code_completes_the_sign_in(second_factor_required, user):
    secret, _ = enrolled(user)
    client = pending(user)
    key = client.session.session_key
    answer = client.post(CODE, {"code": code_now(secret)})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    assert is_in(client)
    assert client.session.session_key != key
    assert not StaffSession.objects.filter(session_key=key).exists()
    assert audit_of(user.pk)[-1].after == {"second_factor": "totp"}


def test_who_is_enrolled_is_asked_even_where_nobody_has_to_be(second_factor_optional, user):
    enrolled(user)
    client = pending(user)
    assert not is_in(client)


def test_a_code_may_have_spaces(second_factor_required, user):
    secret, _ = enrolled(user)
    client, code = pending(user), code_now(secret)
    client.post(CODE, {"code": f" {code[:3]} {code[3:]} "})
    assert is_in(client)


@pytest.mark.parametrize(
    "code", ["", " ", "\0", "12345", "1234567", "abcdef", "１２３４５６", "x" * 10_000, "-----"]
)
def test_what_is_no_code_is_refused(second_factor_required, user, code):
    enrolled(user)
    client = pending(user)
    answer = client.post(CODE, {"code": code})
    assert answer.status_code == 200
    assert 'role="alert"' in text_of(answer)
    assert not is_in(client)


def test_a_wrong_code_is_refused_and_on_record(second_factor_required, user):
    secret, _ = enrolled(user)
    client = pending(user)
    answer = client.post(CODE, {"code": wrong_code(secret)})
    assert second_factor_words(answer)
    assert not is_in(client)
    assert audit_of(user.pk)[-1].after == {"wrong": "second factor"}


def test_an_old_code_is_refused(second_factor_required, user):
    secret, _ = enrolled(user)
    client = pending(user)
    old = second_factor.code_at(secret, datetime.now(UTC) - timedelta(seconds=90))
    assert second_factor_words(client.post(CODE, {"code": old}))
    assert not is_in(client)


def test_a_code_is_taken_once(second_factor_required, user):
    secret, _ = enrolled(user)
    first, second = pending(user), pending(user)
    code = code_now(secret)
    first.post(CODE, {"code": code})
    assert is_in(first)
    assert second_factor_words(second.post(CODE, {"code": code}))
    assert not is_in(second)


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_clocks_may_differ_by_one_step(user, seconds, is_taken):
    secret = second_factor.new_secret()
    shown = second_factor.code_at(secret, NOW + timedelta(seconds=seconds))
    codes = run_in_transaction(
        lambda: second_factor.enrol(user=user, secret=secret, code=shown, request=None, now=NOW)
    )
    assert (codes is not None) == is_taken
    assert second_factor.is_enrolled(user) == is_taken


def test_a_step_before_one_that_was_taken_is_not_taken_any_more(user):
    secret = second_factor.new_secret()

    def take(seconds: int):
        code = second_factor.code_at(secret, NOW + timedelta(seconds=seconds))
        return run_in_transaction(
            lambda: second_factor.verify(user=user, code=code, request=None, now=NOW)
        )

    before = NOW - timedelta(minutes=5)
    code = second_factor.code_at(secret, before)
    run_in_transaction(
        lambda: second_factor.enrol(user=user, secret=secret, code=code, request=None, now=before)
    )
    assert take(0) == "totp"
    assert take(-30) is None
    assert take(0) is None
    assert take(30) == "totp"


@pytest.mark.parametrize("kind", ["totp", "backup_code"])
def test_of_many_who_send_one_code_at_once_one_is_let_through(user, kind):
    secret, codes = enrolled(user)
    now = datetime.now(UTC)
    code = codes[0] if kind == "backup_code" else second_factor.code_at(secret, now)

    def send(_number: int) -> str | None:
        return run_in_transaction(
            lambda: second_factor.verify(user=user, code=code, request=None, now=now)
        )

    answers = at_once(8, send)
    assert sorted(filter(None, answers)) == [kind]


def test_the_codes_are_those_of_rfc_6238():
    # Appendix B, SHA-1, cut to six digits.
    secret = b"12345678901234567890"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert second_factor.code_at(secret, datetime.fromtimestamp(seconds, UTC)) == code


def test_a_backup_code_stands_in_once_and_is_on_record(second_factor_required, user):
    _, codes = enrolled(user)
    assert len(set(codes)) == 10
    client = pending(user)
    client.post(CODE, {"code": codes[0].upper()})
    assert "That backup code is used up; 9 left" in text_of(client.get("/admin/"))
    assert actions_on(user)[-2:] == ["backup_code_used", "signed_in"]
    assert audit_of(user.pk)[-2].after == {"left": 9}
    again = pending(user)
    assert second_factor_words(again.post(CODE, {"code": codes[0]}))
    assert not is_in(again)
    again.post(CODE, {"code": codes[1]})
    assert is_in(again)


def test_a_backup_code_of_a_colleague_is_refused(second_factor_required, user):
    enrolled(user)
    _, codes = enrolled(staff())
    assert second_factor_words(pending(user).post(CODE, {"code": codes[0]}))


def test_neither_secret_nor_backup_codes_are_stored_in_clear(user):
    secret, codes = enrolled(user)
    factor = SecondFactor.objects.get(user=user)
    assert secret not in bytes(factor.secret)
    hashes = BackupCode.objects.filter(user=user).values_list("code_hash", flat=True)
    assert not set(hashes) & {code.replace("-", "") for code in codes}


def test_a_secret_put_into_a_colleagues_row_is_worth_nothing(user):
    secret, _ = enrolled(user)
    other = staff()
    enrolled(other)
    mine = SecondFactor.objects.get(user=user)
    SecondFactor.objects.filter(user=other).update(secret=bytes(mine.secret))
    with pytest.raises(ValueError, match="altered, moved"):
        second_factor.verify(user=other, code=code_now(secret), request=None, now=datetime.now(UTC))


def test_a_secret_under_a_retired_key_is_encrypted_anew_when_used(user, settings):
    secret, _ = enrolled(user)
    old = SecondFactor.objects.get(user=user).encryption_key_id
    settings.PII_KEYS = f"newer:{'B' * 42}8=,{settings.PII_KEYS}"
    now = datetime.now(UTC)
    code = second_factor.code_at(secret, now)
    assert run_in_transaction(
        lambda: second_factor.verify(user=user, code=code, request=None, now=now)
    )
    assert old != "newer"
    assert SecondFactor.objects.get(user=user).encryption_key_id == "newer"


def test_the_half_way_session_ends_after_ten_minutes(second_factor_required, user):
    secret, _ = enrolled(user)
    client = pending(user)
    session = client.session
    session["sign_in_pending"] = {**session["sign_in_pending"], "at": 0}
    session.save()
    answer = client.post(CODE, {"code": code_now(secret)}, follow=True)
    assert answer.redirect_chain == [(LOGIN, 302)]
    assert "That took too long" in text_of(answer)
    assert not is_in(client)


@pytest.mark.parametrize("details", [{"is_active": False}, {"is_staff": False}])
def test_who_is_deactivated_half_way_does_not_get_in(second_factor_required, user, details):
    secret, _ = enrolled(user)
    client = pending(user)
    StaffUser.objects.filter(pk=user.pk).update(**details)
    assert client.post(CODE, {"code": code_now(secret)}).headers["Location"] == LOGIN
    assert not is_in(client)


@pytest.mark.parametrize("address", [CODE, ENROL])
def test_no_step_comes_before_the_password(second_factor_required, address):
    for answer in (browser().get(address), browser().post(address, {"code": "123456"})):
        assert (answer.status_code, answer.headers["Location"]) == (302, LOGIN)


def test_the_first_sign_in_enrols_and_shows_ten_backup_codes_once(second_factor_required, user):
    client = browser()
    secret = begin_enrolment(client, user)
    page = client.get(ENROL)
    assert "<svg" in text_of(page)
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
    assert "style=" not in text_of(page).split("<svg")[1].split("</svg>")[0]
    assert offered_secret(page) == secret
    assert not is_in(client)

    answer = client.post(ENROL, {"code": code_now(secret)})

    codes = re.findall(r"<li><code>([2-9a-z]{5}-[2-9a-z]{5})</code>", text_of(answer))
    assert len(codes) == 10
    assert "no-store" in answer.headers["Cache-Control"]
    assert is_in(client)
    assert actions_on(user) == ["second_factor_enrolled", "signed_in"]
    assert codes[0] not in text_of(client.get("/admin/account/"))
    assert client.get(ENROL).headers["Location"] == LOGIN
    again = pending(user)
    again.post(CODE, {"code": codes[3]})
    assert is_in(again)


def test_a_wrong_code_enrols_nothing(second_factor_required, user):
    client = browser()
    secret = begin_enrolment(client, user)
    assert second_factor_words(client.post(ENROL, {"code": wrong_code(secret)}))
    assert not second_factor.is_enrolled(user)
    assert not is_in(client)


def test_each_browser_is_offered_a_secret_of_its_own(second_factor_required, user):
    offered = {begin_enrolment(browser(), user) for _ in range(2)}
    assert len(offered) == 2


def test_the_offered_secret_lies_encrypted_in_the_session(second_factor_required, user):
    client = browser()
    secret = begin_enrolment(client, user)
    stored = str(dict(client.session.items()))
    assert b32encode(secret).decode() not in stored
    assert b64encode(secret).decode() not in stored


def test_of_two_who_enrol_at_once_one_is_turned_away(second_factor_required, user):
    first, second = browser(), browser()
    secrets_offered = [begin_enrolment(client, user) for client in (first, second)]
    first.post(ENROL, {"code": code_now(secrets_offered[0])})
    answer = second.post(ENROL, {"code": code_now(secrets_offered[1])})
    assert answer.headers["Location"] == LOGIN
    assert not is_in(second)


def test_enrolling_from_the_menu_wants_the_password_and_ends_other_sessions(
    second_factor_optional, user
):
    client, other = browser(), browser()
    give_password(client, user)
    give_password(other, user)
    address = "/admin/account/second-factor/"
    secret = offered_secret(client.get(address))

    refused = client.post(address, {"code": code_now(secret), "password": "wrong"})
    assert "That is not your password" in text_of(refused)
    assert not second_factor.is_enrolled(user)
    refused = client.post(address, {"code": wrong_code(secret), "password": PASSWORD})
    assert second_factor_words(refused)
    shown = client.post(address, {"code": code_now(secret), "password": PASSWORD})

    assert len(re.findall(r"<li><code>", text_of(shown))) == 10
    assert second_factor.is_enrolled(user)
    assert is_in(client)
    assert not is_in(other)
    assert client.get(address).headers["Location"] == "/admin/account/"


def test_new_backup_codes_replace_the_old_ones(second_factor_required, user):
    secret, old = enrolled(user)
    client = signed_in(user)
    address = "/admin/account/backup-codes/"
    assert second_factor_words(client.post(address, {"code": wrong_code(secret)}))
    shown = text_of(client.post(address, {"code": code_now(secret)}))
    new = re.findall(r"<li><code>([^<]+)</code>", shown)
    assert len(new) == 10
    assert not set(new) & set(old)
    assert second_factor_words(pending(user).post(CODE, {"code": old[0]}))
    assert "backup_codes_made" in actions_on(user)
