"""Four eyes: an act over a set amount is asked for by one person and decided by another.

The app that owns an act registers it (``register_approvable``) and asks ``needs_approval`` before
it acts. What is asked for waits as an ``Approval``; its page in the console carries the act out
once a second person approves. Asking, deciding and what the decision does are each one transaction
with their audit entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest

from payments_project.errors import Conflict, ResourceMissing
from payments_project.money import exponent
from payments_project.staff import states
from payments_project.staff.audit import record_audit
from payments_project.staff.models import Approval, ApprovalLimit, StaffUser


class ApprovalDecided(Conflict):
    """Somebody has approved, rejected or withdrawn it already."""

    default_code: ClassVar[str] = "approval_decided"


class SecondPersonNeeded(Conflict):
    """Who asked for an act can't be the one who approves it."""

    default_code: ClassVar[str] = "second_person_needed"


# Marks the approval as approved with what came of it; called in the transaction of the act.
Settle = Callable[[Model], None]


@dataclass(frozen=True, slots=True)
class Approvable:
    """An act that may need a second person.

    ``perform`` is given the request of the person who approves, the approval and ``settle``, which
    it has to call in the transaction that commits the act (its intent, where a gateway is asked);
    it returns what the page then says. What it raises as ``ServiceError`` leaves the approval
    pending. ``reject`` undoes what was set aside for the act, in the transaction of the rejection
    or withdrawal.
    """

    action: str
    title: str
    permission: str
    perform: Callable[[HttpRequest, Approval, Settle], str]
    reject: Callable[[HttpRequest, Approval], None] | None = None


_approvables: dict[str, Approvable] = {}


def register_approvable(approvable: Approvable) -> None:
    """Lets ``approvable.action`` be asked for; called once, when the app starts."""
    _approvables[approvable.action] = approvable


def approvables() -> Mapping[str, Approvable]:
    """All that may need a second person, by action."""
    return _approvables


def approval_limit(action: str, currency: str) -> int:
    """Up to which amount (minor units) one person may do ``action`` alone."""
    amounts = ApprovalLimit.objects.filter(action=action, currency=currency)
    amount = amounts.values_list("amount", flat=True).first()
    if amount is not None:
        return int(amount)
    return int(settings.APPROVAL_LIMIT_DEFAULT * 10 ** exponent(currency))


def needs_approval(action: str, *, amount: int, currency: str) -> bool:
    """Whether ``amount`` (minor units, of either sign) is over what one person may do alone."""
    return abs(amount) > approval_limit(action, currency)


def request_approval(
    *,
    action: str,
    obj: Model,
    environment: str,
    amount: int,
    currency: str,
    values: Mapping[str, Any],
    reason: str,
    request: HttpRequest | None = None,
) -> Approval:
    """Asks for a second person, in the caller's transaction.

    ``obj`` is what the act is about, ``values`` (JSON) what its service is called with, nothing
    secret. Without ``request`` an API key or the system asks, and anybody with the right may
    approve. Raises ``KeyError`` for an action that nobody registered.
    """
    approvable = _approvables[action]
    approval = Approval(
        action=approvable.action,
        object_type=obj._meta.label,
        object_id=str(obj.pk),
        merchant_id=getattr(obj, "merchant_id", None),
        environment=environment,
        amount=amount,
        currency=currency,
        values=dict(values),
        reason=reason,
        requested_by=_person(request),
    )
    approval.save(force_insert=True)
    record_audit(
        request=request,
        action=f"{action}.approval_requested",
        obj=obj,
        after={"amount": amount, "currency": currency, "approval": str(approval.pk)},
        reason=reason,
    )
    return approval


def approve(*, approval: Approval, request: HttpRequest, reason: str) -> str:
    """Carries out what was asked for; returns what its page says of it.

    Raises ``SecondPersonNeeded`` for the one who asked, ``ApprovalDecided``, and what the act
    refuses, which leaves the approval pending.
    """
    approvable = _approvables[approval.action]
    _require_second_person(approval, request)
    is_settled = False

    def settle(result: Model) -> None:
        nonlocal is_settled
        _decide(approval.pk, states.APPROVED, request=request, reason=reason, result=result)
        is_settled = True

    words = approvable.perform(request, approval, settle)
    if not is_settled:
        raise RuntimeError(f"{approval.action} was carried out without settling its approval")
    return words


def reject(*, approval: Approval, request: HttpRequest, reason: str) -> None:
    """Refuses what was asked for, in the caller's transaction; whoever asked withdraws it.

    Raises ``ApprovalDecided``.
    """
    is_own = approval.requested_by_id is not None and (approval.requested_by_id == request.user.pk)
    status = states.WITHDRAWN if is_own else states.REJECTED
    _decide(approval.pk, status, request=request, reason=reason, result=None)
    undo = _approvables[approval.action].reject
    if undo is not None:
        undo(request, approval)


def lock_approval(approval_id: UUID) -> Approval:
    """The approval, locked to the end of the caller's transaction. Raises ``ResourceMissing``."""
    approval = Approval.objects.select_for_update().filter(pk=approval_id).first()
    if approval is None:
        raise ResourceMissing(f"No such approval: {approval_id}")
    return approval


def _decide(
    approval_id: UUID, status: str, *, request: HttpRequest, reason: str, result: Model | None
) -> None:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("an approval is decided in the transaction of its act")
    approval = lock_approval(approval_id)
    if approval.status != states.PENDING:
        raise ApprovalDecided(f"It is {approval.status} already.")
    if status == states.APPROVED:
        _require_second_person(approval, request)
    approval.status = status
    approval.decided_by = _person(request)
    approval.decided_at = datetime.now(UTC)
    approval.decision_reason = reason
    if result is not None:
        approval.result_type, approval.result_id = result._meta.label, str(result.pk)
    approval.save(
        update_fields=[
            "status", "decided_by", "decided_at", "decision_reason", "result_type", "result_id",
        ]
    )  # fmt: skip
    record_audit(
        request=request,
        action=f"{approval.action}.approval_{status}",
        obj=approval,
        before={"status": states.PENDING},
        after={"status": status, "object": approval.object_id},
        reason=reason,
    )


def _require_second_person(approval: Approval, request: HttpRequest) -> None:
    if approval.requested_by_id is not None and approval.requested_by_id == request.user.pk:
        raise SecondPersonNeeded("Who asked for it can't approve it.")


def _person(request: HttpRequest | None) -> StaffUser | None:
    if request is None or not request.user.is_authenticated:
        return None
    return StaffUser.objects.get(pk=request.user.pk)
