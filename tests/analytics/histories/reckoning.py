"""What the rows of a merchant come to, counted one by one in Python.

Nothing here asks the database to add: rows are read as they are, so that a mistake in a statement
of the product's is not made twice.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from analytics.search.words import asked_words, may_be_beginning, may_be_misspelt, words_of
from disputes.models import Dispute, Refund
from merchants.models import Customer
from payments_project.tenancy import Scope
from tests.analytics.summaries import NAMES as COUNTS
from tests.analytics.summaries import NOTHING
from transactions.models import LedgerEntry, Transaction
from transactions.payout_models import ExternalReference

SUCCESSFUL = ("succeeded", "refunded", "disputed")
# Of the reasons that histories give.
FRAUD = ("fraudulent", "10.4", "4837")
BUCKETS = ("pending", "available", "reserved")
FACETS = ("status", "currency", "brand", "gateway", "amount")
AMOUNT_STEPS = (0, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
FOUR_PLACES = Decimal("0.0001")
# Every column of a summary but ids and times.
NAMES = (*COUNTS, "success_rate")

Rows = dict[Any, dict[str, Any]]


@dataclass(frozen=True)
class Paid:
    """A payment with all that hangs on it."""

    row: Transaction
    email: str | None
    refunds: list[Refund]
    disputes: list[Dispute]
    is_credited: bool
    # Whether its customer's address changed at some time.

    @property
    def day(self) -> date:
        """The UTC day on which it was made."""
        return self.row.created_at.astimezone(UTC).date()

    @property
    def has_succeeded(self) -> bool:
        return self.row.status in SUCCESSFUL

    @property
    def captured(self) -> int:
        """What was captured of a successful one."""
        return (self.row.captured_amount or 0) if self.has_succeeded else 0

    @property
    def fee(self) -> int:
        return self.row.fee_amount if self.has_succeeded else 0

    @property
    def refunded(self) -> list[int]:
        """The refunds that stand."""
        return [refund.amount for refund in self.refunds if refund.status == "succeeded"]

    @property
    def chargebacks(self) -> list[Dispute]:
        return [row for row in self.disputes if row.dispute_type == "chargeback"]

    @cached_property
    def words(self) -> list[str]:
        """The words that it is found by."""
        row = self.row
        return words_of(
            texts=[row.description, self.email, *(row.metadata or {}).values()],
            names=[
                row.last_four,
                row.gateway_transaction_id,
                str(row.pk),
                str(row.customer_id) if row.customer_id else None,
            ],
        )


def payments_of(scope: Scope) -> list[Paid]:
    """The merchant's payments in the environment, the newest first."""
    mine = {"merchant_id": scope.merchant_id, "environment": scope.environment}
    refunds, disputes = defaultdict(list), defaultdict(list)
    for refund in Refund.objects.filter(**mine).order_by("id"):
        refunds[refund.transaction_id].append(refund)
    for dispute in Dispute.objects.filter(**mine).order_by("id"):
        disputes[dispute.transaction_id].append(dispute)
    customers = {row.pk: row for row in Customer.objects.filter(**mine)}
    kept = {
        row.transaction_id for row in ExternalReference.objects.filter(**mine, is_credited=False)
    }
    return [
        Paid(
            row=row,
            email=getattr(customers.get(row.customer_id), "email", None),
            refunds=refunds[row.pk],
            disputes=disputes[row.pk],
            is_credited=row.pk not in kept,
        )
        for row in Transaction.objects.filter(**mine).order_by("-id")
    ]


def daily_summaries(payments: Iterable[Paid]) -> Rows:
    """By day and currency, as docs/analytics.md defines the columns."""
    rows: Rows = defaultdict(lambda: dict(NOTHING))
    for paid in payments:
        row = rows[f"{paid.day}", paid.row.currency]
        row["transaction_count"] += 1
        row["successful_count"] += paid.has_succeeded
        row["failed_count"] += paid.row.status == "failed"
        row["refunded_count"] += bool(paid.refunded)
        row["gross_amount"] += paid.captured
        row["fee_amount"] += paid.fee
        row["net_amount"] += paid.captured - paid.fee
        row["refunded_amount"] += sum(paid.refunded)
        row["high_risk_count"] += paid.row.risk_level == "high"
        row["dispute_count"] += bool(paid.chargebacks)
        row["fraud_count"] += any(dispute.reason_code in FRAUD for dispute in paid.chargebacks)
    for row in rows.values():
        share = Decimal(row["successful_count"]) / row["transaction_count"]
        row["success_rate"] = share.quantize(FOUR_PLACES, ROUND_HALF_UP)
    return dict(rows)


def monthly_stats(payments: Iterable[Paid], *, now: datetime) -> Rows:
    """By month and currency: this month, and the twenty-four before it."""
    oldest = date(now.year - 2, now.month, 1)
    captured: dict[tuple[str, str], list[int]] = defaultdict(list)
    rows: Rows = defaultdict(lambda: {"transaction_count": 0, "high_risk_count": 0})
    for paid in payments:
        if paid.day < oldest:
            continue
        key = f"{paid.day:%Y-%m}", paid.row.currency
        rows[key]["transaction_count"] += 1
        rows[key]["high_risk_count"] += paid.row.risk_level == "high"
        captured[key] += [paid.captured] if paid.has_succeeded else []
    for key, row in rows.items():
        amounts = captured[key]
        row["successful_count"] = len(amounts)
        row["total_amount"] = sum(amounts) if amounts else None
        row["avg_amount"] = _rounded(Decimal(sum(amounts)) / len(amounts)) if amounts else None
    return dict(rows)


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(FOUR_PLACES)


def ledger(payments: Iterable[Paid]) -> dict[tuple[str, str], int]:
    """By currency and type of entry what the entries come to, as docs/ledger.md books each act.

    ``refund`` is what is left of refunds after those that failed later. ``taken elsewhere`` is the
    reverse of what never came to us.
    """
    sums: dict[tuple[str, str], int] = Counter()
    for paid in payments:
        refunded = sum(paid.refunded)
        for kind, amount in (
            ("payment", paid.captured),
            ("fee", paid.fee),
            ("refund", refunded),
            ("taken elsewhere", 0 if paid.is_credited else paid.captured - refunded),
        ):
            sums[paid.row.currency, kind] += amount
        for dispute in paid.chargebacks:
            for kind, amount in _dispute_entries(dispute).items():
                sums[paid.row.currency, kind] += amount
    return {key: amount for key, amount in sums.items() if amount}


def _dispute_entries(dispute: Dispute) -> dict[str, int]:
    taken = dispute.held_amount + dispute.fee_amount
    if dispute.status == "won":
        kept = 0 if dispute.fee_is_returned else dispute.fee_amount
        return {"dispute_hold": taken, "dispute_release": taken - kept, "dispute_loss": kept}
    return {"dispute_hold": taken, "dispute_loss": taken if dispute.status == "lost" else 0}


def entries(scope: Scope) -> dict[tuple[str, str], int]:
    """The merchant's entries, summed in the same way; settlements move nothing out or in."""
    sums: dict[tuple[str, str], int] = Counter()
    for entry in _entries_of(scope):
        if entry.type == "refund_failure":
            sums[entry.currency, "refund"] -= entry.amount
        elif entry.type == "adjustment":
            from_merchant = entry.debit_account == "available"
            sums[entry.currency, "taken elsewhere"] += entry.amount * (1 if from_merchant else -1)
        elif entry.type != "settlement":
            sums[entry.currency, entry.type] += entry.amount
    return {key: amount for key, amount in sums.items() if amount}


def balances(scope: Scope) -> dict[tuple[str, str], int]:
    """By currency and bucket what the entries leave."""
    sums: dict[tuple[str, str], int] = {}
    for entry in _entries_of(scope):
        for account, sign in ((entry.debit_account, -1), (entry.credit_account, 1)):
            if account in BUCKETS:
                key = entry.currency, account
                sums[key] = sums.get(key, 0) + sign * entry.amount
    return {key: amount for key, amount in sums.items() if amount}


def _entries_of(scope: Scope) -> Iterable[LedgerEntry]:
    return LedgerEntry.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment
    ).iterator()


def facets(payments: Iterable[Paid]) -> dict[str, dict[Any, int]]:
    """How often each value is there, for each facet."""
    counts: dict[str, Counter[Any]] = {name: Counter() for name in FACETS}
    for paid in payments:
        values = {
            "status": paid.row.status,
            "currency": paid.row.currency,
            "brand": paid.row.brand,
            "gateway": paid.row.gateway_name,
            "amount": max(step for step in AMOUNT_STEPS if step <= paid.row.amount),
        }
        for name, value in values.items():
            if value is not None:
                counts[name][value] += 1
    return {name: dict(found) for name, found in counts.items()}


@dataclass(frozen=True)
class Matches:
    """Ids that a text must find, and those that it may: they differ only for misspelt words."""

    must: list[str]
    may: list[str]


def matches(payments: list[Paid], text: str) -> Matches:
    """What ``text`` finds: words by their beginning, parts of words as they are; only where that is
    nothing, words a letter apart, and perhaps such as are two apart."""
    as_written = _found(payments, text, _near(0))
    if as_written:
        return Matches(as_written, as_written)
    return Matches(_found(payments, text, _near(1)), _found(payments, text, _near(2)))


Fits = Callable[[str, str], bool]


def _found(payments: list[Paid], text: str, fits: Fits) -> list[str]:
    asked = asked_words(text)
    return [
        str(paid.row.pk)
        for paid in payments
        if asked and all(_has(paid.words, whole, parts, fits) for whole, *parts in asked)
    ]


def _has(words: list[str], whole: str, parts: list[str], fits: Fits) -> bool:
    def is_there(part: str) -> bool:
        return any(fits(word, part) for word in words)

    is_whole = any(_begins(word, whole) for word in words) or is_there(whole)
    return is_whole or (bool(parts) and all(map(is_there, parts)))


def _begins(word: str, asked: str) -> bool:
    return may_be_beginning(asked) and word.startswith(asked)


def _near(letters: int) -> Fits:
    """Fits the word itself and, of letters alone, one that is so many letters apart."""

    def fits(word: str, asked: str) -> bool:
        both = may_be_misspelt(word) and may_be_misspelt(asked)
        return word == asked or (both and _distance(word, asked) <= letters)

    return fits


def _distance(one: str, other: str) -> int:
    """How many letters to add, drop, replace or swap with the next one (optimal string alignment)."""
    rows = [list(range(len(other) + 1))]
    for here, letter in enumerate(one, 1):
        row = [here]
        for there, wanted in enumerate(other, 1):
            steps = [rows[-1][there] + 1, row[-1] + 1, rows[-1][there - 1] + (letter != wanted)]
            is_swapped = here > 1 < there and (one[here - 2], letter) == (wanted, other[there - 2])
            if is_swapped:
                steps.append(rows[-2][there - 2] + 1)
            row.append(min(steps))
        rows.append(row)
    return rows[-1][-1]
