"""Dashboards: volume, success, declines, refunds and disputes over a range of days."""

from analytics.admin.dashboard.page import dashboard, merchant_dashboard

__all__ = ["dashboard", "merchant_dashboard"]
