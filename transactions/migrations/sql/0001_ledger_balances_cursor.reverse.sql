DELETE FROM event_cursors WHERE name = 'ledger_balances';
