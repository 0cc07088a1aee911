"""Risk: whether a payment may go to the gateway, and how it is rated."""
