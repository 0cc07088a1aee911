"""What ``./dev`` runs: the embedded engines, their supervisor, the stack, the demo.

Part of a development machine, not of the product: it imports no Django app and no settings, and
no part of the product imports it.
"""
