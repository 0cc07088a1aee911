"""The demo's chapters on money: payments, refunds, disputes, and the books behind them."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx

from payments_project.local.demo_walk import Breach, Walk, new_key, told

# A gateway's time-out of 30 s, the lease's 5, and the resolver's interval of 10; doubled.
UNKNOWN_SECONDS_MAX = 90
CLIENTS = 12
# The demo merchant has a bank account for it; see docs/payouts.md for what the amount does.
PAYOUT_CURRENCY = "USD"
FAILING_PAYOUT = 90_003


def unknown_outcomes_begin(walk: Walk) -> None:
    """Two payments whose gateway does not answer; how they end is seen further down."""
    for name, number in (
        ("charged", "4000000000006009"),
        ("not_charged", "4000000000006017"),
    ):
        transaction = walk.paid(number)
        walk.remembered[name] = transaction["id"]
        walk.equals(
            f"the gateway times out ({name.replace('_', ' ')}): 201 and pending, no guess",
            transaction["status"],
            "pending",
        )


def payments(walk: Walk) -> None:
    """One step: taken, declined, blocked, risky, at once available."""
    before = walk.balance()
    paid = walk.paid(
        amount=4_200, customer=walk.remembered["customer"], description="Two bags of beans"
    )
    walk.remembered["paid"] = paid["id"]
    walk.equals(
        "a payment is taken", (paid["status"], paid["captured_amount"]), ("succeeded", 4200)
    )
    walk.remembered["fee"] = paid["fee_amount"]
    walk.equals(
        f"the fee of {paid['fee_amount']} leaves {paid['net_amount']}, pending on the balance",
        walk.balance()["pending"] - before["pending"],
        4_200 - paid["fee_amount"],
    )
    for number, code, decline in (
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4100000000000019", "blocked_by_risk", None),
    ):
        error = walk.refused(f"declined ({decline or code})", walk.pay(number), 402, code)
        if (error["transaction"]["status"], error.get("decline_code")) != ("failed", decline):
            raise Breach(f"the failed transaction and {decline} are in the error\nfound: {error}")
    risky = walk.paid("4000000000004954")
    walk.equals("a risky one is taken and marked", risky["risk"]["level"], "high")
    walk.refused("gateway down", walk.pay("4000000000006025"), 503, "gateway_unavailable")
    before = walk.balance()
    direct = walk.paid("4000000000000077", amount=2_000)
    walk.equals(
        "a direct card's money is available at once",
        walk.balance()["available"] - before["available"],
        direct["net_amount"],
    )
    later = walk.paid("4000000000006033")
    walk.equals("an asynchronous one is captured first", later["status"], "captured")
    walk.eventually(
        "and succeeds by the gateway's callback",
        lambda: walk.transaction(later["id"])["status"],
        "succeeded",
    )


def authorizations(walk: Walk) -> None:
    """Two steps: authorize, then capture in part or cancel."""
    api = walk.merchant
    held = walk.paid(amount=10_000, capture=False)
    walk.equals("10,000 are held", (held["status"], held["captured_amount"]), ("authorized", None))
    path = f"/transactions/{held['id']}"
    walk.refused(
        "capturing more than is held",
        api.post(f"{path}/capture", {"amount": 10_001}),
        409,
        "amount_exceeds_capturable",
    )
    captured = walk.answer(api.post(f"{path}/capture", {"amount": 6_000}))
    walk.equals(
        "6,000 are captured, the rest is released",
        (captured["status"], captured["captured_amount"]),
        ("succeeded", 6_000),
    )
    walk.refused("capturing again", api.post(f"{path}/capture"), 409, "transaction_state_invalid")
    steps = walk.answer(api.get(f"{path}/timeline"))["data"]
    walk.equals(
        "the timeline tells every state",
        [step["status"] for step in steps],
        ["pending", "authorized", "succeeded"],
    )
    whole = walk.paid(amount=2_500, capture=False)
    captured = walk.answer(api.post(f"/transactions/{whole['id']}/capture"))
    walk.equals(
        "another is captured in full",
        (captured["status"], captured["captured_amount"]),
        ("succeeded", 2_500),
    )
    other = walk.paid(amount=10_000, capture=False)
    cancelled = walk.answer(api.post(f"/transactions/{other['id']}/cancel"))
    walk.equals("a third is cancelled", cancelled["status"], "cancelled")
    walk.refused(
        "capturing what was cancelled",
        api.post(f"/transactions/{other['id']}/capture"),
        409,
        "transaction_state_invalid",
    )


def idempotency(walk: Walk) -> None:
    """One key, one payment: again, at once from many clients, and with another body."""
    token = walk.remembered["card"]
    body = {"amount": 700, "currency": walk.currency, "payment_method": token}
    key = new_key()
    first = walk.merchant.post("/transactions", body, key=key)
    second = walk.merchant.post("/transactions", body, key=key)
    walk.holds(
        "the same key again: the same answer, marked as replayed",
        first.status_code == 201
        and second.content == first.content
        and second.headers.get("Idempotent-Replayed") == "true",
        found=told(second),
    )
    walk.refused(
        "the same key with another amount",
        walk.merchant.post("/transactions", body | {"amount": 701}, key=key),
        400,
        "idempotency_key_reused",
    )
    key = new_key()
    customers = [
        walk.answer(walk.merchant.post("/customers", {"name": "Grace Murray"}, key=key), 201)
        for _ in range(2)
    ]
    walk.equals("a reply with personal data is replayed too", customers[1], customers[0])
    key, mark = new_key(), new_key()
    body |= {"metadata": {"demo": mark}}
    answers = _at_once(lambda: walk.merchant.post("/transactions", body, key=key))
    in_use = [one for one in answers if one.status_code == 409]
    made = {one.json()["id"] for one in answers if one.status_code == 201}
    codes = {one.json()["error"]["code"] for one in in_use}
    walk.holds(
        f"{CLIENTS} clients at once with one key: one payment ({len(in_use)} were told to wait)",
        len(made) == 1 and codes <= {"idempotency_key_in_use"},
        found=Counter(one.status_code for one in answers),
    )
    newest = walk.answer(walk.merchant.get("/transactions", payment_method=token, limit=100))
    charged = [one for one in newest["data"] if one["metadata"].get("demo") == mark]
    walk.equals("and one on the list", len(charged), 1)


def refunds(walk: Walk) -> None:
    """Full, partial, concurrent, pending and failed ones; never more than was captured."""
    paid = walk.paid(amount=1_000)
    refund = walk.answer(walk.refund(paid, amount=300, reason="damaged"), 201)
    walk.equals(
        "300 of 1,000 are refunded", (refund["amount"], refund["status"]), (300, "succeeded")
    )
    walk.refused("701 more", walk.refund(paid, amount=701), 409, "amount_exceeds_refundable")
    walk.equals("the rest by default", walk.answer(walk.refund(paid), 201)["amount"], 700)
    walk.equals("the payment is refunded", walk.transaction(paid["id"])["status"], "refunded")

    paid = walk.paid(amount=1_000)
    answers = _at_once(lambda: walk.refund(paid, amount=300))
    statuses = Counter(answer.status_code for answer in answers)
    walk.equals(
        f"{CLIENTS} clients refund 300 of 1,000 at once: three succeed",
        dict(statuses),
        {201: 3, 409: CLIENTS - 3},
    )
    walk.equals("900 are refunded", walk.transaction(paid["id"])["refunded_amount"], 900)
    listed = walk.answer(walk.merchant.get(f"/transactions/{paid['id']}", expand__="refunds"))
    walk.equals("expand[]=refunds lists them", len(listed["refunds"]["data"]), 3)

    slow = walk.paid("4000000000007726", amount=1_000)
    called_off = walk.answer(walk.refund(slow), 201)
    cancelled = walk.answer(walk.merchant.post(f"/refunds/{called_off['id']}/cancel"))
    walk.equals("a pending refund is cancelled", cancelled["status"], "cancelled")
    pending = walk.answer(walk.refund(slow), 201)
    walk.equals("a refund that the bank confirms later is pending", pending["status"], "pending")
    walk.refused("refunding it again", walk.refund(slow), 409, "amount_exceeds_refundable")
    walk.eventually("it succeeds", lambda: _refund_status(walk, pending["id"]), "succeeded")
    doomed = walk.paid("4000000000005126", amount=1_000)
    failing = walk.answer(walk.refund(doomed), 201)
    walk.eventually(
        "a refund that the bank returns fails",
        lambda: _refund_status(walk, failing["id"]),
        "failed",
    )
    after = walk.transaction(doomed["id"])
    walk.equals(
        "and its money is the merchant's again",
        (after["status"], after["refunded_amount"]),
        ("succeeded", 0),
    )


def recorded_payments(walk: Walk) -> None:
    """A payment that was taken elsewhere, with its refund: all or nothing."""
    sale = {
        "amount": 5_000,
        "currency": walk.currency,
        "payment_method_type": "cash",
        "external_reference": f"till-{new_key()[:8]}",
        "fee_amount": 25,
    }
    path = "/transactions/record"
    before = walk.balance()
    walk.refused(
        "with a refund above its amount",
        walk.merchant.post(path, sale | {"refund": {"amount": 5_001}}),
        409,
        "amount_exceeds_refundable",
    )
    walk.equals("nothing was recorded", walk.balance(), before)
    made = walk.answer(
        walk.merchant.post(path, sale | {"refund": {"amount": 2_000, "reason": "returned"}}), 201
    )
    walk.equals(
        "5,000 in cash are recorded, 2,000 of it refunded",
        (made["status"], made["refunded_amount"]),
        ("succeeded", 2_000),
    )
    walk.equals(
        "the balance has moved by what is left of it, less the fee",
        walk.balance()["available"] - before["available"],
        2_975,
    )
    walk.refused(
        "the same reference again",
        walk.merchant.post(path, sale),
        409,
        "external_reference_used",
    )


def disputes(walk: Walk) -> None:
    """A cardholder disputes a payment: the money is held; an inquiry holds nothing."""
    charged = walk.paid("4000000000000259", amount=3_000)
    inquired = walk.paid("4000000000001976", amount=3_000)
    walk.eventually(
        "the payment is disputed",
        lambda: walk.transaction(charged["id"])["status"],
        "disputed",
    )
    [dispute] = _disputes(walk, charged)
    walk.equals(
        f"the dispute is open, to be answered by {dispute['due_date']}",
        (dispute["dispute_type"], dispute["amount"], dispute["status"]),
        ("chargeback", 3_000, "open"),
    )
    held = [entry["amount"] for entry in walk.entries(source=dispute["id"], bucket="reserved")]
    walk.holds("its amount is reserved on the balance", sum(held) >= 3_000, found=held)
    walk.eventually("the other one is inquired about", lambda: len(_disputes(walk, inquired)), 1)
    walk.equals("which does not change it", walk.transaction(inquired["id"])["status"], "succeeded")
    _answer(walk, charged, dispute["id"])


def _answer(walk: Walk, charged: dict[str, str], dispute_id: str) -> None:
    """Evidence is staged, shown with a file, sent once, and wins."""
    path = f"/disputes/{dispute_id}"
    receipt = walk.answer(
        walk.merchant.http.post(
            "/v1/files",
            data={"purpose": "dispute_evidence"},
            files={"file": ("receipt.pdf", b"%PDF-1.7\n%%EOF\n")},
        ),
        201,
    )
    walk.equals(
        "a receipt is uploaded, and told by its content", receipt["type"], "application/pdf"
    )
    evidence = {"receipt": receipt["id"], "uncategorized_text": "winning_evidence"}
    staged = walk.answer(walk.merchant.post(path, {"evidence": evidence}))
    walk.equals("evidence is staged", (staged["status"], staged["evidence"]), ("open", evidence))
    sent = walk.answer(walk.merchant.post(path, {"submit": True}))
    walk.equals("and submitted", sent["status"], "under_review")
    walk.refused(
        "once", walk.merchant.post(path, {"submit": True}), 409, "evidence_already_submitted"
    )
    walk.eventually(
        "the dispute is won",
        lambda: walk.answer(walk.merchant.get(path))["status"],
        "won",
    )
    held = [entry["amount"] for entry in walk.entries(source=dispute_id, bucket="reserved")]
    walk.equals("nothing is reserved for it any more", sum(held), 0)
    walk.equals("the payment stands", walk.transaction(charged["id"])["status"], "succeeded")


def payouts(walk: Walk) -> None:
    """Available money goes to the bank: set aside at once, paid some seconds later."""
    api = walk.merchant
    other_currency, walk.currency = walk.currency, PAYOUT_CURRENCY
    try:
        walk.paid("4000000000000077", amount=150_000)
        before = walk.balance()["available"]
        body = {"amount": 1_500, "currency": walk.currency, "description": "Demo"}
        made = walk.answer(api.post("/payouts", body, key=new_key()), 201)
        walk.equals("15.00 are on their way", (made["status"], made["amount"]), ("pending", 1_500))
        walk.equals("and set aside at once", before - walk.balance()["available"], made["amount"])
        too_much = {"amount": max(before, 0) + 1, "currency": walk.currency}
        walk.refused(
            "more than is available", api.post("/payouts", too_much), 409, "balance_insufficient"
        )
        failing = walk.answer(api.post("/payouts", body | {"amount": FAILING_PAYOUT}), 201)
        for what, payout, status in (
            ("the bank pays", made, "paid"),
            ("a test amount fails at the bank", failing, "failed"),
        ):
            walk.eventually(what, partial(_payout_status, walk, payout["id"]), status)
        booked = [entry["amount"] for entry in walk.entries(source=failing["id"])]
        walk.equals("and its money has come back", sum(booked), 0)
    finally:
        walk.currency = other_currency


def unknown_outcomes_end(walk: Walk) -> None:
    """The gateway was asked, not guessed: one was charged, the other was not."""
    for what, name, status in (
        ("the one that was charged has succeeded", "charged", "succeeded"),
        ("the one that was not has failed", "not_charged", "failed"),
    ):
        look = partial(_status, walk, walk.remembered[name])
        walk.eventually(what, look, status, seconds_max=UNKNOWN_SECONDS_MAX)


def books(walk: Walk) -> None:
    """Every minor unit of the balance is explained by its entries."""
    sums = dict.fromkeys(("pending", "available", "reserved"), 0)
    entries = walk.entries()
    for entry in entries:
        sums[entry["bucket"]] += entry["amount"]
    walk.equals(
        f"{len(entries)} entries in {walk.currency} sum up to the balance", sums, walk.balance()
    )
    paid = walk.entries(source=walk.remembered["paid"])
    walk.equals(
        "the first payment's: what was paid, and the fee",
        sorted((entry["type"], entry["amount"]) for entry in paid),
        [("fee", -walk.remembered["fee"]), ("payment", 4_200)],
    )


def _at_once(call: Callable[[], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        return [one.result() for one in [pool.submit(call) for _ in range(CLIENTS)]]


def _status(walk: Walk, transaction_id: str) -> str:
    return str(walk.transaction(transaction_id)["status"])


def _payout_status(walk: Walk, payout_id: str) -> str:
    return str(walk.answer(walk.merchant.get(f"/payouts/{payout_id}"))["status"])


def _refund_status(walk: Walk, refund_id: str) -> str:
    return str(walk.answer(walk.merchant.get(f"/refunds/{refund_id}"))["status"])


def _disputes(walk: Walk, transaction: dict[str, str]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = walk.answer(
        walk.merchant.get("/disputes", transaction=transaction["id"])
    )["data"]
    return found
