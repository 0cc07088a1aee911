"""Idempotency keys: each POST has one effect, whatever dies and however often it is sent."""
