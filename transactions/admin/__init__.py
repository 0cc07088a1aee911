"""Payments, money and gateways in the console: to look at; acts on them are services' business."""

from transactions.admin import gateways, home, money, panels, payments, reviews

__all__ = ["gateways", "home", "money", "panels", "payments", "reviews"]
