"""Who may act on whose account."""

from typing import Any

from django.contrib.auth.models import Permission
from django.db import models

from payments_project.staff.models import StaffUser


def permission_names(permissions: models.QuerySet[Permission]) -> set[str]:
    """The permissions as ``app.codename``."""
    pairs = permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{name}" for app, name in pairs}


def holds_all_rights_of(user: Any, other: StaffUser) -> bool:
    """Whether ``user`` holds every right of ``other``, active or not.

    Of somebody inactive Django says that they have none; but who may change them could activate
    them, and have the rights with the password.
    """
    if user.is_superuser:
        return True
    if other.is_superuser:
        return False
    held = Permission.objects.filter(models.Q(user=other) | models.Q(group__user=other))
    own: set[str] = user.get_all_permissions()
    return permission_names(held) <= own
