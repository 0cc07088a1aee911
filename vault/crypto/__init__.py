"""Envelope encryption of card data, the key ring behind it, fingerprints and tokens.

Everything here works in memory and needs no database. See docs/vault.md.
"""
