"""The database ground: transactions, ids, monthly partitions, field types, migration operations."""
