"""Who may change whom: nobody gets at a colleague's account who holds more than they do."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from payments_project.staff.models import StaffUser

CLERK = ("payments_project.view_staffuser", "payments_project.change_staffuser")
MORE = "merchants.reveal_customer"


def permission(name: str) -> Permission:
    app, _, codename = name.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def role(*names: str) -> Group:
    group = Group.objects.create(name=str(uuid4()))
    group.permissions.set(permission(name) for name in names)
    return group


def colleague(*roles: Group, **details: object) -> StaffUser:
    name = uuid4().hex
    StaffUser.objects.create_user(username=name, password="first word", is_staff=True, **details)
    user = StaffUser.objects.get(username=name)
    user.groups.set(roles)
    return user


def edit(client: Client, user: StaffUser, **changes: object) -> int:
    fields = {
        "username": user.username,
        "email": user.email,
        "is_active": "on",
        "is_staff": "on",
        "groups": [group.pk for group in user.groups.all()],
    }
    url = f"/admin/payments_project/staffuser/{user.pk}/change/"
    return client.post(url, fields | changes).status_code


def set_password(client: Client, user: StaffUser) -> int:
    url = f"/admin/payments_project/staffuser/{user.pk}/password/"
    # In letters that no hexadecimal name has: a word like the name is refused.
    word = "grouts & plumply"
    fields = {"password1": word, "password2": word, "usable_password": "true"}
    return client.post(url, fields).status_code


@pytest.mark.parametrize("is_active", [True, False], ids=["active", "inactive"])
@pytest.mark.parametrize("by_role", [True, False], ids=["by role", "directly"])
def test_nobody_changes_a_colleague_who_holds_more(staff_with, by_role, is_active) -> None:
    clerk = staff_with(*CLERK)
    other = colleague(*([role(MORE)] if by_role else []), is_active=is_active)
    if not by_role:
        other.user_permissions.add(permission(MORE))
    roles = set(other.groups.all())

    assert edit(clerk, other, email="clerk@example.com") == 403
    assert edit(clerk, other, groups=[]) == 403
    assert set_password(clerk, other) == 403

    stored = StaffUser.objects.get(pk=other.pk)
    assert (stored.email, stored.is_active) == ("", is_active)
    assert stored.check_password("first word")
    assert set(stored.groups.all()) == roles


def test_a_colleague_who_holds_no_more_is_changed_and_keeps_the_roles(staff_with) -> None:
    clerk = staff_with(*CLERK, MORE)
    other = colleague(role(MORE), role())
    roles = set(other.groups.all())

    assert edit(clerk, other, email="other@example.com") == 302
    assert set_password(clerk, other) == 302

    stored = StaffUser.objects.get(pk=other.pk)
    assert stored.email == "other@example.com"
    assert not stored.check_password("first word")
    assert set(stored.groups.all()) == roles


def test_nobody_but_a_superuser_changes_a_superuser(staff_with, superuser) -> None:
    other = colleague(is_superuser=True)

    assert set_password(staff_with(*CLERK), other) == 403
    assert set_password(superuser, other) == 302


def test_a_superuser_changes_everybody(superuser) -> None:
    other = colleague(role(MORE))

    assert edit(superuser, other, email="other@example.com") == 302
    assert set_password(superuser, other) == 302
