"""Encryption of what must be read back; card data has its own in the vault."""
