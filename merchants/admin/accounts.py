"""Merchants: accounts, their terms and their state."""

from collections.abc import Mapping

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from merchants import states
from merchants.admin.account_acts import ACCOUNT_ACTS, ONBOARDING
from merchants.admin.key_acts import CREATE_KEY
from merchants.admin.terms_acts import NEW_MERCHANT, TERMS_ACTS
from merchants.fees import FeeStructure, Rate
from merchants.models import RISK_CHOICES, Merchant
from merchants.onboarding import CheckedItem, checklist
from merchants.terms import CREDITS_RECORDED
from payments_project.console import display
from payments_project.console.filters import CreatedFilter, choice_filter
from payments_project.console.home import (
    QUEUE_ROWS,
    Counted,
    HomeParts,
    home_part,
    queue_tile,
)
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import EMAIL, ID, TEXT
from payments_project.money import format_amount
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin


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
    export_fields = (
        "id", "created_at", "business_name", "legal_name", "business_type", "email", "phone",
        "website", "status", "verification_status", "risk_level", "settlement_currency",
        "settlement_delay_days", "updated_at",
    )  # fmt: skip
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
    acts = (*ACCOUNT_ACTS, CREATE_KEY, *TERMS_ACTS)
    list_acts = (NEW_MERCHANT,)
    labels = {
        "business_name": "Merchant",
        "email": "E-mail",
        "created_at": "Opened",
        "updated_at": "Changed",
        "verification_status": "Verification",
        "risk_level": "Risk",
        "settlement_currency": "Settles in",
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
        ("Fees", {"fields": ("fees", "brand_fees", "dispute_fees")}),
        ("Processing", {"fields": ("currencies", "recorded_payments")}),
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

    @admin.display(description="Currencies")
    def currencies(self, merchant: Merchant) -> str:
        return ", ".join((merchant.processing_config or {}).get("currencies") or ["all"])

    @admin.display(description="Recorded payments")
    def recorded_payments(self, merchant: Merchant) -> str:
        config = merchant.processing_config or {}
        return "credited" if config.get(CREDITS_RECORDED) else "the merchant has the money"

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
    """``2.9 % (EUR 1.9 %) + $0.30 (€0.30, £0.20)``."""
    percent = f"{rate.percent_bps / 100:g} %"
    own = [f"{code} {bps / 100:g} %" for code, bps in sorted(rate.percents.items())]
    percent += f" ({', '.join(own)})" if own else ""
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


@panel("merchants.merchant", permission="merchants.view_merchant")
def missing_panel(request: HttpRequest, merchant: Merchant) -> Panel | None:
    """The checklist, on the first tab while the account waits for approval."""
    return onboarding_panel(request, merchant) if merchant.status == states.PENDING else None


@panel("merchants.merchant", permission="merchants.view_merchant", tab=ONBOARDING)
def onboarding_panel(request: HttpRequest, merchant: Merchant) -> Panel:
    """The checklist: what is known and checked of the merchant."""
    items = checklist(merchant)
    missing = sum(not checked.is_done for checked in items)
    may_tick = request.user.has_perm("merchants.approve_merchant")
    return Panel(
        title=ONBOARDING,
        icon="checklist",
        note=f"{len(items) - missing} of {len(items)} done. "
        "All of it has to be before the account is approved.",
        columns=[
            Column("Item", is_text=True), Column("State"), Column("Note", is_text=True),
            Column("Done", is_minor=True),
        ],
        rows=[_item_row(checked, merchant, may_tick=may_tick) for checked in items],
        order=5,
    )  # fmt: skip


def _item_row(checked: CheckedItem, merchant: Merchant, *, may_tick: bool) -> list[Cell]:
    item = checked.item
    if checked.is_done:
        state: Cell = display.badge("done", display.GREEN)
    elif item.is_met is None and may_tick and merchant.status != states.CLOSED:
        url = display.act_url("merchants.merchant", merchant.pk, "tick", item=item.name)
        state = format_html('<a class="c-link" href="{}">tick</a>', url)
    else:
        state = display.badge("missing", display.AMBER)
    title = format_html(
        '<span class="c-stack">{}<small>{}</small></span>', item.title, item.explanation
    )
    by = display.actor("staff", checked.done_by) if checked.done_by else ""
    return [title, state, checked.note, format_html("{} {}", by, display.ago(checked.done_at))]


@home_part(permission="merchants.approve_merchant")
def waiting_for_approval(request: HttpRequest, environment: str) -> HomeParts:
    """Accounts that nobody has approved yet, oldest first."""
    waiting = Merchant.objects.filter(status=states.PENDING)
    (count,) = yield Counted([waiting])
    url = display.list_url("merchants.merchant", status=states.PENDING)
    yield queue_tile(
        label="Applications",
        icon="storefront",
        count=count,
        hint="merchants to approve",
        url=url,
        order=45,
    )
    if count:
        yield Panel(
            title="Merchants to approve, oldest first",
            icon="storefront",
            columns=[Column("Opened"), Column("Merchant"), Column("E-mail", is_minor=True)],
            rows=[
                [
                    display.ago(merchant.created_at),
                    display.object_link("merchants.Merchant", merchant.pk, merchant.business_name),
                    merchant.email,
                ]
                for merchant in waiting.order_by("pk")[:QUEUE_ROWS]
            ],
            more_url=url,
            order=45,
        )
