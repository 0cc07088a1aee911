"""Merchants: accounts, their terms and their state."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from merchants import states
from merchants.admin.key_acts import CREATE_KEY
from merchants.api.authentication import forget_keys
from merchants.fees import FeeStructure, Rate
from merchants.locking import lock_merchant
from merchants.models import RISK_CHOICES, ApiKey, Merchant
from merchants.services.change_status import change_merchant_status
from payments_project.console.acts import Act, Done, staff_actor
from payments_project.console.filters import CreatedFilter, choice_filter
from payments_project.console.presented import Cell
from payments_project.console.search import EMAIL, ID, TEXT
from payments_project.money import format_amount
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from payments_project.staff.audit import record_audit


def _changes_to(status: str) -> Callable[[HttpRequest, Merchant, Mapping[str, Any]], Done]:
    def perform(request: HttpRequest, merchant: Merchant, values: Mapping[str, Any]) -> Done:
        before = lock_merchant(merchant.pk).status
        changed = change_merchant_status(
            merchant_id=merchant.pk, status=status, actor=staff_actor(request)
        )
        keys = list(ApiKey.objects.filter(merchant=merchant).values_list("pk", flat=True))
        transaction.on_commit(partial(forget_keys, keys))
        record_audit(
            request=request,
            action="merchant.status_changed",
            obj=changed,
            before={"status": before},
            after={"status": status},
            reason=values["reason"],
        )
        return Done(f"{merchant.business_name} is {status}.")

    return perform


def _status_act(status: str, title: str, icon: str, explanation: str) -> Act:
    return Act(
        name=title.split(maxsplit=1)[0].lower(),
        title=title,
        icon=icon,
        permission="merchants.change_merchant",
        explanation=explanation,
        perform=_changes_to(status),
        is_offered=lambda merchant: status in states.TRANSITIONS[merchant.status],
        is_dangerous=status != states.ACTIVE,
    )


@admin.register(Merchant)
class MerchantAdmin(ReadOnlyAdmin):
    """Accounts, newest first."""

    list_display = (
        "business_name",
        "status",
        "verification_status",
        "risk_level",
        "email",
        "settlement_currency",
        "settlement_delay",
        "created_at",
    )
    list_filter = (
        choice_filter("status", states.STATES),
        choice_filter("risk_level", [level for level, _ in RISK_CHOICES], title="risk"),
        CreatedFilter,
    )
    scope_branches = ("", ())
    search_by = {ID: ("pk",), EMAIL: ("email",), TEXT: ("business_name__icontains",)}
    search_words = {TEXT: "a part of its name"}
    search_by_scan = (TEXT,)
    badges = ("status", "verification_status", "risk_level")
    # Encrypted in the database, and of no use to anybody who looks at this page.
    hidden = ("tax_id",)
    acts = (
        CREATE_KEY,
        _status_act(
            states.ACTIVE, "Activate", "check_circle", "The account may take live payments."
        ),
        _status_act(
            states.SUSPENDED,
            "Suspend",
            "pause_circle",
            "Live payments are refused until the account is activated again; test mode goes on.",
        ),
        _status_act(
            states.CLOSED,
            "Close the account",
            "cancel",
            "Live payments are refused for good: a closed account can't be opened again.",
        ),
    )
    labels = {
        "business_name": "Merchant",
        "email": "E-mail",
        "created_at": "Opened",
        "updated_at": "Changed",
        "verification_status": "Verification",
        "risk_level": "Risk",
        "settlement_currency": "Settles in",
        "processing_config": "Processing",
    }
    fieldsets: Fieldsets = (
        (
            "Account",
            {
                "fields": (
                    "id", "business_name", "legal_name", "business_type", "created_at",
                    "updated_at",
                )
            },
        ),
        ("Contact", {"fields": ("email", "phone", "website", "postal_address")}),
        (
            "Settlement",
            {"fields": ("settlement_currency", "settlement_delay", "day_limit", "month_limit")},
        ),
        ("Risk", {"fields": ("risk_level", "verification_status")}),
        ("Terms", {"fields": ("fees", "brand_fees", "dispute_fees", "processing_config")}),
    )  # fmt: skip

    def headline(self, instance: Merchant) -> Cell:  # type: ignore[override]
        return instance.business_name

    def badges_of(self, instance: Merchant) -> list[Cell]:  # type: ignore[override]
        return [self.show(instance, "status"), self.show(instance, "verification_status")]

    def found_as(self, instance: Merchant) -> str:  # type: ignore[override]
        return f"{instance.business_name} · {instance.status}"

    @admin.display(description="Address")
    def postal_address(self, merchant: Merchant) -> str:
        address = merchant.address or {}
        order = ("line1", "line2", "postal_code", "city", "state", "country")
        known = [str(address[name]) for name in order if address.get(name)]
        return ", ".join(
            [
                *known,
                *(str(value) for name, value in address.items() if value and name not in order),
            ]
        )

    @admin.display(description="Fees")
    def fees(self, merchant: Merchant) -> Cell:
        return _rate(FeeStructure.model_validate(merchant.fee_structure or {}), merchant)

    @admin.display(description="Fees by brand")
    def brand_fees(self, merchant: Merchant) -> Cell:
        brands = FeeStructure.model_validate(merchant.fee_structure or {}).brands
        return format_html_join(
            mark_safe("<br>"),
            "{}: {}",
            ((name, _rate(rate, merchant)) for name, rate in brands.items()),
        )

    @admin.display(description="A chargeback costs")
    def dispute_fees(self, merchant: Merchant) -> str:
        return _amounts(FeeStructure.model_validate(merchant.fee_structure or {}).dispute, merchant)

    @admin.display(description="After")
    def settlement_delay(self, merchant: Merchant) -> str:
        days = merchant.settlement_delay_days
        return f"{days} day{'' if days == 1 else 's'}"

    @admin.display(description="Daily limit")
    def day_limit(self, merchant: Merchant) -> str:
        return _limit(merchant.daily_limit, merchant)

    @admin.display(description="Monthly limit")
    def month_limit(self, merchant: Merchant) -> str:
        return _limit(merchant.monthly_limit, merchant)


def _rate(rate: Rate, merchant: Merchant) -> str:
    """``2.9 % + $0.30 (€0.30, £0.20)``."""
    percent = f"{rate.percent_bps / 100:g} %"
    fixed = _amounts(rate.fixed, merchant)
    return f"{percent} + {fixed}" if fixed else percent


def _amounts(amounts: Mapping[str, int], merchant: Merchant) -> str:
    """In the currency that the merchant settles in, and in brackets what it is in others."""
    first = merchant.settlement_currency
    ordered = sorted(amounts.items(), key=lambda item: (item[0] != first, item[0]))
    words = [format_amount(amount, currency) for currency, amount in ordered]
    return words[0] + (f" ({', '.join(words[1:])})" if words[1:] else "") if words else ""


def _limit(amount: int | None, merchant: Merchant) -> str:
    currency = merchant.settlement_currency
    return "none" if amount is None else f"{format_amount(amount, currency)} {currency}"
