"""PostgreSQL's own search goes back in time by more and more months, until it has found enough."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from analytics.search import postgresql
from analytics.search.query import AMOUNT, CREATED_AT, Found, Place, Range, SearchQuery
from payments_project.database.uuid7 import uuid7_floor
from tests.analytics.search.searching import POSTGRESQL, catch_up
from tests.api_client import Api
from tests.merchants.making import make_merchant

plain = pytest.mark.parametrize("engine", [POSTGRESQL], indirect=True)
# The oldest first, as their ids are.
DAYS_AGO = (1500, 800, 799, 420, 200, 75, 30, 2)


def everything(**changes: Any) -> SearchQuery:
    """Asks for the payments of ``DAYS_AGO``, the newest first."""
    query = SearchQuery(
        words=[["stall"]], equal={}, amount=Range(), created=Range(), sort="-created_at", limit=3,
        facets=("currency", "amount"),
    )  # fmt: skip
    return replace(query, **changes)


def all_pages(api: Api, query: SearchQuery) -> list[UUID]:
    """Every id in its order, over pages."""
    found: list[UUID] = []
    after: Place | None = None
    while True:
        page = postgresql.find(api.scope, query, after=after)
        found += [place.id for place in page.places]
        if not page.has_more:
            return found
        after = page.places[-1]


@pytest.fixture
def payments(shop: Api, engine: str) -> list[UUID]:
    """Payments of four years; amounts go up and down."""
    made = []
    for number, days in enumerate(DAYS_AGO):
        response = shop.post(
            "/v1/transactions/record",
            {
                "amount": 1_000 + (number % 3) * 4_000,
                "currency": "EUR" if number % 2 else "USD",
                "payment_method_type": "cash",
                "external_reference": f"stall-{number}",
                "occurred_at": (datetime.now(UTC) - timedelta(days=days)).isoformat(),
                "description": "stall",
            },
        )
        assert response.status_code == 201, response.text
        made.append(UUID(response.json()["id"]))
    catch_up(shop, engine)
    return made


@plain
def test_pages_in_either_order_go_through_all_months(shop: Api, payments: list[UUID]) -> None:
    newest_first = payments[::-1]
    assert all_pages(shop, everything()) == newest_first
    assert all_pages(shop, everything(words=None)) == newest_first
    assert all_pages(shop, everything(sort=CREATED_AT)) == payments
    by_amount = sorted(payments, key=lambda key: (payments.index(key) % 3, key))
    assert all_pages(shop, everything(sort=AMOUNT)) == by_amount
    assert all_pages(shop, everything(sort="-amount")) == by_amount[::-1]


@plain
def test_counts_are_of_all_months_together(shop: Api, payments: list[UUID]) -> None:
    found = postgresql.find(shop.scope, everything(), after=None)
    assert (found.total, found.is_total_exact) == (8, True)
    assert found.facets == {
        "currency": [("EUR", 4), ("USD", 4)],
        "amount": [(1_000, 3), (5_000, 5)],
    }


@plain
def test_the_time_that_is_asked_for_may_begin_and_end_in_any_month(
    shop: Api, payments: list[UUID]
) -> None:
    def found(**ends: int) -> list[UUID]:
        moments = {
            name: uuid7_floor(datetime.now(UTC) - timedelta(days=days, hours=1))
            for name, days in ends.items()
        }
        return all_pages(shop, everything(created=Range(**moments)))

    assert found(gte=420) == payments[:2:-1]
    assert found(lt=420) == payments[2::-1]
    assert found(gte=799, lt=75) == [payments[4], payments[3], payments[2]]
    assert found(gte=75, lt=799) == []
    assert found(gte=9_000) == payments[::-1]


@plain
def test_no_month_before_the_merchants_first_is_looked_at(engine: str) -> None:
    assert len(postgresql._spans(make_merchant().scope("test"), everything())) == 1


@plain
def test_what_is_found_often_is_found_in_the_newest_months(
    shop: Api, payments: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "COUNTED_MAX", 4)
    asked: list[Range] = []

    @contextmanager
    def watched(conditions: Any) -> Iterator[Any]:
        with patient(conditions) as fetch:

            def fetch_and_note(statement: str, span: Range, values: Any) -> Any:
                asked.append(span)
                return fetch(statement, span, values)

            yield fetch_and_note

    patient = postgresql._patient
    monkeypatch.setattr(postgresql, "_patient", watched)

    def first_page(**changes: Any) -> Found:
        asked.clear()
        return postgresql.find(shop.scope, everything(**changes), after=None)

    found = first_page()
    assert [place.id for place in found.places] == payments[:-4:-1]
    assert (found.total, found.is_total_exact) == (4, False)
    assert found.facets["currency"] == [("EUR", 3), ("USD", 2)], "of those that were looked at"
    assert asked[-1].gte > payments[1], "the fifth is a year old; older ones were left alone"

    # Pages beyond what is counted, and in another order, are exact all the same.
    assert all_pages(shop, everything()) == payments[::-1]
    assert all_pages(shop, everything(sort=CREATED_AT)) == payments
    assert first_page(sort="-amount").places[0].id == payments[5]
