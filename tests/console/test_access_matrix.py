"""Each role at each page and act that the console's registry has: what it may do it does, and
everything else is refused by the server.
"""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from payments_project.staff.approvals import approvables
from payments_project.staff.roles import ADMINISTRATOR, AUDITOR, ROLES
from tests.console.access_matrix import MARKDOWN, every_access, markdown
from tests.console.acting import act
from tests.console.conftest import _browser_of, _staff_user
from tests.console.test_pages import MODELS, list_of, newest_of, page_of

EVERYTHING = list(every_access())


@pytest.fixture(scope="module")
def browsers(django_db_setup, django_db_blocker):
    """A member of staff with each role, and no other right."""
    with django_db_blocker.unblock():
        made = {}
        for role in ROLES:
            user = _staff_user()
            user.groups.add(Group.objects.get(name=role))
            made[role] = _browser_of(user)
        yield made


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_it_may_and_nothing_else(browsers, business, role):
    client = browsers[role]
    for access in EVERYTHING:
        expected = 200 if access.is_granted(ROLES[role]) else 403
        for address in _addresses(access):
            answer = client.get(address)
            # An act that its object's state does not allow leads back to the object.
            allowed = {200, 302} if expected == 200 and access.act else {expected}
            assert answer.status_code in allowed, (role, access, answer.status_code)
            if expected == 403 and access.act:
                assert client.post(address, {"reason": "x"}).status_code == 403


def _addresses(access):
    if access.page:
        return [reverse(f"admin:{access.page}")]
    found = newest_of(access.model)
    assert found is not None, f"the business has no {access.model}"
    name = access.model.replace(".", "_")
    if access.is_export:
        return [reverse(f"admin:{name}_export")]
    if access.is_bulk:
        return [reverse(f"admin:{name}_bulk", args=[access.act])]
    if not access.act:
        return [list_of(access.model), page_of(access.model, found.pk)]
    if access.is_on_list:
        return [reverse(f"admin:{name}_act_on_list", args=[access.act])]
    if len(access.permissions) > 1 and access.model == "payments_project.approval":
        # Its right depends on what is approved.
        rows = MODELS[access.model].objects.all().order_by("-pk")
        actions = {a for a, k in approvables().items() if {k.permission} <= access.permissions}
        return [
            act(access.model, row.pk, access.act) for row in rows.filter(action__in=actions)[:1]
        ]
    return [act(access.model, found.pk, access.act)]


@pytest.mark.parametrize("role", ROLES)
def test_the_migrations_gave_each_role_what_it_shall_have(role):
    held = Permission.objects.filter(group__name=role)
    names = {
        f"{app}.{name}" for app, name in held.values_list("content_type__app_label", "codename")
    }
    assert names == ROLES[role]


def test_there_are_no_other_rights_than_the_models_declare():
    declared = {
        f"{app}.{name}"
        for app, name in Permission.objects.values_list("content_type__app_label", "codename")
    }
    for role, rights in ROLES.items():
        assert rights <= declared, role


def test_every_page_and_act_belongs_to_somebody():
    for access in EVERYTHING:
        holders = [role for role, rights in ROLES.items() if access.is_granted(rights)]
        assert holders, access


def test_the_auditor_sees_every_page_and_does_nothing():
    for access in EVERYTHING:
        assert access.is_granted(ROLES[AUDITOR]) == (not access.act), access
    assert not any(".change_" in right or ".add_" in right for right in ROLES[AUDITOR])


def test_who_runs_accounts_moves_no_money():
    moves = {
        "disputes.refund_payment", "disputes.approve_refund", "transactions.create_payout",
        "transactions.approve_payout", "transactions.request_adjustment",
        "transactions.approve_adjustment", "transactions.edit_payoutaccount",
    }  # fmt: skip
    assert not moves & ROLES[ADMINISTRATOR]


def test_the_written_matrix_is_true():
    assert MARKDOWN.read_text() == markdown(), (
        "write it anew: .venv/bin/python -m tests.console.access_matrix"
    )


def test_every_registered_model_is_in_the_matrix():
    assert {access.model for access in EVERYTHING if not access.page} == {
        model._meta.label_lower for model in admin.site._registry
    }
