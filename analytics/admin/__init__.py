"""Summaries in the console, and the home page's course of the last days."""

from analytics.admin import home, summaries

__all__ = ["home", "summaries"]
