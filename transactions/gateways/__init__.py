"""Gateways: the port, its adapters, and the choice between them. How to add one: docs/gateways.md."""
