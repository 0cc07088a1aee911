"""Payments, money and gateways in the console: to look at; acts on them are services' business."""

from transactions.admin import exchanges, gateways, home, money, panels, payments, reviews

__all__ = ["exchanges", "gateways", "home", "money", "panels", "payments", "reviews"]
