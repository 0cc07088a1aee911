"""What an administrator and the operator do about sign-ins, and the trail of it."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from payments_project.staff.models import StaffUser
from payments_project.staff.sign_in import lock_out, second_factor
from payments_project.staff.sign_in.models import (
    BackupCode,
)
from tests.console.acting import REASON, act, audit_of, do
from tests.console.signing_in import (
    CODE,
    begin_enrolment,
    browser,
    enrolled,
    give_password,
    is_in,
    signed_in,
    staff,
    text_of,
)

STAFF = "payments_project.staffuser"


def test_an_administrator_resets_a_second_factor(second_factor_required, superuser):
    other = staff()
    _, codes = enrolled(other)
    client = signed_in(other)
    assert "enrols again at the next sign-in" in do(
        superuser, STAFF, other.pk, "reset-second-factor"
    )
    assert not is_in(client)
    entry = audit_of(other.pk)[-1]
    assert (entry.action, entry.staff_user_id, entry.reason) == (
        "staff_user.second_factor_reset", superuser.user.pk, REASON,
    )  # fmt: skip
    assert not BackupCode.objects.filter(user=other).exists()
    again = browser()
    begin_enrolment(again, other)
    assert again.post(CODE, {"code": codes[0]}).status_code == 302
    assert not is_in(again)


def test_nobody_resets_their_own_second_factor(superuser):
    enrolled(superuser.user)
    address = act(STAFF, superuser.user.pk, "reset-second-factor")
    assert superuser.post(address, {"reason": REASON}).status_code == 403
    assert second_factor.is_enrolled(superuser.user)


ACTS = {
    "reset-second-factor": "payments_project.reset_second_factor",
    "unlock": "payments_project.unlock_staffuser",
    "end-sessions": "payments_project.end_sessions",
}


def ready_for_every_act(**details) -> StaffUser:
    other = staff(**details)
    enrolled(other)
    signed_in(other)
    for _ in range(5):
        give_password(browser(), other, "wrong")
    return other


@pytest.mark.parametrize("name", sorted(ACTS))
def test_each_act_has_a_right_of_its_own(staff_with, name):
    other = ready_for_every_act(is_superuser=False)
    rest = [right for act_name, right in ACTS.items() if act_name != name]
    view = ["payments_project.view_staffuser", "payments_project.change_staffuser"]
    without, having = staff_with(*view, *rest), staff_with(*view[:1], ACTS[name])
    address = act(STAFF, other.pk, name)
    assert without.post(address, {"reason": REASON}).status_code == 403
    assert having.post(address, {"reason": ""}).status_code == 200
    assert having.post(address, {"reason": REASON}).status_code == 302


@pytest.mark.parametrize("name", sorted(ACTS))
def test_nobody_acts_on_a_colleague_who_holds_more(staff_with, name):
    other = ready_for_every_act(is_superuser=True)
    clerk = staff_with("payments_project.view_staffuser", *ACTS.values())
    assert clerk.post(act(STAFF, other.pk, name), {"reason": REASON}).status_code == 403


def test_an_administrator_unlocks_an_account(second_factor_optional, superuser):
    other = ready_for_every_act()
    assert give_password(browser(), other).status_code == 429
    do(superuser, STAFF, other.pk, "unlock")
    assert give_password(browser(), other).headers["Location"] == CODE
    entry = audit_of(other.pk)[-1]
    assert (entry.action, entry.reason) == ("staff_user.unlocked", REASON)
    assert entry.before["locked_until"]


def test_an_administrator_signs_a_colleague_out_everywhere(superuser):
    other = staff()
    clients = [signed_in(other), signed_in(other)]
    do(superuser, STAFF, other.pk, "end-sessions")
    assert not any(is_in(client) for client in clients)
    entry = audit_of(other.pk)[-1]
    assert (entry.action, entry.after) == ("staff_user.sessions_ended", {"count": 2})


def test_a_colleagues_page_shows_the_sign_in_and_what_can_be_done(superuser):
    other = ready_for_every_act()
    text = text_of(superuser.get(f"/admin/payments_project/staffuser/{other.pk}/change/"))
    for words in (
        "Backup codes left",
        "Locked until",
        "Open sessions",
        "Sign-ins and changes of the account",
    ):
        assert words in text
    for name in ACTS:
        assert act(STAFF, other.pk, name) in text
    own = text_of(superuser.get(f"/admin/payments_project/staffuser/{superuser.user.pk}/change/"))
    assert "/act/" not in own


def test_the_list_of_staff_says_who_has_a_second_factor(superuser, user):
    enrolled(user)
    text = text_of(superuser.get("/admin/payments_project/staffuser/"))
    assert "Second factor" in text
    assert 'c-badge c-green">yes' in text.split("field-second_factor")[1].split("</td>")[0]


def test_the_operator_resets_the_only_administrator(user):
    for _ in range(5):
        give_password(browser(), user, "wrong")
    enrolled(user)
    client = signed_in(user)
    output = StringIO()
    call_command("reset_second_factor", user.username, stdout=output)
    assert "enrols a second factor" in output.getvalue()
    assert not second_factor.is_enrolled(user)
    assert not is_in(client)
    assert lock_out.locked_until(user, now=datetime.now(UTC)) is None
    entry = audit_of(user.pk)[-1]
    assert (entry.action, entry.staff_user_id, entry.ip_address) == (
        "staff_user.second_factor_reset", None, None,
    )  # fmt: skip


def test_the_operators_command_names_what_it_does_not_find(user):
    with pytest.raises(CommandError, match="no member of staff named 'nobody'"):
        call_command("reset_second_factor", "nobody")
    with pytest.raises(CommandError, match="has no second factor"):
        call_command("reset_second_factor", user.username)


def test_the_trail_is_narrowed_to_one_kind_of_act(second_factor_optional, superuser, user):
    give_password(browser(), user)
    address = "/admin/payments_project/auditentry/"
    page = superuser.get(address, {"action": "staff_user.signed_in"})
    rows = page.context["cl"].result_list
    assert rows
    assert {row.action for row in rows} == {"staff_user.signed_in"}
    assert '<option value="staff_user.signed_in" selected' in text_of(page)
    for nonsense in ("x", "x" * 10_000):
        assert not superuser.get(address, {"action": nonsense}).context["cl"].result_list
    assert superuser.get(address, {"action": "\0"}).headers["Location"] == f"{address}?e=1"
