"""Moving a transaction's row: the state that was expected, or nothing."""

import pytest

from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from tests.api_client import Api
from tests.payments_project.event_making import told
from transactions import states
from transactions.ledger import capture_movements
from transactions.models import LedgerEntry, Transaction
from transactions.transition import Change, move_locked_transaction


def test_move_of_a_row_that_is_in_another_state_is_an_error_and_writes_nothing(api: Api) -> None:
    """As if a caller had not locked the row: its ledger entries must not be left out silently."""
    row = Transaction.objects.get(pk=api.paid(amount=1000)["id"])
    row.status = states.CAPTURED
    change = Change(
        status=states.SUCCEEDED,
        movements=capture_movements(transaction_id=row.pk, amount=1000, fee=59, available_on=None),
    )

    def work() -> None:
        move_locked_transaction(transaction=row, change=change, actor=SYSTEM)

    with pytest.raises(RuntimeError, match="was not captured"):
        run_in_transaction(work)

    assert told(row.pk) == ["transaction.created", "transaction.succeeded"]
    assert LedgerEntry.objects.filter(transaction_id=row.pk).count() == 2
