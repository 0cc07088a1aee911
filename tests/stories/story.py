"""A merchant's story, told through the API and a gateway's messages, and what its books must say.

``Story.books`` states the whole ledger as a table, an entry a line::

    payment        1000   gateway > pending      payment
    fee              59   pending > fees         payment
    dispute_hold   2500   available > reserved   dispute

type, amount, debit and credit account, and whose entry it is: a name that the story gave with
``named``. A line of another currency than USD begins with it. Beside the table stands every balance;
what is not named must not be there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from disputes.models import Dispute
from disputes.services.audit_books import audit_books
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from transactions.balances import fold_balances
from transactions.gateways.simulator.disputes import decide_dispute, raise_dispute
from transactions.models import LedgerEntry

AT_ONCE_AVAILABLE = "4000000000000077"
BUCKETS = ("pending", "available", "reserved")
NOTHING = (0, 0, 0)


@dataclass
class Story:
    """One merchant's story; ``names`` says what each id is called in the tables."""

    api: Api
    names: dict[str, str] = field(default_factory=dict)

    def named(self, name: str, made: Mapping[str, Any]) -> dict[str, Any]:
        """``made``, whose entries are called ``name`` from now on."""
        self.names[made["id"]] = name
        return dict(made)

    def paid(
        self,
        amount: int = 1000,
        *,
        card: str = AT_ONCE_AVAILABLE,
        name: str = "payment",
        **more: Any,
    ) -> dict[str, Any]:
        """A payment; by default of a card whose money is available at once."""
        return self.named(name, self.api.paid(card, amount=amount, **more))

    def refunded(
        self, payment: Mapping[str, Any], amount: int, *, name: str = "refund"
    ) -> dict[str, Any]:
        response = self.api.post("/v1/refunds", {"transaction": payment["id"], "amount": amount})
        assert response.status_code == 201, response.text
        return self.named(name, response.json())

    def disputed(
        self,
        payment: Mapping[str, Any],
        amount: int = 1000,
        *,
        kind: str = "chargeback",
        name: str = "dispute",
        due_date: date | None = None,
        again: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A dispute that the gateway tells of; with ``again``, an inquiry become a chargeback."""
        known = Dispute.objects.get(pk=again["id"]).gateway_dispute_id if again else None
        identity = raise_dispute(
            charge=UUID(payment["id"]),
            amount=amount,
            dispute_type=kind,
            due_date=due_date,
            dispute=known,
        )
        deliver_gateway_messages()
        made = Dispute.objects.get(gateway_dispute_id=identity)
        return self.named(name, self.dispute(made.pk))

    def decided(self, dispute: Mapping[str, Any], status: str) -> dict[str, Any]:
        """The dispute after its gateway has told how it ends."""
        row = Dispute.objects.get(pk=dispute["id"])
        decide_dispute(dispute=str(row.gateway_dispute_id), status=status)
        deliver_gateway_messages()
        told = self.dispute(row.pk)
        assert told["status"] == status
        return told

    def answered(self, dispute: Mapping[str, Any], **evidence: Any) -> dict[str, Any]:
        """The dispute after its evidence was submitted, and what the gateway makes of it."""
        self.post(f"disputes/{dispute['id']}", {"evidence": evidence, "submit": True})
        deliver_gateway_messages()
        return self.dispute(dispute["id"])

    def dispute(self, dispute_id: object) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/v1/disputes/{dispute_id}").json()
        return found

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """A call that must succeed."""
        response = self.api.post(f"/v1/{path}", body)
        assert response.status_code in (200, 201), response.text
        made: dict[str, Any] = response.json()
        return made

    def status(self, payment: Mapping[str, Any]) -> str:
        return str(self.api.transaction(payment["id"])["status"])

    def books(self, table: str, **balances: tuple[int, int, int]) -> None:
        """Every entry of the merchant is a line of ``table``, in that order, and every balance
        (pending, available, reserved, by currency) as stated; the auditor finds nothing."""
        expected = [_line(line) for line in table.strip().splitlines() if line.strip()]
        assert _as_table(self._entries()) == _as_table(expected)
        assert self._balances() == balances
        assert self._sums_of_entries() == {
            currency: sums for currency, sums in balances.items() if sums != NOTHING
        }
        fold_balances()
        assert audit_books() == []
        assert self._balances() == balances

    def _entries(self) -> list[tuple[str, ...]]:
        rows = LedgerEntry.objects.filter(
            merchant_id=self.api.scope.merchant_id, environment=self.api.scope.environment
        ).order_by("id")
        return [
            (
                row.currency,
                row.type,
                str(row.amount),
                row.debit_account,
                row.credit_account,
                self.names.get(str(row.source_id), str(row.source_id)),
            )
            for row in rows
        ]

    def _balances(self) -> dict[str, tuple[int, ...]]:
        told = self.api.get("/v1/balance").json()["balances"]
        return {row["currency"]: tuple(row[name] for name in BUCKETS) for row in told}

    def _sums_of_entries(self) -> dict[str, tuple[int, ...]]:
        """What ``GET /v1/balance/entries`` adds up to, where it is not nothing."""
        sums: dict[str, dict[str, int]] = {}
        query: dict[str, Any] = {"limit": 100}
        while True:
            page = self.api.get("/v1/balance/entries", **query).json()
            for entry in page["data"]:
                of = sums.setdefault(entry["currency"], dict.fromkeys(BUCKETS, 0))
                of[entry["bucket"]] += entry["amount"]
            if not page["has_more"]:
                break
            query["starting_after"] = page["data"][-1]["id"]
        added = {currency: tuple(of[name] for name in BUCKETS) for currency, of in sums.items()}
        return {currency: total for currency, total in added.items() if total != NOTHING}


def past_due(dispute: Mapping[str, Any]) -> None:
    """As if the last day to answer were over, here and at the simulator."""
    from disputes.models import SimulatorDispute

    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    row = Dispute.objects.get(pk=dispute["id"])
    Dispute.objects.filter(pk=row.pk).update(due_date=yesterday)
    SimulatorDispute.objects.filter(pk=row.gateway_dispute_id).update(due_date=yesterday)


def _line(text: str) -> tuple[str, ...]:
    left, _, right = text.partition(">")
    *currency, kind, amount, debit = left.split()
    credit, *source = right.split()
    return (currency[0] if currency else "USD", kind, amount, debit, credit, " ".join(source))


def _as_table(entries: Iterable[tuple[str, ...]]) -> str:
    """As text, which a failing test shows line by line."""
    return "\n".join(
        f"{currency} {kind:<16}{amount:>8}   {debit} > {credit}   {source}"
        for currency, kind, amount, debit, credit, source in entries
    )
