"""The merchant API of this app: payment methods."""
