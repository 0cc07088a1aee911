"""What search shows follows what the tables say, in whatever order events come."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from analytics.models import TransactionWords
from analytics.search.consumers import SEARCH_WORDS
from analytics.search.content import read_payments
from analytics.search.transaction_words import write_words
from merchants.models import Customer
from payments_project.database.transaction_manager import run_in_transaction
from tests.analytics.search.searching import (
    CONSUMERS,
    ELASTICSEARCH,
    catch_up,
    document_of,
    ids,
    search,
)
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from tests.payments_project.events.reading import consume_until, consuming, wait_until
from tests.threads import at_once
from transactions.models import Transaction
from transactions.services.raise_revision import raise_revisions_of_customer

DISPUTED = "4000000000000259"
INQUIRY = "4000000000001976"


def revision_of(payment: dict[str, Any]) -> int:
    return Transaction.objects.get(pk=payment["id"]).revision


def customer_with_payment(api: Api, email: str) -> tuple[str, dict[str, Any]]:
    customer = api.post("/v1/customers", {"email": email}).json()["id"]
    card = api.card(customer=customer)
    payment = api.post(
        "/v1/transactions",
        {"amount": 500, "currency": "USD", "payment_method": card, "customer": customer},
    ).json()
    return customer, payment


def test_a_customers_new_address_finds_the_payments_and_the_old_one_none(
    shop: Api, engine: str
) -> None:
    customer, payment = customer_with_payment(shop, "ann@before.test")
    catch_up(shop, engine)
    before = revision_of(payment)

    shop.patch(f"/v1/customers/{customer}", {"email": "ann@after.test"})
    catch_up(shop, engine)

    assert ids(search(shop, q="ann@after.test")) == [payment["id"]]
    assert search(shop, q="ann@before.test")["total"] == 0
    assert revision_of(payment) > before


def test_a_deleted_customers_address_is_erased(shop: Api, engine: str) -> None:
    customer, payment = customer_with_payment(shop, "ann@erased.test")
    catch_up(shop, engine)

    shop.delete(f"/v1/customers/{customer}")
    catch_up(shop, engine)

    assert search(shop, q="ann@erased.test")["total"] == 0
    assert ids(search(shop, customer=customer)) == [payment["id"]]
    words = TransactionWords.objects.filter(pk=payment["id"]).values_list("words", flat=True)
    assert not any("erased" in text for text in words)
    if engine == ELASTICSEARCH:
        assert "erased" not in str(document_of(payment["id"]))


def test_other_changes_of_a_customer_touch_no_payment(shop: Api, engine: str) -> None:
    customer, payment = customer_with_payment(shop, "ann@same.test")
    catch_up(shop, engine)
    before = revision_of(payment)

    shop.patch(f"/v1/customers/{customer}", {"metadata": {"tier": "gold"}})
    shop.patch(f"/v1/customers/{customer}", {"email": "ann@same.test", "name": "Ann"})
    catch_up(shop, engine)

    assert revision_of(payment) == before


def test_all_payments_of_a_customer_are_found_by_the_new_address(
    shop: Api, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.search.consumers.CUSTOMER_PAYMENTS", 2)
    customer = shop.post("/v1/customers", {"email": "ann@many.test"}).json()["id"]
    card = shop.card(customer=customer)
    body = {"amount": 500, "currency": "USD", "payment_method": card, "customer": customer}
    made = [shop.post("/v1/transactions", body).json()["id"] for _ in range(5)]
    catch_up(shop, engine)

    shop.patch(f"/v1/customers/{customer}", {"email": "ann@moved.test"})
    catch_up(shop, engine)

    assert sorted(ids(search(shop, q="ann@moved.test"))) == sorted(made)


def test_both_engines_raise_a_customers_payments_once_together(
    shop: Api, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.search.consumers.CUSTOMER_PAYMENTS", 2)
    customer, payment = customer_with_payment(shop, "ann@once.test")
    catch_up(shop, engine)
    before = revision_of(payment)
    shop.patch(f"/v1/customers/{customer}", {"email": "ann@twice.test"})
    known = Customer.objects.get(pk=customer)

    def ask(_: int) -> bool:
        return run_in_transaction(
            lambda: raise_revisions_of_customer(
                customer_id=known.pk, sequence=known.email_sequence, limit=2
            )
        )

    assert all(at_once(4, ask))
    catch_up(shop, engine)

    assert revision_of(payment) == before + 1
    assert ids(search(shop, q="ann@twice.test")) == [payment["id"]]


def test_new_description_and_metadata_are_found(shop: Api, engine: str) -> None:
    payment = shop.paid(description="kettle", metadata={"order": "A-100"})
    catch_up(shop, engine)

    shop.patch(
        f"/v1/transactions/{payment['id']}",
        {"description": "teapot", "metadata": {"order": "B-200"}},
    )
    catch_up(shop, engine)

    assert ids(search(shop, q="teapot b-200")) == [payment["id"]]
    assert search(shop, q="kettle")["total"] == 0
    assert search(shop, q="a-100")["total"] == 0


def test_what_was_written_later_stays_whatever_comes_late(shop: Api, engine: str) -> None:
    payment = shop.paid(description="kettle")
    [early] = read_payments([uuid.UUID(payment["id"])])
    shop.patch(f"/v1/transactions/{payment['id']}", {"description": "teapot"})
    catch_up(shop, engine)

    if engine == ELASTICSEARCH:
        from analytics.search.elastic.indices import written_indices
        from analytics.search.elastic.write import write_payments

        write_payments([[early]], targets=written_indices())
        assert document_of(payment["id"])["description"] == "teapot"
    else:
        assert write_words([[early]]) == 0
    assert ids(search(shop, q="teapot")) == [payment["id"]]


def test_words_are_kept_of_payments_of_long_ago(shop: Api, settings: Any) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = ""
    recorded = shop.post(
        "/v1/transactions/record",
        {
            "amount": 700,
            "currency": "USD",
            "payment_method_type": "cash",
            "external_reference": f"till 7/{uuid.uuid4().hex[:8]}",
            "occurred_at": "2021-03-04T10:00:00Z",
            "description": "Market stall",
        },
    ).json()
    catch_up(shop, shop_engine := search(shop)["engine"])

    assert shop_engine
    assert ids(search(shop, q="market stall")) == [recorded["id"]]
    assert ids(search(shop, q=recorded["gateway"]["transaction_id"])) == [recorded["id"]]
    assert ids(search(shop, q="stall", **{"created_at[lt]": "2021-04-01T00:00:00Z"})) == [
        recorded["id"]
    ]


@pytest.mark.stack
@pytest.mark.parametrize("engine", [ELASTICSEARCH], indirect=True)
def test_documents_show_refunds_and_disputes(shop: Api, engine: str) -> None:
    payment = shop.paid(amount=1000, metadata={"order": "ORD-1"}, description="mug")
    shop.post("/v1/refunds", {"transaction": payment["id"], "amount": 300, "reason": "broken"})
    catch_up(shop, engine)

    document = document_of(payment["id"])
    assert document["refunds"] == [{"status": "succeeded", "amount": 300, "reason": "broken"}]
    assert document["refunded_amount"] == 300
    assert document["metadata"] == {"order": "ORD-1"}
    assert document["last_four"] == "4242"
    assert document["revision"] == revision_of(payment)

    disputed = shop.paid(DISPUTED, amount=900)
    deliver_gateway_messages()
    catch_up(shop, engine)
    [dispute] = document_of(disputed["id"])["disputes"]
    assert (dispute["type"], dispute["status"], dispute["amount"]) == ("chargeback", "open", 900)
    before = revision_of(disputed)

    [open_dispute] = shop.get("/v1/disputes").json()["data"]
    shop.post(f"/v1/disputes/{open_dispute['id']}/accept")
    deliver_gateway_messages()
    catch_up(shop, engine)

    [dispute] = document_of(disputed["id"])["disputes"]
    assert dispute["status"] == "lost"
    assert revision_of(disputed) > before


def test_every_change_of_a_refund_or_dispute_raises_the_revision(api: Api) -> None:
    pending = api.paid("4000000000007726", amount=1000)
    before = revision_of(pending)
    refund = api.post("/v1/refunds", {"transaction": pending["id"], "amount": 400}).json()
    reserved = revision_of(pending)
    assert reserved > before
    deliver_gateway_messages()
    assert api.get(f"/v1/refunds/{refund['id']}").json()["status"] == "succeeded"
    assert revision_of(pending) > reserved

    asked = api.paid(INQUIRY, amount=1000)
    before = revision_of(asked)
    deliver_gateway_messages()
    opened = revision_of(asked)
    assert opened > before, "an inquiry moves no money"
    [dispute] = api.get("/v1/disputes").json()["data"]
    api.post(
        f"/v1/disputes/{dispute['id']}",
        {"evidence": {"uncategorized_text": "It was delivered."}, "submit": True},
    )
    assert api.get(f"/v1/disputes/{dispute['id']}").json()["status"] == "under_review"
    assert revision_of(asked) > opened


def test_how_far_a_consumer_has_come_is_told_with_nothing_to_do(shop: Api, engine: str) -> None:
    catch_up(shop, engine)
    first = search(shop, q="anything")["indexed_up_to"]

    consume_until(CONSUMERS[engine], lambda: search(shop, q="anything")["indexed_up_to"] > first)


def test_the_first_answer_that_says_to_know_of_a_payment_finds_it(shop: Api, engine: str) -> None:
    catch_up(shop, engine)
    answers: list[dict[str, Any]] = []

    def knows(made: datetime) -> bool:
        answers.append(search(shop, q="lamp"))
        reached = answers[-1]["indexed_up_to"]
        return reached is not None and datetime.fromisoformat(reached) > made

    with consuming(CONSUMERS[engine]):
        for count in range(1, 5):
            # Searches of the same second are answered from one point in time.
            search(shop, q="lamp")
            shop.paid(description="lamp")
            made = datetime.now(UTC)
            wait_until(lambda made=made: knows(made), seconds=30)

            assert (answers[-1]["engine"], answers[-1]["total"]) == (engine, count)


def test_an_event_of_a_payment_that_there_is_not_is_passed_over() -> None:
    assert read_payments([uuid.uuid4()]) == []
    SEARCH_WORDS.handle([])


def test_only_the_last_told_address_is_written(api: Api) -> None:
    customer = api.post("/v1/customers", {"email": "a@x.test"}).json()["id"]
    assert Customer.objects.get(pk=customer).email_sequence == 0
    api.patch(f"/v1/customers/{customer}", {"email": "b@x.test"})
    assert Customer.objects.get(pk=customer).email_sequence == 2
    api.patch(f"/v1/customers/{customer}", {"metadata": {"a": "b"}})
    assert Customer.objects.get(pk=customer).email_sequence == 2
    api.delete(f"/v1/customers/{customer}")
    assert Customer.objects.get(pk=customer).email_sequence == 4
