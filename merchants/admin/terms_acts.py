"""What staff change of a merchant: details, risk, fees, limits and settlement, currencies."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from merchants import states
from merchants.fees import FeeStructure, Rate
from merchants.models import RISK_CHOICES, Merchant
from merchants.services.create_merchant import create_merchant
from merchants.services.update_merchant import DETAILS, update_merchant
from merchants.terms import CREDITS_RECORDED
from payments_project.console import display
from payments_project.console.acts import Act, ActForm, Done, staff_actor
from payments_project.console.money_field import major_units, minor_units
from payments_project.console.table_field import TableField
from payments_project.money import ACTIVE_CURRENCIES
from payments_project.staff.audit import record_audit

_CURRENCIES = [(code, code) for code in sorted(ACTIVE_CURRENCIES)]
_ANY = ("", "any")
_ADDRESS = ("line1", "line2", "postal_code", "city", "state", "country")
# Not written into the audit trail: it is encrypted where it is stored.
_SECRET = ("tax_id",)


class DetailsForm(ActForm):
    """Who the merchant is and how it is reached."""

    business_name = forms.CharField(max_length=200)
    legal_name = forms.CharField(max_length=200, required=False)
    business_type = forms.CharField(
        max_length=50, required=False, help_text="Such as limited company or sole trader."
    )
    tax_id = forms.CharField(
        max_length=50,
        required=False,
        label="Tax id",
        help_text="Empty leaves it as it is. It is encrypted and not shown here.",
    )
    email = forms.EmailField(max_length=255, label="E-mail")
    phone = forms.CharField(max_length=20, required=False)
    website = forms.URLField(max_length=255, required=False, assume_scheme="https")
    line1 = forms.CharField(max_length=200, required=False, label="Address, line 1")
    line2 = forms.CharField(max_length=200, required=False, label="Address, line 2")
    postal_code = forms.CharField(max_length=20, required=False)
    city = forms.CharField(max_length=100, required=False)
    state = forms.CharField(max_length=100, required=False, label="State or region")
    country = forms.RegexField(
        regex=r"^[A-Za-z]{2}$",
        required=False,
        help_text="Two letters of ISO 3166, such as DE.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance is not None:
            names = set(DETAILS) - {"tax_id", "address"}
            address = self.instance.address or {}
            self.initial.update({name: getattr(self.instance, name) for name in names})
            self.initial.update({name: address.get(name) for name in _ADDRESS})

    def columns(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of a merchant; what the stored address has besides is kept."""
        values = self.cleaned_data
        address = {**stored, **{name: values[name] for name in _ADDRESS}}
        address["country"] = values["country"].upper()
        columns = {
            name: values[name] or None for name in set(DETAILS) - {"address", "business_name"}
        }
        if not values["tax_id"]:
            del columns["tax_id"]
        return {
            **columns,
            "business_name": values["business_name"],
            "address": {name: value for name, value in address.items() if value},
        }

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            stored = self.instance.address if self.instance is not None else {}
            values["columns"] = self.columns(stored or {})
        return values


class NewMerchantForm(DetailsForm):
    """A merchant's details, and the currency that its totals count in."""

    settlement_currency = forms.ChoiceField(choices=_CURRENCIES, initial="USD")
    field_order = ("business_name", "email", "settlement_currency")

    def columns(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        chosen = {"settlement_currency": self.cleaned_data["settlement_currency"]}
        return super().columns(stored) | chosen


class SettlementForm(ActForm):
    """When money becomes available, and how much may be taken."""

    settlement_currency = forms.ChoiceField(
        choices=_CURRENCIES, help_text="Fixed once the account is active."
    )
    settlement_delay_days = forms.IntegerField(
        min_value=0,
        max_value=90,
        help_text="Days from a payment until its money is available. For payments from now on.",
    )
    daily_limit = forms.DecimalField(
        required=False, min_value=0, max_digits=20, help_text="Empty for none."
    )
    monthly_limit = forms.DecimalField(
        required=False, min_value=0, max_digits=20, help_text="Empty for none."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        merchant = self.instance
        self.initial["settlement_currency"] = merchant.settlement_currency
        self.initial["settlement_delay_days"] = merchant.settlement_delay_days
        for name in ("daily_limit", "monthly_limit"):
            amount = getattr(merchant, name)
            if amount is not None:
                self.initial[name] = major_units(amount, merchant.settlement_currency)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("daily_limit", "monthly_limit"):
            if values.get(name) and values.get("settlement_currency"):
                try:
                    values[name] = minor_units(values[name], values["settlement_currency"])
                except ValidationError as error:
                    self.add_error(name, error)
        day, month = values.get("daily_limit"), values.get("monthly_limit")
        if day and month and day > month and not self.errors:
            self.add_error("daily_limit", "A day's limit can't be above the month's.")
        if not self.errors:
            values["columns"] = {
                name: value for name, value in values.items() if name in self.declared_columns
            }
        return values

    declared_columns = (
        "settlement_currency", "settlement_delay_days", "daily_limit", "monthly_limit"
    )  # fmt: skip


_PERCENT = forms.DecimalField(
    required=False, label="Percent", min_value=0, max_value=100, decimal_places=2
)
_AMOUNT = forms.DecimalField(required=False, min_value=0, max_digits=20, label="Fixed amount")


class FeesForm(ActForm):
    """What a payment costs, by card type and currency, and what a chargeback costs."""

    rates = TableField(
        {
            "brand": forms.ChoiceField(
                required=False, label="Card type", choices=[_ANY, *display.BRANDS.items()]
            ),
            "currency": forms.ChoiceField(
                required=False, label="Currency", choices=[_ANY, *_CURRENCIES]
            ),
            "percent": _PERCENT,
            "fixed": _AMOUNT,
        },
        help_text="A percentage for any currency or one of its own, and a fixed amount for one "
        "currency. A card type with rates of its own has all of them from here. Three more rows "
        "after each time.",
    )
    dispute = TableField(
        {
            "currency": forms.ChoiceField(
                required=False, label="Currency", choices=[("", "—"), *_CURRENCIES]
            ),
            "fixed": forms.DecimalField(
                required=False, min_value=0, max_digits=20, label="A chargeback costs"
            ),
        },
        required=False,
        label="Chargebacks",
    )
    dispute_fee_returned = forms.BooleanField(
        required=False,
        label="Won gives the fee back",
        help_text="Of disputes that are opened from now on.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fees = FeeStructure.model_validate(self.instance.fee_structure or {})
        self.initial["rates"] = _rows("", fees) + [
            row for brand, rate in fees.brands.items() for row in _rows(brand, rate)
        ]
        self.initial["dispute"] = [
            {"currency": code, "fixed": major_units(amount, code)}
            for code, amount in sorted(fees.dispute.items())
        ]
        self.initial["dispute_fee_returned"] = fees.dispute_fee_returned

    def clean_rates(self) -> dict[str, Any]:
        rows: list[dict[str, Any]] = self.cleaned_data["rates"]
        places = [(row["brand"], row["currency"]) for row in rows]
        if len(set(places)) != len(places):
            raise ValidationError("A card type and currency stand in two rows.")
        structure = _rate([row for row in rows if not row["brand"]])
        brands = sorted({row["brand"] for row in rows} - {""})
        structure["brands"] = {
            brand: _rate([row for row in rows if row["brand"] == brand]) for brand in brands
        }
        return structure

    def clean_dispute(self) -> dict[str, int]:
        rows = self.cleaned_data["dispute"]
        codes = [row["currency"] for row in rows]
        if len(set(codes)) != len(codes):
            raise ValidationError("A currency stands in two rows.")
        if not all(codes):
            raise ValidationError("A row has no currency.")
        return {row["currency"]: _fixed(row) for row in rows}

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            # What this form does not show stays as it is.
            kept = dict(self.instance.fee_structure or {})
            structure = {
                **kept,
                **values["rates"],
                "dispute": values["dispute"],
                "dispute_fee_returned": values["dispute_fee_returned"],
            }
            values["columns"] = {"fee_structure": structure}
        return values


def _rows(brand: str, rate: Rate) -> list[dict[str, Any]]:
    """A rate as rows of the form: the percentage first, then currency by currency."""
    rows = [{"brand": brand, "currency": "", "percent": _percent(rate.percent_bps), "fixed": ""}]
    for code in sorted({*rate.percents, *rate.fixed}):
        bps, amount = rate.percents.get(code), rate.fixed.get(code)
        rows.append(
            {
                "brand": brand,
                "currency": code,
                "percent": "" if bps is None else _percent(bps),
                "fixed": "" if amount is None else major_units(amount, code),
            }
        )
    return rows


def _percent(bps: int) -> str:
    return f"{Decimal(bps) / 100:f}"


def _rate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows of one card type as a rate. Raises ``ValidationError``."""
    rate: dict[str, Any] = {"percent_bps": 0, "percents": {}, "fixed": {}}
    for row in rows:
        code, percent = row["currency"], row["percent"]
        if percent is None and row["fixed"] is None:
            raise ValidationError("A row has neither a percentage nor a fixed amount.")
        if not code and row["fixed"] is not None:
            raise ValidationError("A fixed amount needs its currency.")
        if percent is not None and code:
            rate["percents"][code] = int(percent * 100)
        elif percent is not None:
            rate["percent_bps"] = int(percent * 100)
        if row["fixed"] is not None:
            rate["fixed"][code] = _fixed(row)
    return rate


def _fixed(row: Mapping[str, Any]) -> int:
    amount = row["fixed"]
    if amount is None:
        raise ValidationError("A row has no amount.")
    return minor_units(amount, row["currency"]) if amount else 0


class ProcessingForm(ActForm):
    """In which currencies the merchant is paid."""

    currencies = forms.MultipleChoiceField(
        required=False,
        choices=_CURRENCIES,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: every currency.",
    )
    credits_recorded = forms.BooleanField(
        required=False,
        label="Credit recorded payments",
        help_text="The money of payments that the merchant records as taken elsewhere comes to us, "
        "and may be paid out. Not to be chosen where the merchant takes that money itself.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        config = self.instance.processing_config or {}
        self.initial["currencies"] = config.get("currencies", [])
        self.initial["credits_recorded"] = config.get(CREDITS_RECORDED, False)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            # What this form does not show stays as it is.
            config = dict(self.instance.processing_config or {})
            config.pop("currencies", None)
            config.pop(CREDITS_RECORDED, None)
            if values["currencies"]:
                config["currencies"] = sorted(values["currencies"])
            if values["credits_recorded"]:
                config[CREDITS_RECORDED] = True
            values["columns"] = {"processing_config": config}
        return values


class RiskForm(ActForm):
    """How much the merchant is trusted."""

    risk_level = forms.ChoiceField(choices=RISK_CHOICES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["risk_level"] = self.instance.risk_level

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        values["columns"] = {"risk_level": values.get("risk_level")}
        return values


def _change(request: HttpRequest, merchant: Merchant, values: Mapping[str, Any]) -> Done:
    changed, before = update_merchant(
        merchant_id=merchant.pk, changes=values["columns"], actor=staff_actor(request)
    )
    if not before:
        return Done("Nothing was different.")
    record_audit(
        request=request,
        action="merchant.changed",
        obj=changed,
        before={name: _told(name, value) for name, value in before.items()},
        after={name: _told(name, getattr(changed, name)) for name in before},
        reason=values["reason"],
    )
    words = ", ".join(sorted(name.replace("_", " ") for name in before))
    return Done(f"Changed: {words}.")


def _told(name: str, value: Any) -> Any:
    return "(not recorded)" if name in _SECRET else value


def _create(request: HttpRequest, _none: None, values: Mapping[str, Any]) -> Done:
    def within(merchant: Merchant) -> None:
        record_audit(
            request=request,
            action="merchant.created",
            obj=merchant,
            after={"business_name": merchant.business_name, "email": merchant.email},
            reason=values["reason"],
        )

    merchant = create_merchant(actor=staff_actor(request), within=within, **values["columns"])
    page = display.object_url("merchants.Merchant", merchant.pk) or ""
    return Done("The account is opened. Its checklist says what is missing.", url=page)


def _is_open(merchant: Merchant) -> bool:
    return merchant.status != states.CLOSED


def _changes(
    name: str, title: str, section: str, permission: str, explanation: str, form: type[ActForm]
) -> Act:
    return Act(
        name=name,
        title=title,
        button="Change",
        icon="edit",
        permission=permission,
        explanation=explanation,
        form=form,
        perform=_change,
        section=section,
        is_offered=_is_open,
    )


TERMS_ACTS = (
    _changes(
        "details",
        "Change details",
        "Contact",
        "merchants.change_merchant",
        "Who the merchant is and how it is reached.",
        DetailsForm,
    ),
    _changes(
        "settlement",
        "Change settlement and limits",
        "Settlement",
        "merchants.change_merchant_terms",
        "When money becomes available, and how much may be taken.",
        SettlementForm,
    ),
    _changes(
        "risk",
        "Change the risk level",
        "Risk",
        "merchants.rate_merchant",
        "How much the merchant is trusted.",
        RiskForm,
    ),
    _changes(
        "fees",
        "Change fees",
        "Fees",
        "merchants.change_merchant_terms",
        "For payments captured from now on.",
        FeesForm,
    ),
    _changes(
        "processing",
        "Change processing",
        "Processing",
        "merchants.change_merchant_terms",
        "In which currencies the merchant is paid, and whose the money of recorded payments is.",
        ProcessingForm,
    ),
)

NEW_MERCHANT = Act(
    name="new",
    title="New merchant",
    icon="add",
    permission="merchants.add_merchant",
    explanation="The account starts as pending; its checklist says what is missing before it may "
    "take live payments.",
    form=NewMerchantForm,
    perform=_create,
    is_once=True,
    in_transaction=False,
)
