"""These tests write rows that no service would; what they commit is taken back, since the auditor
looks at the whole database."""

from collections.abc import Iterator

import pytest

from tests.schema.rows import OWNER, connect

TABLES = (
    "ledger_entries", "events", "refunds", "dispute_evidence_files", "evidence_files",
    "dispute_operations", "disputes", "payouts", "payout_accounts", "gateway_operations",
    "transactions", "merchant_notices",
)  # fmt: skip
OF_NOBODY = "merchant_id NOT IN (SELECT id FROM merchants)"


@pytest.fixture(autouse=True)
def _rows_of_nobody_are_taken_back(_database: None) -> Iterator[None]:
    yield
    with connect(OWNER) as owner:
        for table in TABLES:
            condition = OF_NOBODY
            if table == "gateway_operations":
                condition = f"transaction_id IN (SELECT id FROM transactions WHERE {OF_NOBODY})"
            if table in ("dispute_evidence_files", "dispute_operations"):
                condition = f"dispute_id IN (SELECT id FROM disputes WHERE {OF_NOBODY})"
            owner.execute(f"DELETE FROM {table} WHERE {condition}")
        for table in ("merchant_balances", "merchant_pending_days", "payment_methods_vault"):
            owner.execute(f"DELETE FROM {table} WHERE {OF_NOBODY}")
