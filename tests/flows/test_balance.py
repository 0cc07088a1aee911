"""The balance: exact at every moment, folded or not, and explained by its entries."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from disputes.services.audit_books import audit_books
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from transactions.balances import fold_balances
from transactions.services.settle import settle_due


def entries(api: Api) -> list[dict]:
    return api.get("/v1/balance/entries", limit=100).json()["data"]


def test_folding_changes_nothing_that_is_read(api: Api) -> None:
    api.paid(amount=1000)
    before = api.balance()
    fold_balances()
    api.paid(amount=2000)

    assert before == {"pending": 941, "available": 0, "reserved": 0}
    assert api.balance() == {"pending": 941 + 1912, "available": 0, "reserved": 0}
    fold_balances()
    fold_balances()
    assert api.balance() == {"pending": 941 + 1912, "available": 0, "reserved": 0}


def test_entries_of_a_bucket_sum_up_to_its_balance(api: Api) -> None:
    transaction = api.paid(amount=1000)
    api.post("/v1/refunds", {"transaction": transaction["id"], "amount": 300})
    fold_balances()

    listed = entries(api)

    assert [(e["type"], e["bucket"], e["amount"]) for e in listed] == [
        ("refund", "available", -300),
        ("fee", "pending", -59),
        ("payment", "pending", 1000),
    ]
    assert {e["source"] for e in listed if e["type"] != "refund"} == {transaction["id"]}
    assert all(e["object"] == "balance_entry" and e["currency"] == "USD" for e in listed)


def test_settlement_moves_pending_money_after_the_delay(api: Api) -> None:
    api.paid(amount=1000)
    today = datetime.now(UTC).date()
    settle_due(today=today + timedelta(days=1))
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}

    settle_due(today=today + timedelta(days=2))
    settle_due(today=today + timedelta(days=2))

    assert api.balance() == {"pending": 0, "available": 941, "reserved": 0}
    settled = [e for e in entries(api) if e["type"] == "settlement"]
    assert sorted((e["bucket"], e["amount"]) for e in settled) == [
        ("available", 941),
        ("pending", -941),
    ]


def test_money_that_comes_late_to_a_settled_day_is_settled_by_the_next_run(api: Api) -> None:
    day = datetime.now(UTC).date() + timedelta(days=2)
    api.paid(amount=1000)
    settle_due(today=day)
    api.paid(amount=2000)

    settle_due(today=day)

    assert api.balance() == {"pending": 0, "available": 941 + 1912, "reserved": 0}


def test_chargeback_holds_amount_and_fee(api: Api) -> None:
    transaction = api.paid("4000000000000259", amount=1000)

    deliver_gateway_messages()

    assert api.transaction(transaction["id"])["status"] == "disputed"
    balance = api.balance()
    assert balance["pending"] == 941
    assert balance["available"] == -balance["reserved"]
    assert balance["reserved"] >= 1000


def test_inquiry_holds_nothing(api: Api) -> None:
    transaction = api.paid("4000000000001976", amount=1000)

    deliver_gateway_messages()

    assert api.transaction(transaction["id"])["status"] == "succeeded"
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}


def test_pages_of_entries_join_without_gap_or_overlap(api: Api) -> None:
    for _ in range(4):
        api.paid(amount=1000)
    everything = [e["id"] for e in entries(api)]
    assert len(everything) == 8

    seen: list[str] = []
    page = api.get("/v1/balance/entries", limit=3).json()
    seen += [e["id"] for e in page["data"]]
    while page["has_more"]:
        page = api.get("/v1/balance/entries", limit=3, starting_after=seen[-1]).json()
        seen += [e["id"] for e in page["data"]]

    assert seen == everything
    back = api.get("/v1/balance/entries", limit=3, ending_before=everything[4]).json()
    assert [e["id"] for e in back["data"]] == everything[1:4]


def test_test_and_live_money_are_apart(api: Api, live_api: Api) -> None:
    api.paid(amount=1000)
    live_api.paid(amount=2000)

    assert api.balance()["pending"] == 941
    assert live_api.balance()["pending"] == 1912


def test_the_books_balance(api: Api) -> None:
    for number in ("4242424242424242", "4000000000000002", "4000000000000077"):
        api.pay(number)
    transaction = api.paid(amount=1000)
    api.post("/v1/refunds", {"transaction": transaction["id"], "amount": 300})
    fold_balances()

    assert audit_books() == []


def test_entries_are_found_by_what_they_are_of(api: Api) -> None:
    paid = api.paid("4000000000000259", amount=1000)
    refund = api.post("/v1/refunds", {"transaction": paid["id"], "amount": 300}).json()
    deliver_gateway_messages()
    dispute = api.get("/v1/disputes").json()["data"][0]
    settle_due(today=datetime.now(UTC).date() + timedelta(days=2))
    (settlement,) = {e["source"] for e in entries(api) if e["type"] == "settlement"}

    for source, types in (
        (paid["id"], {"payment", "fee"}),
        (refund["id"], {"refund"}),
        (dispute["id"], {"dispute_hold"}),
        (settlement, {"settlement"}),
    ):
        found = api.get("/v1/balance/entries", source=source).json()["data"]
        assert {entry["type"] for entry in found} == types
        assert {entry["source"] for entry in found} == {source}


def test_source_of_nobody_or_of_another_does_not_exist(api: Api, other_api: Api) -> None:
    paid = api.paid(amount=1000)
    refund = api.post("/v1/refunds", {"transaction": paid["id"]}).json()

    for caller, source in ((api, str(uuid4())), (other_api, paid["id"]), (other_api, refund["id"])):
        response = caller.get("/v1/balance/entries", source=source)
        assert caller.error(response, 400, "resource_missing")["param"] == "source"
