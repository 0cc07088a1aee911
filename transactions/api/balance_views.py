"""The balance and its entries over HTTP."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request

from payments_project.api.objects import ListObject
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.query import NoQuery
from payments_project.api.views import ApiView
from payments_project.database.pages import cursor_of
from payments_project.database.uuid7 import uuid_of
from payments_project.errors import ResourceMissing
from transactions.access import ledger_entries_of
from transactions.api.bodies import BalanceEntryQuery
from transactions.api.objects import (
    BalanceEntryObject,
    BalanceObject,
    balance_entry_object,
    balance_object,
)
from transactions.balances import read_balances
from transactions.ledger_accounts import BUCKETS
from transactions.ledger_sources import transaction_of_source
from transactions.selectors import list_balance_entries


class BalanceView(ApiView):
    """``/v1/balance``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: BalanceObject}),
    }

    permissions_required: ClassVar[dict[str, str]] = {"GET": "balance:read"}

    def get(self, request: Request) -> BalanceObject:
        """Pending, available and reserved money per currency."""
        self.query(NoQuery)
        return balance_object(self.scope, read_balances(self.scope))


class BalanceEntriesView(ApiView):
    """``/v1/balance/entries``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(BalanceEntryObject)}, query=BalanceEntryQuery),
    }

    permissions_required: ClassVar[dict[str, str]] = {"GET": "balance:read"}

    def get(self, request: Request) -> Any:
        """The changes that make up the balance, newest first."""
        query = self.query(BalanceEntryQuery)
        cursor = cursor_of(query)
        position = self._position(*cursor) if cursor else None
        filters: dict[str, Any] = {
            "currency": query.currency,
            "bucket": query.bucket,
            "type": query.type,
            **query.id_filters(),
        }
        filters = {name: value for name, value in filters.items() if value is not None}
        if query.source is not None:
            filters["source_id"] = query.source
            filters["transaction_id"] = transaction_of_source(
                scope=self.scope, source_id=query.source, param="source"
            )
        entries = list_balance_entries(
            scope=self.scope,
            limit=query.limit + 1,
            after=position if cursor and cursor[0] == "starting_after" else None,
            before=position if cursor and cursor[0] == "ending_before" else None,
            filters=filters,
        )
        has_more = len(entries) > query.limit
        if has_more:
            backwards = cursor is not None and cursor[0] == "ending_before"
            entries = entries[1:] if backwards else entries[:-1]
        answer = ListObject(
            url="/v1/balance/entries",
            has_more=has_more,
            data=[balance_entry_object(self.scope, entry) for entry in entries],
        )
        return self.expanded(answer)

    def _position(self, name: str, value: str) -> tuple[UUID, str]:
        """A cursor, an entry's id as it was told. Raises ``ResourceMissing``."""
        identity, _, bucket = value.rpartition("-")
        entry_id = uuid_of(identity)
        if (
            entry_id is None
            or bucket not in BUCKETS
            or not ledger_entries_of(self.scope).filter(pk=entry_id).exists()
        ):
            raise ResourceMissing("There is no such entry to page from.", param=name)
        return entry_id, bucket
