"""The merchant API of this app: keys and customers."""
