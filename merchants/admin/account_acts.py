"""The course of an account: checked, approved, suspended, closed."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest

from merchants import states
from merchants.api.authentication import forget_keys
from merchants.locking import lock_merchant
from merchants.models import ApiKey, Merchant, MerchantCheck
from merchants.onboarding import ticked_items
from merchants.services.approve_merchant import approve_merchant, tick_item, untick_item
from merchants.services.change_status import change_merchant_status
from payments_project.console.acts import Act, ActForm, Done, Shown, staff_actor
from payments_project.staff.audit import record_audit

# The checklist's heading, beside which its acts stand.
ONBOARDING = "Onboarding"

StatusChange = Callable[[HttpRequest, Merchant], Merchant]


def _approve(request: HttpRequest, merchant: Merchant) -> Merchant:
    return approve_merchant(merchant_id=merchant.pk, actor=staff_actor(request))


def _moves_to(status: str) -> StatusChange:
    def change(request: HttpRequest, merchant: Merchant) -> Merchant:
        return change_merchant_status(
            merchant_id=merchant.pk, status=status, actor=staff_actor(request)
        )

    return change


def _performs(
    change: StatusChange,
) -> Callable[[HttpRequest, Merchant, Mapping[str, Any]], Done]:
    def perform(request: HttpRequest, merchant: Merchant, values: Mapping[str, Any]) -> Done:
        before = lock_merchant(merchant.pk).status
        changed = change(request, merchant)
        keys = list(ApiKey.objects.filter(merchant=merchant).values_list("pk", flat=True))
        transaction.on_commit(partial(forget_keys, keys))
        record_audit(
            request=request,
            action="merchant.status_changed",
            obj=changed,
            before={"status": before},
            after={"status": changed.status},
            reason=values["reason"],
        )
        return Done(f"{merchant.business_name} is {changed.status}.")

    return perform


def _is(*statuses: str) -> Callable[[Merchant], bool]:
    return lambda merchant: merchant.status in statuses


def _is_open(merchant: Merchant) -> bool:
    return merchant.status != states.CLOSED


def _is_already(merchant: Merchant) -> str:
    return f"The account is {merchant.status}."


def _ticked(merchant: Merchant) -> set[str]:
    return set(MerchantCheck.objects.filter(merchant=merchant).values_list("item", flat=True))


class TickForm(ActForm):
    """Which item was checked, and what was seen."""

    item = forms.ChoiceField()
    reason = forms.CharField(
        label="What was checked, and how",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Such as the register's number, the day of a screening, who was called.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        done = _ticked(self.instance)
        self.fields["item"].choices = [
            (item.name, item.title) for item in ticked_items() if item.name not in done
        ]


class UntickForm(ActForm):
    """Which item has to be checked again."""

    item = forms.ChoiceField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        done = _ticked(self.instance)
        self.fields["item"].choices = [
            (item.name, item.title) for item in ticked_items() if item.name in done
        ]


def _tick(request: HttpRequest, merchant: Merchant, values: Mapping[str, Any]) -> Done:
    tick_item(
        merchant_id=merchant.pk,
        item=values["item"],
        note=values["reason"],
        actor=staff_actor(request),
    )
    return _on_record(request, merchant, values, is_done=True)


def _untick(request: HttpRequest, merchant: Merchant, values: Mapping[str, Any]) -> Done:
    untick_item(merchant_id=merchant.pk, item=values["item"])
    return _on_record(request, merchant, values, is_done=False)


def _on_record(
    request: HttpRequest, merchant: Merchant, values: Mapping[str, Any], *, is_done: bool
) -> Done:
    record_audit(
        request=request,
        action="merchant.item_ticked" if is_done else "merchant.item_unticked",
        obj=merchant,
        before={values["item"]: not is_done},
        after={values["item"]: is_done},
        reason=values["reason"],
    )
    title = next(item.title for item in ticked_items() if item.name == values["item"])
    return Done(f"{title}: {'done' if is_done else 'to be checked again'}.")


def _reveal(request: HttpRequest, merchant: Merchant, values: Mapping[str, Any]) -> Shown:
    stored = Merchant.objects.get(pk=merchant.pk)
    record_audit(
        request=request,
        action="merchant.tax_id_revealed",
        obj=merchant,
        after={"shown": ["tax_id"]},
        reason=values["reason"],
    )
    return Shown(
        title="Tax id",
        message="That you saw it is on record. It is not shown again without another entry.",
        facts=[("Tax id", stored.tax_id or "none on file")],
    )


ACCOUNT_ACTS = (
    Act(
        name="approve",
        title="Approve",
        icon="verified",
        permission="merchants.approve_merchant",
        explanation="The account may take live payments from now on. Every item of the checklist "
        "has to be done.",
        perform=_performs(_approve),
        is_offered=_is(states.PENDING),
    ),
    Act(
        name="activate",
        title="Activate",
        icon="check_circle",
        permission="merchants.suspend_merchant",
        explanation="The account may take live payments again.",
        perform=_performs(_moves_to(states.ACTIVE)),
        is_offered=_is(states.SUSPENDED),
        why_not=_is_already,
        is_bulk=True,
    ),
    Act(
        name="suspend",
        title="Suspend",
        icon="pause_circle",
        permission="merchants.suspend_merchant",
        explanation="Live payments are refused until the account is activated again; refunds and "
        "test mode go on.",
        perform=_performs(_moves_to(states.SUSPENDED)),
        is_offered=_is(states.ACTIVE),
        why_not=_is_already,
        is_dangerous=True,
        is_bulk=True,
    ),
    Act(
        name="close",
        title="Close the account",
        icon="cancel",
        permission="merchants.close_merchant",
        explanation="Live payments are refused for good: a closed account can't be opened again.",
        perform=_performs(_moves_to(states.CLOSED)),
        is_offered=_is_open,
        is_dangerous=True,
    ),
    Act(
        name="tick",
        title="Tick an item",
        icon="task_alt",
        permission="merchants.approve_merchant",
        explanation="You have checked an item of the merchant's checklist.",
        form=TickForm,
        perform=_tick,
        section=ONBOARDING,
        is_offered=_is_open,
    ),
    Act(
        name="untick",
        title="Check again",
        icon="undo",
        permission="merchants.approve_merchant",
        explanation="An item of the checklist has to be checked again. An active account stays so.",
        form=UntickForm,
        perform=_untick,
        section=ONBOARDING,
        is_offered=lambda merchant: _is_open(merchant) and bool(_ticked(merchant)),
    ),
    Act(
        name="reveal",
        title="Show tax id",
        icon="visibility",
        permission="merchants.reveal_merchant",
        explanation="The tax id is encrypted. Showing it to you is recorded in the audit trail, with "
        "your reason.",
        perform=_reveal,
        section="Account",
    ),
)
