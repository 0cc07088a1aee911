"""The event log: one append-only table, written in the transaction of the change it tells."""
