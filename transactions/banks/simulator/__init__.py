"""A bank of our own that behaves as real ones do, for tests and embedded starts."""
