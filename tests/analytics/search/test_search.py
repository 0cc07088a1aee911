"""Searching transactions over HTTP: the same by either engine."""

from typing import Any

import pytest

from tests.analytics.search.searching import PATH, catch_up, ids, search
from tests.api_client import Api
from tests.merchants.making import MadeMerchant, client_of, make_key
from tests.server import Server

AMEX = "378282246310005"
DECLINED = "4000000000000002"


def test_every_kind_of_text_is_found(shop: Api, engine: str) -> None:
    customer = shop.post("/v1/customers", {"email": "Ann.Lee@Example.org"}).json()["id"]
    card = shop.card(customer=customer)
    payment = shop.post(
        "/v1/transactions",
        {
            "amount": 4990,
            "currency": "EUR",
            "payment_method": card,
            "customer": customer,
            "description": "Café crème, blue-heron mug",
            "metadata": {"order": "ORD-10427", "note": "gift for Zoë"},
        },
    ).json()
    other = shop.paid(AMEX, amount=100, description="Espresso")
    catch_up(shop, engine)

    for text in (
        "café", "CAFE", "creme mug", "blue heron", "blue-heron", "her", "ann.lee@example.org",
        "ann lee", "example.org", "4242", "ord-10427", "10427", "zoe", payment["id"], customer,
        payment["gateway"]["transaction_id"], "cafe 4242",
    ):  # fmt: skip
        answer = search(shop, q=text)
        assert ids(answer) == [payment["id"]], text
        assert answer["total"] == 1
        assert answer["engine"] == engine
    assert ids(search(shop, q="0005")) == [other["id"]]
    assert search(shop, q="espresso")["data"] == [shop.transaction(other["id"])]


def test_all_words_must_be_there(shop: Api, engine: str) -> None:
    shop.paid(description="blue mug")
    catch_up(shop, engine)

    assert search(shop, q="blue kettle")["total"] == 0
    assert search(shop, q="!?")["total"] == 0, "a text without a word finds nothing"
    assert search(shop, q="ue")["total"] == 0, "the end of a word is none"
    assert search(shop, q="424")["total"] == 0, "a number's beginning is long"


def test_a_word_with_marks_in_it_is_found_by_its_parts_as_they_are(shop: Api, engine: str) -> None:
    apart = shop.paid(description="blue heron")
    joined = shop.paid(description="blue-heron.mug")
    catch_up(shop, engine)

    assert ids(search(shop, q="blue-heron")) == [joined["id"], apart["id"]]
    assert ids(search(shop, q="heron-blue")) == [joined["id"], apart["id"]], "in any order"
    assert ids(search(shop, q="blue-her")) == [joined["id"]], "the whole word's beginning"
    assert search(shop, q="her-blue")["total"] == 0, "a part's beginning"
    assert ids(search(shop, q="herom-blue")) == [joined["id"], apart["id"]], "a mistake"


def test_misspelt_words_are_found_where_nothing_else_is(shop: Api, engine: str) -> None:
    heron = shop.paid(description="Heron kettle")
    hero = shop.paid(description="Hero poster", metadata={"order": "104277"})
    catch_up(shop, engine)

    for text in ("kettl", "ketle", "kettel", "kattle", "heron ketttle", "posfer"):
        assert search(shop, q=text)["total"] == 1, text
    assert ids(search(shop, q="hero")) == [hero["id"], heron["id"]], "a beginning, not a mistake"
    assert ids(search(shop, q="heron")) == [heron["id"]], "what is written so comes alone"
    assert search(shop, q="104278")["total"] == 0, "a number's neighbour is another order"


def test_filters_are_those_of_the_list(shop: Api, engine: str) -> None:
    usd = shop.paid(amount=1999, description="mug")
    eur = shop.paid(AMEX, amount=2500, currency="EUR", description="mug")
    failed = shop.pay(DECLINED, amount=700, description="mug").json()["error"]["transaction"]
    catch_up(shop, engine)

    def found(**filters: Any) -> list[str]:
        answer = search(shop, q="mug", **filters)
        assert answer["total"] == len(answer["data"])
        assert ids(answer) == ids(search(shop, **filters)), "without words the same"
        return ids(answer)

    assert found() == [failed["id"], eur["id"], usd["id"]]
    assert found(status="failed") == [failed["id"]]
    assert found(currency="eur") == [eur["id"]]
    assert found(brand="amex") == [eur["id"]]
    assert found(gateway="simulator") == [failed["id"], eur["id"], usd["id"]]
    assert found(last_four="0005") == [eur["id"]]
    assert found(amount=1999) == [usd["id"]]
    assert found(**{"amount[gt]": 1999}) == [eur["id"]]
    assert found(**{"amount[gte]": 1999, "amount[lt]": 2500}) == [usd["id"]]
    assert found(**{"amount[lte]": 700}) == [failed["id"]]
    assert found(payment_method=eur["payment_method"]) == [eur["id"]]
    assert found(**{"created_at[gt]": usd["created_at"]}) == [failed["id"], eur["id"]]
    assert found(**{"created_at[lte]": usd["created_at"]}) == [usd["id"]]
    assert found(last_four="4242", amount=1999, **{"created_at[gte]": usd["created_at"]}) == [
        usd["id"]
    ], "as support looks for it"


def test_facets_count_what_was_found(shop: Api, engine: str) -> None:
    shop.paid(amount=150, description="mug")
    shop.paid(amount=199, description="mug")
    shop.paid(AMEX, amount=5000, currency="EUR", description="mug")
    shop.paid(amount=80, description="spoon")
    shop.pay(DECLINED, amount=99, description="mug")
    catch_up(shop, engine)

    answer = search(shop, q="mug", facets="status,currency,brand,gateway,amount", limit=1)

    assert answer["total"] == 4
    assert answer["total_is_exact"] is True
    assert answer["has_more"] is True
    assert answer["facets"] == {
        "status": [{"value": "succeeded", "count": 3}, {"value": "failed", "count": 1}],
        "currency": [{"value": "USD", "count": 3}, {"value": "EUR", "count": 1}],
        "brand": [{"value": "visa", "count": 3}, {"value": "amex", "count": 1}],
        "gateway": [{"value": "simulator", "count": 4}],
        "amount": [
            {"value": 0, "count": 1},
            {"value": 100, "count": 2},
            {"value": 5000, "count": 1},
        ],
    }
    assert search(shop, q="nothing", facets="status,amount")["facets"] == {
        "status": [],
        "amount": [],
    }
    assert search(shop, q="mug")["facets"] == {}


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "-amount", "amount"])
def test_pages_go_through_all_once_whatever_comes_in(shop: Api, engine: str, sort: str) -> None:
    amounts = [500, 100, 300, 300, 200, 300, 400]
    made = [shop.paid(amount=amount, description="mug") for amount in amounts]
    catch_up(shop, engine)
    wanted = sorted(
        made,
        key=lambda row: (row["amount"] if "amount" in sort else 0, row["id"]),
        reverse=sort.startswith("-"),
    )
    seen: list[str] = []
    parameters: dict[str, Any] = {"q": "mug", "sort": sort, "limit": 3}
    answer = search(shop, **parameters)
    while True:
        assert answer["total"] == 7
        seen += ids(answer)
        if not answer["has_more"]:
            break
        answer = search(shop, page=answer["next_page"], **parameters)

    assert seen == [row["id"] for row in wanted]
    assert answer["next_page"] is None


def test_another_merchant_and_environment_is_never_found(
    shop: Api, other_shop: Api, engine: str, searched_server: Server, merchant: MadeMerchant
) -> None:
    mine = shop.paid(description="mug", metadata={"order": "ORD-77001"})
    theirs = other_shop.paid(description="mug", metadata={"order": "ORD-77001"})
    catch_up(shop, engine)

    assert ids(search(shop, q="ord-77001")) == [mine["id"]]
    assert ids(search(other_shop, q="mug")) == [theirs["id"]]
    assert search(shop, q=theirs["id"])["total"] == 0
    assert search(shop, q="mug", facets="status")["facets"]["status"] == [
        {"value": "succeeded", "count": 1}
    ]
    with client_of(searched_server, merchant, "live") as live:
        assert search(live, q="mug", facets="brand") == {
            **search(live, q="mug"),
            "facets": {"brand": []},
            "indexed_up_to": search(live, q="mug", facets="brand")["indexed_up_to"],
        }
        assert search(live)["data"] == []


def test_a_page_of_another_search_or_caller_is_refused(
    shop: Api, other_shop: Api, engine: str
) -> None:
    for api in (shop, other_shop):
        for amount in (100, 200):
            api.paid(amount=amount, description="mug")
    catch_up(shop, engine)
    token = search(shop, q="mug", limit=1)["next_page"]

    for api, parameters in (
        (other_shop, {"q": "mug"}),
        (shop, {"q": "mugs"}),
        (shop, {"q": "mug", "sort": "amount"}),
        (shop, {"q": "mug", "currency": "USD"}),
        (shop, {"q": "mug", "page": token + "x"}),
        (shop, {"q": "mug", "page": "x"}),
    ):
        response = api.get(PATH, **{"page": token, "limit": 1, **parameters})
        assert response.status_code == 400
        assert response.json()["error"]["param"] == "page"
        assert response.json()["error"]["code"] == "parameter_invalid"
    assert len(search(shop, q="mug", limit=50, page=token, facets="status")["data"]) == 1


@pytest.mark.parametrize(
    ("parameters", "param", "code"),
    [
        ({"q": "x" * 201}, "q", "parameter_invalid"),
        ({"q": " ".join(f"w{n}" for n in range(21))}, "q", "parameter_invalid"),
        ({"q": "4242424242424242"}, "q", "parameter_invalid"),
        ({"facets": "status,colour"}, "facets", "parameter_invalid"),
        ({"facets": ""}, "facets", "parameter_invalid"),
        ({"sort": "relevance"}, "sort", "parameter_invalid"),
        ({"limit": 0}, "limit", "parameter_invalid"),
        ({"limit": 101}, "limit", "parameter_invalid"),
        ({"status": "done"}, "status", "parameter_invalid"),
        ({"amount[gte]": "1.5"}, "amount[gte]", "parameter_invalid"),
        ({"created_at[gte]": "yesterday"}, "created_at[gte]", "parameter_invalid"),
        ({"last_four": "42"}, "last_four", "parameter_invalid"),
        ({"starting_after": "x"}, "starting_after", "unknown_parameter"),
        ({"query": "x"}, "query", "unknown_parameter"),
        ({"customer": "01890000-0000-7000-8000-000000000000"}, "customer", "resource_missing"),
        ({"payment_method": "pm_none"}, "payment_method", "resource_missing"),
        ({"expand[]": "events"}, "expand[]", "parameter_invalid"),
    ],
)
def test_bad_parameters_are_refused_with_their_name(
    api: Api, parameters: dict[str, Any], param: str, code: str
) -> None:
    response = api.get(PATH, **parameters)

    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert (error["param"], error["code"]) == (param, code)


def test_searching_needs_the_right_to_read_transactions(
    server: Server, merchant: MadeMerchant
) -> None:
    keys = {"test": make_key(merchant.scope(), "refunds:write")}
    with client_of(server, MadeMerchant(merchant.id, keys), "test") as api:
        response = api.get(PATH, q="mug")

    assert response.status_code == 403
    assert "transactions:read" in response.json()["error"]["message"]


def test_found_transactions_can_be_expanded(shop: Api, engine: str) -> None:
    customer = shop.post("/v1/customers", {"email": "ann@example.org"}).json()["id"]
    payment = shop.post(
        "/v1/transactions",
        {
            "amount": 500,
            "currency": "USD",
            "payment_method": shop.card(customer=customer),
            "customer": customer,
        },
    ).json()
    shop.post("/v1/refunds", {"transaction": payment["id"], "amount": 200})
    catch_up(shop, engine)

    answer = search(shop, q="ann@example.org", **{"expand[]": ["customer", "refunds"]})

    [found] = answer["data"]
    assert found["customer"]["email"] == "ann@example.org"
    assert [refund["amount"] for refund in found["refunds"]["data"]] == [200]
