"""Banks that payouts are sent through: one port, adapters behind it."""
