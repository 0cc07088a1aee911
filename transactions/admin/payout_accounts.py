"""Merchants' bank accounts and payout schedules in the console."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from merchants import states as merchant_states
from merchants.models import Merchant
from payments_project.console import display
from payments_project.console.acts import Act, ActForm, Done, register_act
from payments_project.console.filters import (
    choice_filter,
    currency_filter,
    environment_filter,
)
from payments_project.console.home import (
    Counted,
    HomeParts,
    Tile,
    count_words,
    home_part,
)
from payments_project.console.money_field import minor_units
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import ID
from payments_project.money import ACTIVE_CURRENCIES
from payments_project.staff.admin import done_to_panel
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from payments_project.staff.audit import changed, record_audit
from payments_project.tenancy import ENVIRONMENTS, Scope
from transactions import states
from transactions.admin.payouts import PAYOUT_COLUMNS, PAYOUTS_TAB, account_cell, payout_rows
from transactions.payout_models import INTERVALS, WEEKLY, Payout, PayoutAccount, PayoutSchedule
from transactions.services.payout_accounts import (
    HOLDER_LENGTH_MAX,
    BankDetails,
    add_payout_account,
    choose_payout_account,
    confirm_payout_account,
    remove_payout_account,
)
from transactions.services.set_payout_schedule import set_payout_schedule

ACCOUNTS = "Bank accounts"
SCHEDULE = "Payout schedule"
_CURRENCIES = [(code, code) for code in sorted(ACTIVE_CURRENCIES)]
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class DetailsForm(ActForm):
    """A bank account as the merchant's document has it."""

    holder_name = forms.CharField(max_length=HOLDER_LENGTH_MAX, label="Account holder")
    account_number = forms.CharField(
        max_length=60,
        label="IBAN or account number",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Kept encrypted; afterwards only its last four digits are shown.",
    )
    routing_number = forms.CharField(
        max_length=30,
        required=False,
        label="Routing number",
        help_text="Of an account without an IBAN: its bank's number in the country.",
    )
    country = forms.CharField(
        max_length=2,
        required=False,
        help_text="Of an account without an IBAN: the bank's, such as US.",
    )
    bic = forms.CharField(max_length=11, required=False, label="BIC")

    def details(self) -> BankDetails:
        """What was entered, for the service."""
        return bank_details(self.cleaned_data)


def bank_details(values: Mapping[str, Any]) -> BankDetails:
    """A form's values as the service takes them."""
    return BankDetails(
        holder_name=values["holder_name"],
        account_number=values["account_number"],
        routing_number=values["routing_number"] or None,
        bic=values["bic"] or None,
        country=values["country"].upper() or None,
    )


class NewAccountForm(DetailsForm):
    """Where money of a currency goes."""

    currency = forms.ChoiceField(choices=_CURRENCIES)
    environment = forms.ChoiceField(choices=[(name, name) for name in ENVIRONMENTS])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(["currency", "environment"])
        self.fields["currency"].initial = self.instance.settlement_currency


class ConfirmForm(ActForm):
    """The number once more, by another person, from the document and not from this console."""

    account_number = forms.CharField(
        max_length=60,
        label="IBAN or account number",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="As the merchant's own document has it.",
    )


def _put_on_record(
    request: HttpRequest, account: PayoutAccount, *, action: str, reason: str, **more: Any
) -> None:
    """The audit entry of an act on an account: no number, and no name."""
    record_audit(
        request=request,
        action=f"payout_account.{action}",
        obj=account,
        after={
            "status": account.status,
            "currency": account.currency,
            "environment": account.environment,
            "country": account.country,
            "last_four": account.last_four,
            **more,
        },
        reason=reason,
    )


def _add(request: HttpRequest, merchant: Merchant, values: Mapping[str, Any]) -> Done:
    account = add_payout_account(
        scope=Scope(merchant.pk, values["environment"]),
        currency=values["currency"],
        details=bank_details(values),
        created_by=request.user.pk,
    )
    _put_on_record(request, account, action="added", reason=values["reason"])
    return Done(
        f"····{account.last_four} is added. A second person has to confirm it before anything is"
        " sent there.",
        url=display.object_url("transactions.PayoutAccount", account.pk) or "",
    )


def _replace(request: HttpRequest, old: PayoutAccount, values: Mapping[str, Any]) -> Done:
    account = add_payout_account(
        scope=_scope(old),
        currency=old.currency,
        details=bank_details(values),
        created_by=request.user.pk,
        replaces=old.pk,
    )
    _put_on_record(
        request,
        account,
        action="replaced",
        reason=values["reason"],
        replaces=str(old.pk),
        replaces_last_four=old.last_four,
    )
    return Done(
        f"····{account.last_four} takes the place of ····{old.last_four}. Payouts in"
        f" {old.currency} pause until a second person has confirmed it.",
        url=display.object_url("transactions.PayoutAccount", account.pk) or "",
    )


def _confirm(request: HttpRequest, account: PayoutAccount, values: Mapping[str, Any]) -> Done:
    confirmed = confirm_payout_account(
        scope=_scope(account),
        account_id=account.pk,
        account_number=values["account_number"],
        confirmed_by=request.user.pk,
    )
    _put_on_record(request, confirmed, action="confirmed", reason=values["reason"])
    return Done(f"····{confirmed.last_four} is confirmed: payouts go there.")


def _choose(request: HttpRequest, account: PayoutAccount, values: Mapping[str, Any]) -> Done:
    chosen = choose_payout_account(scope=_scope(account), account_id=account.pk)
    _put_on_record(request, chosen, action="chosen", reason=values["reason"])
    return Done(f"Payouts in {chosen.currency} go to ····{chosen.last_four} from now on.")


def _remove(request: HttpRequest, account: PayoutAccount, values: Mapping[str, Any]) -> Done:
    removed = remove_payout_account(scope=_scope(account), account_id=account.pk)
    _put_on_record(request, removed, action="removed", reason=values["reason"])
    return Done(f"····{removed.last_four} is removed: nothing more is sent there.")


def _scope(account: PayoutAccount) -> Scope:
    return Scope(account.merchant_id, account.environment)


def _is_there(account: PayoutAccount) -> bool:
    return account.status != states.REMOVED


@admin.register(PayoutAccount)
class PayoutAccountAdmin(ReadOnlyAdmin):
    """Where merchants' money goes, newest first."""

    list_display = (
        "created_at",
        "number",
        "currency",
        "status",
        "is_default",
        "merchant",
        "created_by",
        "environment",
    )
    export_fields = (
        "id", "created_at", "merchant", "merchant_name", "environment", "currency", "kind",
        "country", "last_four", "status", "is_default", "created_by", "confirmed_by",
        "confirmed_at", "removed_at", "replaces",
    )  # fmt: skip
    list_filter = (
        choice_filter("status", states.PAYOUT_ACCOUNT_STATES, indexed=(states.UNCONFIRMED,)),
        environment_filter,
        currency_filter,
    )
    ordered_scopes = ("merchant",)
    search_by = {ID: ("pk", "merchant_id")}
    # Encrypted, and shown by no page.
    hidden = ("holder_name", "account_number", "routing_number")
    acts = (
        Act(
            name="confirm",
            title="Confirm",
            icon="verified_user",
            permission="transactions.confirm_payoutaccount",
            explanation="Whoever changes bank details may not be the merchant. Ask the merchant by "
            "a way that you knew before, and enter the number from their own document. Not for the "
            "one who entered it.",
            form=ConfirmForm,
            perform=_confirm,
            is_offered=lambda account: account.status == states.UNCONFIRMED,
        ),
        Act(
            name="replace",
            title="Replace",
            icon="published_with_changes",
            permission="transactions.edit_payoutaccount",
            explanation="Other numbers take this account's place. Payouts pause until a second "
            "person has confirmed them.",
            form=DetailsForm,
            perform=_replace,
            is_offered=_is_there,
            is_once=True,
        ),
        Act(
            name="choose",
            title="Make the default",
            icon="star",
            permission="transactions.edit_payoutaccount",
            explanation="Payouts of the currency go here from now on.",
            perform=_choose,
            is_offered=lambda account: (
                account.status == states.CONFIRMED and not account.is_default
            ),
        ),
        Act(
            name="remove",
            title="Remove",
            icon="delete",
            permission="transactions.edit_payoutaccount",
            explanation="Nothing more is sent here; payouts that were not sent yet fail, and their "
            "money is available again.",
            perform=_remove,
            is_offered=_is_there,
            is_dangerous=True,
        ),
    )
    labels = {
        "created_at": "Entered",
        "created_by": "By",
        "is_default": "Default",
        "confirmed_at": "Confirmed",
        "removed_at": "Removed",
        "bic": "BIC",
    }
    fieldsets: Fieldsets = (
        (
            "Account",
            {"fields": ("id", "merchant", "number", "bic", "currency", "is_default")},
        ),
        (
            "Course",
            {
                "fields": (
                    "created_at", "created_by", "takes_place_of", "confirmed_at",
                    "confirmed", "removed_at",
                )
            },
        ),
    )  # fmt: skip

    def headline(self, instance: PayoutAccount) -> Cell:  # type: ignore[override]
        return format_html("{} ···· {}", instance.country, instance.last_four)

    def found_as(self, instance: PayoutAccount) -> str:  # type: ignore[override]
        return f"{instance.currency} ····{instance.last_four} · {instance.status}"

    @admin.display(description="Number")
    def number(self, account: PayoutAccount) -> Cell:
        return format_html(
            '{} <span class="c-dots">····</span> {} <span class="c-muted">{}</span>',
            account.country,
            account.last_four,
            "IBAN" if account.kind == PayoutAccount.IBAN else "with routing number",
        )

    @admin.display(description="Takes the place of")
    def takes_place_of(self, account: PayoutAccount) -> Cell:
        return display.object_link("transactions.PayoutAccount", account.replaces_id)

    @admin.display(description="Confirmed by")
    def confirmed(self, account: PayoutAccount) -> Cell:
        by: UUID | None = account.confirmed_by
        return display.actor("staff", by) if by else display.EMPTY


@panel("transactions.payoutaccount", permission="transactions.view_payout")
def account_payouts_panel(request: HttpRequest, account: PayoutAccount) -> Panel:
    """What went to the account."""
    found = Payout.objects.filter(account=account).select_related("account").order_by("-id")
    return Panel(
        title="Newest payouts",
        icon="outbound",
        columns=PAYOUT_COLUMNS,
        rows=payout_rows(found[:10]),
        empty="Nothing was sent here yet.",
        more_url=display.list_url("transactions.payout", account=account.pk),
        order=20,
    )


for _label in ("transactions.payout", "transactions.payoutaccount", "transactions.payoutexport"):
    panel(_label, permission="payments_project.view_auditentry")(done_to_panel)


@panel("merchants.merchant", permission="transactions.view_payoutaccount", tab=PAYOUTS_TAB)
def merchant_accounts_panel(request: HttpRequest, merchant: Merchant) -> Panel:
    """Where the merchant's money goes."""
    accounts = PayoutAccount.objects.filter(merchant_id=merchant.pk).exclude(status=states.REMOVED)
    return Panel(
        title=ACCOUNTS,
        icon="assured_workload",
        columns=[
            Column("Environment"),
            Column("Currency"),
            Column("Number"),
            Column("Status"),
            Column("Default", is_minor=True),
        ],
        rows=[
            [
                display.environment_badge(account.environment),
                account.currency,
                account_cell(account),
                display.badge(account.status),
                display.boolean(account.is_default),
            ]
            for account in accounts.order_by("environment", "currency", "id")
        ],
        empty="None: nothing can be paid out.",
        more_url=display.list_url("transactions.payoutaccount", merchant=merchant.pk),
        order=20,
    )


class ScheduleForm(ActForm):
    """When a currency's available money is paid out."""

    currency = forms.ChoiceField(choices=_CURRENCIES)
    environment = forms.ChoiceField(choices=[(name, name) for name in ENVIRONMENTS])
    interval = forms.ChoiceField(
        choices=[(name, name) for name in INTERVALS],
        help_text="Manual: only when it is asked for.",
    )
    weekday = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", "—"), *enumerate(_WEEKDAYS)],
        help_text="Of a weekly one (UTC).",
    )
    minimum = forms.DecimalField(
        required=False,
        max_digits=15,
        label="Least amount",
        help_text="Less than this waits; empty for everything above zero.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"].initial = self.instance.settlement_currency

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        is_weekly = values.get("interval") == WEEKLY
        if is_weekly and values.get("weekday") is None:
            self.add_error("weekday", "A weekly payout needs its day.")
        elif not is_weekly:
            values["weekday"] = None
        values["minimum_amount"] = 1
        if values.get("minimum") is not None and "currency" in values:
            try:
                values["minimum_amount"] = minor_units(values["minimum"], values["currency"])
            except forms.ValidationError as error:
                self.add_error("minimum", error)
        return values


def _set_schedule(request: HttpRequest, merchant: Merchant, values: Mapping[str, Any]) -> Done:
    schedule, before = set_payout_schedule(
        scope=Scope(merchant.pk, values["environment"]),
        currency=values["currency"],
        interval=values["interval"],
        weekday=values["weekday"],
        minimum_amount=values["minimum_amount"],
    )
    was, now = changed(_schedule_summary(before), _schedule_summary(schedule))
    record_audit(
        request=request,
        action="payout_schedule.changed",
        obj=schedule,
        before=was,
        after={"currency": schedule.currency, "environment": schedule.environment, **now},
        reason=values["reason"],
    )
    return Done(f"Payouts in {schedule.currency}: {schedule_words(schedule)}.")


def _schedule_summary(schedule: PayoutSchedule | None) -> dict[str, Any]:
    if schedule is None:
        return {}
    return {
        "interval": schedule.interval,
        "weekday": schedule.weekday,
        "minimum_amount": schedule.minimum_amount,
    }


def schedule_words(schedule: PayoutSchedule) -> str:
    """``weekly on Monday``."""
    if schedule.weekday is None:
        return schedule.interval
    return f"{schedule.interval} on {_WEEKDAYS[schedule.weekday]}"


@panel("merchants.merchant", permission="transactions.view_payoutschedule", tab=PAYOUTS_TAB)
def merchant_schedules_panel(request: HttpRequest, merchant: Merchant) -> Panel:
    """When the merchant's money is paid out."""
    schedules = PayoutSchedule.objects.filter(merchant_id=merchant.pk)
    return Panel(
        title=SCHEDULE,
        icon="event_repeat",
        columns=[
            Column("Environment"),
            Column("When"),
            Column("Last run", is_minor=True),
            Column("Problem", is_text=True, is_minor=True),
            Column("Least amount", is_number=True),
        ],
        rows=[
            [
                display.environment_badge(schedule.environment),
                schedule_words(schedule),
                display.moment(schedule.last_run_at),
                schedule.last_problem or display.EMPTY,
                display.money(schedule.minimum_amount, schedule.currency),
            ]
            for schedule in schedules.order_by("environment", "currency")
        ],
        empty="Manual: money is paid out when it is asked for.",
        order=40,
    )


def _is_open(merchant: Merchant) -> bool:
    return merchant.status != merchant_states.CLOSED


register_act(
    "merchants.merchant",
    Act(
        name="add-payout-account",
        title="Add account",
        icon="add",
        permission="transactions.edit_payoutaccount",
        explanation="A second person has to confirm it before anything is sent there.",
        form=NewAccountForm,
        perform=_add,
        section=ACCOUNTS,
        is_once=True,
    ),
)
register_act(
    "merchants.merchant",
    Act(
        name="payout-schedule",
        title="Change",
        icon="event_repeat",
        permission="transactions.edit_payoutschedule",
        explanation="All that is available is paid out at the beginning of the day (UTC).",
        form=ScheduleForm,
        perform=_set_schedule,
        section=SCHEDULE,
        is_offered=_is_open,
    ),
)


@home_part(permission="transactions.confirm_payoutaccount")
def accounts_to_confirm(request: HttpRequest, environment: str) -> HomeParts:
    """Bank accounts that wait for a second person: found by their own small index."""
    (waiting,) = yield Counted(
        [PayoutAccount.objects.filter(status=states.UNCONFIRMED, environment=environment)]
    )
    if waiting:
        yield Tile(
            label="Bank accounts to confirm",
            icon="assured_workload",
            value=count_words(waiting),
            hint="payouts to them pause",
            tone=display.AMBER,
            url=display.list_url(
                "transactions.payoutaccount", environment=environment, status="unconfirmed"
            ),
            order=26,
        )
