"""Payments in Elasticsearch. Imported where one is configured only: its library is large."""
