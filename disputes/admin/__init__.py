"""Refunds and disputes in the console: lists, pages, acts, and what stands of them elsewhere."""

from disputes.admin import (
    dispute_panels,
    evidence_acts,
    home,
    lists,
    panels,
    records,
    refund_acts,
    staff_acts,
)

__all__ = [
    "dispute_panels",
    "evidence_acts",
    "home",
    "lists",
    "panels",
    "records",
    "refund_acts",
    "staff_acts",
]
