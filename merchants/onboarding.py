"""What has to be known and checked of a merchant before the account may take live payments.

Some items are true of what is stored; the others a person checks and ticks. Apps on the left of the
import order add their own (``register_item``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from merchants.models import Merchant, MerchantCheck


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the checklist; without ``is_met`` a person ticks it."""

    name: str
    title: str
    explanation: str
    is_met: Callable[[Merchant], bool] | None = None


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """An item as it stands for one merchant; who ticked it, when, and what they noted."""

    item: Item
    is_done: bool
    done_by: UUID | None = None
    done_at: datetime | None = None
    note: str = ""


def _has_details(merchant: Merchant) -> bool:
    return bool(merchant.legal_name and merchant.business_type and merchant.tax_id)


def _has_address(merchant: Merchant) -> bool:
    address = merchant.address or {}
    return bool(address.get("line1") and address.get("city") and address.get("country"))


_items: list[Item] = [
    Item(
        "details",
        "Legal name, business type and tax id",
        "As they stand in the commercial register.",
        _has_details,
    ),
    Item("address", "Postal address", "Street, city and country.", _has_address),
    Item(
        "fees",
        "Fees agreed",
        "A rate for cards at least.",
        lambda merchant: bool(merchant.fee_structure),
    ),
    Item("identity", "Identity verified", "Register extract and an identity document were seen."),
    Item("owners", "Owners verified", "Everybody who owns a quarter or more is known."),
    Item("sanctions", "Sanctions screened", "The company and its owners are on no list."),
    Item(
        "website",
        "Website reviewed",
        "It shows what is sold, prices, a refund policy and how to reach the merchant.",
    ),
    Item("contract", "Contract signed", "By somebody who may sign for the company."),
]


def register_item(item: Item) -> None:
    """Adds an item to every merchant's checklist; called once, when the app starts."""
    _items.append(item)


def ticked_items() -> list[Item]:
    """The items that a person ticks."""
    return [item for item in _items if item.is_met is None]


def checklist(merchant: Merchant) -> list[CheckedItem]:
    """All items as they stand for a merchant."""
    ticks = {tick.item: tick for tick in MerchantCheck.objects.filter(merchant=merchant)}
    checked = []
    for item in _items:
        tick = ticks.get(item.name)
        if item.is_met is not None:
            checked.append(CheckedItem(item, item.is_met(merchant)))
        elif tick is not None:
            checked.append(CheckedItem(item, True, tick.done_by, tick.done_at, tick.note))
        else:
            checked.append(CheckedItem(item, False))
    return checked
