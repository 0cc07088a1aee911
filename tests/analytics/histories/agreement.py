"""That all which tells of a history tells the same. What differs is named, a line each."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from analytics.models import DailyTransactionSummary, MerchantMonthlyStats, TransactionWords
from analytics.services.refresh_monthly_stats import refresh_monthly_stats
from analytics.services.roll_up_due_days import roll_up_due_days
from disputes.services.audit_books import audit_books
from tests.analytics.histories import reckoning
from tests.analytics.histories.reckoning import BUCKETS, FACETS, FOUR_PLACES, NAMES, Paid
from tests.analytics.histories.world import SHOPS, World
from tests.analytics.reports.reading import report, rows
from tests.analytics.search.searching import ELASTICSEARCH, ids, is_searched, search
from tests.api_client import Api
from tests.payments_project.events.reading import wait_until
from transactions.balances import fold_balances

# Of the texts that were used so many are looked for, and so many payments are on a page.
ASKED = 6
PAGE = 5
MONTHS = ("transaction_count", "successful_count", "total_amount", "avg_amount", "high_risk_count")


def everything_agrees(world: World, *, seed: int = 0) -> None:
    """Once all is handled and computed. ``seed`` chooses what is searched for."""
    began = datetime.now(UTC)
    tables_agree(world)
    # Searches of a second share a point in time.
    wait_until(
        lambda: is_searched(world.apis[0], world.engine, since=began), seconds=5, what="search"
    )
    for name, api in zip(SHOPS, world.apis, strict=True):
        payments = reckoning.payments_of(api.scope)
        _search_agrees(name, api, payments, world.engine)
        for text in _asked(world.texts, random.Random(seed)):
            _text_finds(name, api, payments, text)


def tables_agree(world: World) -> None:
    """The same of all that is kept, without what is searched for."""
    world.settle_down()
    roll_up_due_days()
    refresh_monthly_stats()
    fold_balances()
    found = [row for row in audit_books() if row not in world.findings_before]
    agree("audit", {row.check: row for row in found}, {})
    for name, api in zip(SHOPS, world.apis, strict=True):
        payments = reckoning.payments_of(api.scope)
        _summaries_agree(name, api, payments)
        _months_agree(name, api, payments)
        _ledger_agrees(name, api, payments)
        _words_agree(name, payments)
        if world.engine == ELASTICSEARCH:
            _documents_agree(name, payments)


def agree(what: str, found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    """Fails with every key whose values differ."""
    wrong = [
        f"{what}, {key}: found {found.get(key)}, expected {expected.get(key)}"
        for key in sorted({**found, **expected}, key=str)
        if found.get(key) != expected.get(key)
    ]
    assert not wrong, "\n".join(wrong)


def _flat(rows_by_key: Mapping[Any, Mapping[str, Any]]) -> dict[tuple[Any, str], Any]:
    """A value a key, so that a difference names its column."""
    return {(key, name): row[name] for key, row in rows_by_key.items() for name in row}


def _summaries_agree(shop: str, api: Api, payments: list[Paid]) -> None:
    expected = _flat(reckoning.daily_summaries(payments))
    stored = DailyTransactionSummary.objects.filter(
        merchant_id=api.scope.merchant_id, environment=api.scope.environment
    )
    table = {
        (f"{row.summary_date}", row.currency): {name: getattr(row, name) for name in NAMES}
        for row in stored
    }
    agree(f"{shop}: daily summaries", _flat(table), expected)
    told = {
        (row["summary_date"], row["currency"]): {
            name: Decimal(str(row[name])) if name == "success_rate" else row[name] for name in NAMES
        }
        for row in rows(api, "daily_summaries")
    }
    agree(f"{shop}: report of daily summaries", _flat(told), expected)


def _months_agree(shop: str, api: Api, payments: list[Paid]) -> None:
    stored = MerchantMonthlyStats.objects.filter(
        merchant_id=api.scope.merchant_id, environment=api.scope.environment
    )
    found = {
        (f"{row.month.astimezone(UTC):%Y-%m}", row.currency): {
            name: getattr(row, name) for name in MONTHS
        }
        for row in stored
    }
    for row in found.values():
        if row["avg_amount"] is not None:
            row["avg_amount"] = row["avg_amount"].quantize(FOUR_PLACES)
    expected = reckoning.monthly_stats(payments, now=datetime.now(UTC))
    agree(f"{shop}: months", _flat(found), _flat(expected))


def _ledger_agrees(shop: str, api: Api, payments: list[Paid]) -> None:
    agree(f"{shop}: ledger", reckoning.entries(api.scope), reckoning.ledger(payments))
    expected = reckoning.balances(api.scope)
    balance = {
        (row["currency"], bucket): row[bucket]
        for row in api.get("/v1/balance").json()["balances"]
        for bucket in BUCKETS
        if row[bucket]
    }
    agree(f"{shop}: balance", balance, expected)
    closing = {
        (row["currency"], row["bucket"]): row["closing_balance"]
        for row in report(api, "balance")["balances"]
        if row["closing_balance"]
    }
    agree(f"{shop}: closing balance", closing, expected)


def _search_agrees(shop: str, api: Api, payments: list[Paid], engine: str) -> None:
    answer = search(api, facets=",".join(FACETS))
    told = {
        name: {row["value"]: row["count"] for row in values}
        for name, values in answer["facets"].items()
    }
    agree(
        f"{shop}: search",
        {"engine": answer["engine"], "total": answer["total"], **_flat(told)},
        {"engine": engine, "total": len(payments), **_flat(reckoning.facets(payments))},
    )


def _asked(texts: list[str], chosen: random.Random) -> list[str]:
    """Some of the texts: as they are, a word of them, its beginning, or with a letter too few."""
    known = sorted({text for text in texts if text})
    asked = []
    for text in chosen.sample(known, min(ASKED, len(known))):
        word = chosen.choice(text.split())
        place = chosen.randrange(len(word))
        asked += [chosen.choice([text, word, word[:4], word[:place] + word[place + 1 :]])]
    return [text for text in asked if text]


def _text_finds(shop: str, api: Api, payments: list[Paid], text: str) -> None:
    wanted = reckoning.matches(payments, text)
    found = _all_pages(api, text)
    missing = [key for key in wanted.must if key not in found]
    beside = [key for key in found if key not in wanted.may]
    assert not missing, f"{shop}: search {text!r} does not find {missing}"
    assert not beside, f"{shop}: search {text!r} finds {beside} too"
    assert found == sorted(found, reverse=True), f"{shop}: search {text!r} is out of order"


def _all_pages(api: Api, text: str) -> list[str]:
    found: list[str] = []
    page: dict[str, Any] = {}
    while True:
        answer = search(api, q=text, limit=PAGE, **page)
        found += ids(answer)
        if not answer["has_more"]:
            assert answer["total"] == len(found) == len(set(found)), f"search {text!r}: {answer}"
            return found
        page = {"page": answer["next_page"]}


def _words_agree(shop: str, payments: list[Paid]) -> None:
    known = TransactionWords.objects.filter(pk__in=[paid.row.pk for paid in payments])
    found = dict(known.values_list("pk", "revision"))
    agree(
        f"{shop}: revisions of words",
        found,
        {paid.row.pk: paid.row.revision for paid in payments},
    )


def _documents_agree(shop: str, payments: list[Paid]) -> None:
    if not payments:
        return
    from analytics.search.elastic.client import client
    from analytics.search.elastic.documents import ALIAS

    found = client().mget(index=ALIAS, ids=[str(paid.row.pk) for paid in payments])["docs"]
    documents = {
        doc["_id"]: {"version": doc["_version"], **_shown(doc["_source"])}
        for doc in found
        if doc["found"]
    }
    expected = {
        str(paid.row.pk): _document(paid) | {"version": paid.row.revision} for paid in payments
    }
    agree(f"{shop}: documents", _flat(documents), _flat(expected))


_SHOWN = (
    "revision", "merchant_id", "environment", "status", "amount", "currency", "captured_amount",
    "refunded_amount", "fee_amount", "brand", "last_four", "gateway_name", "risk_level",
    "decline_code", "description", "metadata", "customer_email", "refunds", "disputes",
)  # fmt: skip


def _shown(source: Mapping[str, Any]) -> dict[str, Any]:
    return {name: source[name] for name in _SHOWN}


def _document(paid: Paid) -> dict[str, Any]:
    row = paid.row
    own = {name: getattr(row, name, None) for name in _SHOWN}
    return own | {
        "merchant_id": str(row.merchant_id),
        "metadata": row.metadata or {},
        "customer_email": paid.email,
        "refunds": [
            {"status": refund.status, "amount": refund.amount, "reason": refund.reason}
            for refund in paid.refunds
        ],
        "disputes": [
            {
                "type": dispute.dispute_type,
                "status": dispute.status,
                "amount": dispute.amount,
                "reason_code": dispute.reason_code,
            }
            for dispute in paid.disputes
        ],
    }
