"""The demo's chapter on reports: what they say against what the balance and its entries say."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

from payments_project.local.demo_walk import Merchant, Walk, new_key

# Longer than a demo is kept, and with the days to come still within a report's most.
_DAYS = 270


def reports(walk: Walk) -> None:
    """Balance, settlements and fees by day, summaries by day and month; each as CSV too."""
    _balance(walk)
    _settlements(walk)
    _fees(walk)
    _files(walk)
    for name in ("daily_summaries", "monthly_stats", "disputes"):
        answer = walk.answer(walk.merchant.get(f"/reports/{name}", limit=1))
        walk.equals(f"/reports/{name} is a list", answer["object"], "list")
    _refusals(walk)


def _balance(walk: Walk) -> None:
    # The worker settles while we read: both are read again until they are of the same moment.
    walk.eventually(
        "closing balances are the balance",
        lambda: {one["bucket"]: one["closing_balance"] for one in _buckets(walk)} == walk.balance(),
        True,
    )
    walk.holds(
        "opening balance and changes are the closing balance, bucket by bucket",
        all(
            one["opening_balance"] + sum(one["changes"].values()) == one["closing_balance"]
            for one in _buckets(walk)
        ),
        found=_buckets(walk),
    )


def _settlements(walk: Walk) -> None:
    def unpaid() -> int:
        rows = _rows(walk, "settlements")
        return sum(int(row["net_amount"]) - int(row["payout_amount"]) for row in rows)

    def kept() -> int:
        balance = walk.balance()
        return balance["pending"] + balance["available"]

    walk.eventually(
        "settlements less payouts are what is pending and available",
        lambda: unpaid() == kept(),
        True,
    )


def _fees(walk: Walk) -> None:
    def charged() -> int:
        return sum(int(row["payment_fee_amount"]) for row in _rows(walk, "fees"))

    def entered() -> int:
        begin = f"{_first_day()}T00:00:00Z"
        found = walk.entries(type="fee", created_at__gte=begin)
        return -sum(int(entry["amount"]) for entry in found)

    walk.eventually("fees are the fees of the entries", lambda: charged() == entered(), True)


def _files(walk: Walk) -> None:
    """The rows of JSON, with amounts as decimal numbers besides."""
    query = {"currency": walk.currency, "format": "csv", "from": _first_day()}
    response = walk.merchant.get("/reports/fees", **query)
    lines = list(csv.DictReader(io.StringIO(response.text, newline="")))
    walk.equals(
        f"format=csv is a file of {len(lines)} lines",
        (response.status_code, response.headers["Content-Type"], bool(lines)),
        (200, "text/csv; charset=utf-8", True),
    )
    first = _rows(walk, "fees")[0]
    volume = int(lines[0]["volume_amount"])
    # Every currency of the demo has two decimals.
    walk.equals(
        f"its amounts stand in both units: {lines[0]['volume_amount_decimal']} {walk.currency}",
        (lines[0]["id"], lines[0]["volume_amount_decimal"]),
        (first["id"], f"{volume // 100}.{volume % 100:02}"),
    )


def _refusals(walk: Walk) -> None:
    backwards = {"from": "2026-01-02", "to": "2026-01-01"}
    walk.refused(
        "a range that ends before it begins",
        walk.merchant.get("/reports/balance", **backwards),
        400,
        "parameter_invalid",
    )
    body = {"name": f"Demo {new_key()[:8]}", "type": "secret", "permissions": ["balance:read"]}
    made = walk.answer(walk.merchant.post("/api_keys", body), 201)
    limited = Merchant(walk.base_url, made["secret"])
    error = walk.refused(
        "a key that reads balances alone",
        limited.get("/reports/balance"),
        403,
        "permission_denied",
    )
    walk.holds("the error names reports:read", "reports:read" in error["message"], found=error)
    walk.answer(walk.merchant.post(f"/api_keys/{made['id']}/revoke"))


def _buckets(walk: Walk) -> list[dict[str, Any]]:
    answer = walk.answer(walk.merchant.get("/reports/balance", currency=walk.currency))
    found: list[dict[str, Any]] = answer["balances"]
    return found


def _rows(walk: Walk, name: str) -> list[dict[str, Any]]:
    query: dict[str, Any] = {"currency": walk.currency, "limit": 100, "from": _first_day()}
    found: list[dict[str, Any]] = walk.answer(walk.merchant.get(f"/reports/{name}", **query))[
        "data"
    ]
    return found


def _first_day() -> str:
    return (datetime.now(UTC) - timedelta(days=_DAYS)).date().isoformat()
