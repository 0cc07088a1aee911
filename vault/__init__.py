"""Card data: tokens, envelope encryption, fingerprints, expiry. See docs/vault.md."""
