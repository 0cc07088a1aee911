-- The entries stay: the ledger is corrected by further entries, never by taking any away.
DELETE FROM external_references;
