"""Summaries, search, dashboards; the top of the import order."""
