"""Webhooks: signed, sent to addresses that were checked, and counted."""
