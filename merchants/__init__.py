"""Accounts, API keys and customers: who may call, and for whom."""
