"""Writing the audit trail: who did what to which object, from where, why, before and after."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest

from payments_project.client_address import client_address
from payments_project.staff.models import USER_AGENT_CHARACTERS, AuditEntry, StaffUser

# Never written down, whatever is handed over.
_SECRET = ("password", "secret", "token", "hash", "key")
_MASK = "(not recorded)"


def record_audit(
    *,
    action: str,
    obj: Model | type[Model],
    request: HttpRequest | None = None,
    user: StaffUser | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    merchant_id: UUID | None = None,
) -> AuditEntry:
    """Writes one entry, in the transaction of the act that it tells; nobody can change it later.

    ``action`` is ``object.verb``. ``obj`` is a class where the act was on none of them in particular.
    ``before`` and ``after`` hold what changed, as JSON values; a
    field whose name speaks of a secret is masked. The person is ``user`` or the request's; with
    neither the system itself acted. ``merchant_id`` defaults to the object's own.
    Raises ``RuntimeError`` outside a transaction: an act without its entry, or an entry without its
    act, must not be possible.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("an audit entry is written in the transaction of its act")
    if user is None and request is not None and request.user.is_authenticated:
        user = request.user
    is_list = isinstance(obj, type)
    tenant = merchant_id or (None if is_list else getattr(obj, "merchant_id", None))
    return AuditEntry.objects.create(
        staff_user=user,
        action=action,
        object_type=obj._meta.model_name or "",
        object_id="" if is_list else str(obj.pk),
        merchant_id=tenant,
        before=_masked(before or {}),
        after=_masked(after or {}),
        reason=reason,
        ip_address=client_address(request) if request is not None else None,
        user_agent=_user_agent(request) if request is not None else "",
    )


def _user_agent(request: HttpRequest) -> str:
    said = request.META.get("HTTP_USER_AGENT", "")
    return "".join(filter(str.isprintable, said))[:USER_AGENT_CHARACTERS]


def changed(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entries of both that differ."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def _masked(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _MASK if any(word in name.lower().split("_") for word in _SECRET) else value
        for name, value in values.items()
    }
