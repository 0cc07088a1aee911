-- Where the balance folder starts: a snapshot that has seen nothing (3 is the first normal id).
INSERT INTO event_cursors (name, snapshot, system_identifier)
SELECT 'ledger_balances', '3:3:'::pg_snapshot, system_identifier FROM pg_control_system();
