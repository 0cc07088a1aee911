"""Refunds, disputes, and payments recorded together with their refund."""
