"""The payment life cycle: gateways, ledger, balances, settlement."""
