"""What a ledger entry's ``source_id`` can name, and which payment that was about.

Entries are found by their payment, which has an index: one by the source would be written to with
every payment, for a question that is asked now and then. What was about no payment (a settlement)
has a small index of its own.
"""

from collections.abc import Callable
from uuid import UUID

from payments_project.errors import ResourceMissing
from payments_project.tenancy import Scope
from transactions.access import ledger_entries_of, transactions_of

# The transaction of a merchant's object; None if the merchant has no such object.
Finder = Callable[[Scope, UUID], UUID | None]


def _itself(scope: Scope, source_id: UUID) -> UUID | None:
    return source_id if transactions_of(scope).filter(pk=source_id).exists() else None


_FINDERS: list[Finder] = [_itself]


def register_source(finder: Finder) -> None:
    """Lets another app's objects be sources; called once, when the app starts."""
    _FINDERS.append(finder)


def transaction_of_source(*, scope: Scope, source_id: UUID, param: str) -> UUID | None:
    """The transaction that a source was about; None for one that was about none.

    Raises ``ResourceMissing`` for what is no source of the merchant's in the environment.
    """
    for finder in _FINDERS:
        transaction_id = finder(scope, source_id)
        if transaction_id is not None:
            return transaction_id
    of_none = ledger_entries_of(scope).filter(transaction_id__isnull=True, source_id=source_id)
    if not of_none.exists():
        raise ResourceMissing(f"Nothing of this id has entries: {source_id}", param=param)
    return None
