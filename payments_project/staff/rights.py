"""Who may act on whose account."""

from typing import Any

from django.contrib.auth.models import Permission
from django.db import models

from payments_project.staff.models import StaffUser

ASSIGN_ROLES = "payments_project.assign_roles"


def permission_names(permissions: models.QuerySet[Permission]) -> set[str]:
    """The permissions as ``app.codename``."""
    pairs = permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{name}" for app, name in pairs}


def may_change(user: Any, other: StaffUser) -> bool:
    """Whether ``user`` may change ``other``: holds every right of theirs, active or not, or may
    assign any role and the other has no right beside roles.

    Of somebody inactive Django says that they have none; but who may change them could activate
    them, and have the rights with the password.
    """
    if user.is_superuser:
        return True
    if other.is_superuser:
        return False
    if user.has_perm(ASSIGN_ROLES) and not other.user_permissions.exists():
        return True
    held = Permission.objects.filter(models.Q(user=other) | models.Q(group__user=other))
    own: set[str] = user.get_all_permissions()
    return permission_names(held) <= own
