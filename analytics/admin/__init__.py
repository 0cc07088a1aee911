"""Search and summaries in the console, and the home page's course of the last days."""

from analytics.admin import home, search_faults, search_indices, summaries

__all__ = ["home", "search_faults", "search_indices", "summaries"]
