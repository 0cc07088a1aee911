"""Payments, money and gateways in the console: to look at; acts on them are services' business."""

from transactions.admin import (
    balance_acts,
    exchanges,
    gateways,
    home,
    money,
    panels,
    payments,
    payout_accounts,
    payouts,
    reviews,
)

__all__ = [
    "balance_acts",
    "exchanges",
    "gateways",
    "home",
    "money",
    "panels",
    "payments",
    "payout_accounts",
    "payouts",
    "reviews",
]
