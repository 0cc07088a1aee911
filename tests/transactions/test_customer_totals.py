"""What customers paid, told by the events of their payments."""

from typing import Any

import pytest
from django.db import connection

from merchants.models import Customer, CustomerTotal, Merchant
from tests.api_client import VISA, Api
from tests.payments_project.events.reading import born_now, consume_until
from tests.threads import at_once
from transactions.services.total_customers import CUSTOMER_TOTALS, total_customers


@pytest.fixture
def customer(api: Api) -> str:
    made: str = api.post("/v1/customers", {"email": "payer@shop.test"}).json()["id"]
    return made


def pay(api: Api, customer: str, **values: Any) -> dict[str, Any]:
    number = values.pop("number", VISA)
    card = api.post(
        "/v1/payment_methods",
        {
            "type": "card",
            "card": {"number": number, "exp_month": 12, "exp_year": 2034},
            "customer": customer,
        },
    ).json()["id"]
    response = api.post(
        "/v1/transactions",
        {"amount": 1000, "currency": "USD", "payment_method": card, **values},
    )
    payment: dict[str, Any] = response.json()
    return payment.get("error", {}).get("transaction", payment)


def read(api: Api, customer: str) -> dict[str, Any]:
    answer: dict[str, Any] = api.get(f"/v1/customers/{customer}").json()
    return answer


def test_totals_follow_the_events(api: Api, customer: str) -> None:
    born_now(CUSTOMER_TOTALS.cursor)
    first = pay(api, customer)
    pay(api, customer, amount=250)
    last = pay(api, customer, amount=700, currency="EUR")
    pay(api, customer, number="4000000000000002")
    pay(api, customer, capture=False)

    consume_until(CUSTOMER_TOTALS, lambda: read(api, customer)["total_transactions"] == 3)

    told = read(api, customer)
    assert told["total_amounts"] == {"EUR": 700, "USD": 1250}
    assert told["first_transaction_at"] == first["created_at"]
    assert told["last_transaction_at"] == last["created_at"]
    stored = Customer.objects.get(pk=customer)
    assert stored.total_amount == 1250, "the settlement currency's"


def test_a_refund_takes_nothing_from_what_was_paid(api: Api, customer: str) -> None:
    payment = pay(api, customer)
    api.post("/v1/refunds", {"transaction": payment["id"]})

    total_customers([Customer.objects.get(pk=customer).pk])

    told = read(api, customer)
    assert (told["total_transactions"], told["total_amounts"]) == (1, {"USD": 1000})


def test_a_partial_capture_counts_what_was_captured(api: Api, customer: str) -> None:
    payment = pay(api, customer, capture=False)
    api.post(f"/v1/transactions/{payment['id']}/capture", {"amount": 400})

    total_customers([Customer.objects.get(pk=customer).pk])

    assert read(api, customer)["total_amounts"] == {"USD": 400}


def test_counting_again_or_at_once_changes_nothing(api: Api, customer: str) -> None:
    for _ in range(3):
        pay(api, customer)
    identity = Customer.objects.get(pk=customer).pk

    at_once(6, lambda _: total_customers([identity]))
    total_customers([identity, identity])

    told = read(api, customer)
    assert (told["total_transactions"], told["total_amounts"]) == (3, {"USD": 3000})


def test_wrong_totals_are_right_after_the_next_payment(api: Api, customer: str) -> None:
    Customer.objects.filter(pk=customer).update(total_transactions=99, total_amount=1)
    CustomerTotal.objects.create(customer_id=customer, currency="USD", amount=5)
    payment = pay(api, customer)

    total_customers([Customer.objects.get(pk=customer).pk])

    told = read(api, customer)
    assert (told["total_transactions"], told["total_amounts"]) == (1, {"USD": 1000})
    assert told["first_transaction_at"] == payment["created_at"]


def test_the_total_is_in_the_merchant_s_settlement_currency(api: Api, customer: str) -> None:
    Merchant.objects.filter(pk=api.scope.merchant_id).update(settlement_currency="EUR")
    pay(api, customer)
    pay(api, customer, amount=700, currency="EUR")

    total_customers([Customer.objects.get(pk=customer).pk])

    assert Customer.objects.get(pk=customer).total_amount == 700


def test_a_customer_that_is_gone_is_passed_over(api: Api, customer: str) -> None:
    pay(api, customer)
    identity = Customer.objects.get(pk=customer).pk
    api.delete(f"/v1/customers/{customer}")

    total_customers([identity, api.scope.merchant_id])

    assert read(api, customer)["total_transactions"] == 1, "totals stay"


def test_the_customers_payments_are_found_by_their_index(api: Api, customer: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT currency, sum(captured_amount) FROM transactions"
            " WHERE customer_id = ANY(%s::uuid[]) AND status IN ('succeeded', 'refunded',"
            " 'disputed') GROUP BY currency",
            [[customer]],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("SET enable_seqscan = on")
    assert "customer" in plan
