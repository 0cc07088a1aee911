"""Making search indices anew, losing them, and holding them against the payments."""

import threading
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics.models import SearchIndex, TransactionWords
from analytics.search.content import read_payments
from analytics.search.elastic import indices
from analytics.search.elastic.client import client
from analytics.search.elastic.documents import ALIAS
from analytics.search.elastic.write import DocumentRefused, write_payments
from analytics.services.check_search import Drift, check_search
from analytics.services.keep_search_index import keep_search_index
from analytics.services.rebuild_search import rebuild_search_index, rebuild_words
from payments_project.events.errors import Postponed
from tests.analytics.made_summaries import day_of_own_payments
from tests.analytics.search.searching import (
    CONSUMERS,
    ELASTICSEARCH,
    POSTGRESQL,
    catch_up,
    document_of,
    ids,
    search,
)
from tests.api_client import Api
from tests.payments_project.events.reading import born_now, consume_until

pytestmark = pytest.mark.stack
elastic = pytest.mark.parametrize("engine", [ELASTICSEARCH], indirect=True)
plain = pytest.mark.parametrize("engine", [POSTGRESQL], indirect=True)


@pytest.fixture
def few_payments(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """A rebuild copies what is made from now on: the database has others' payments too."""
    import analytics.services.rebuild_search as module
    from payments_project.database.uuid7 import uuid7_floor

    now = datetime.now(UTC)
    monkeypatch.setattr(module, "_LEAST", uuid7_floor(now - timedelta(seconds=1)))
    return now


@elastic
def test_a_rebuild_puts_a_complete_index_in_the_old_ones_place(
    shop: Api, engine: str, live_index: str, few_payments: datetime
) -> None:
    made = [shop.paid(description="mug", amount=100 + n)["id"] for n in range(5)]
    told: list[int] = []

    assert rebuild_search_index(tell=lambda progress: told.append(progress.copied))

    live = SearchIndex.objects.get(state=SearchIndex.LIVE)
    assert live.name != live_index
    assert told[-1] == live.copied_count >= 5
    assert SearchIndex.objects.get(pk=live_index).state == SearchIndex.RETIRED
    assert set(client().indices.get_alias(name=ALIAS).body) == {live.name}
    catch_up(shop, engine)
    assert sorted(ids(search(shop, q="mug"))) == sorted(made)


@elastic
def test_a_rebuild_while_payments_change_misses_nothing(
    shop: Api, engine: str, few_payments: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.services.rebuild_search.BATCH", 3)
    made = [shop.paid(description="mug") for _ in range(12)]
    changed: list[str] = []
    stop = threading.Event()
    consumer = threading.Thread(
        target=consume_until, args=(CONSUMERS[engine], stop.is_set), kwargs={"seconds": 60}
    )
    consumer.start()

    def change(_progress: Any) -> None:
        if len(changed) > 5:
            return
        # Both what was copied and what was not yet.
        for payment in (made[0], made[-1]):
            shop.patch(f"/v1/transactions/{payment['id']}", {"description": f"mug {len(changed)}"})
        changed.append(shop.paid(description="mug")["id"])

    try:
        assert rebuild_search_index(tell=change)
    finally:
        stop.set()
        consumer.join()
    catch_up(shop, engine)

    assert len(changed) > 3
    found = search(shop, q="mug", limit=100)
    assert sorted(ids(found)) == sorted([*(each["id"] for each in made), *changed])
    for payment in (made[0], made[-1]):
        assert document_of(payment["id"])["description"] == f"mug {len(changed) - 1}"


@elastic
def test_an_interrupted_rebuild_goes_on_where_it_was(
    shop: Api, engine: str, few_payments: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.services.rebuild_search.BATCH", 2)
    made = [shop.paid(description="mug")["id"] for _ in range(6)]

    class Killed(Exception):
        pass

    def die(_progress: Any) -> None:
        raise Killed

    with pytest.raises(Killed):
        rebuild_search_index(tell=die)
    begun = SearchIndex.objects.get(state=SearchIndex.BUILDING)
    assert begun.copied_count == 2
    assert not rebuild_search_index(seconds_max=0)
    assert SearchIndex.objects.get(state=SearchIndex.BUILDING).copied_count == 4

    assert rebuild_search_index()

    assert SearchIndex.objects.get(state=SearchIndex.LIVE).name == begun.name
    catch_up(shop, engine)
    assert sorted(ids(search(shop, q="mug"))) == sorted(made)


@elastic
def test_a_page_goes_on_after_the_index_was_replaced(
    shop: Api, engine: str, few_payments: datetime, settings: Any
) -> None:
    made = [shop.paid(description="mug")["id"] for _ in range(3)]
    catch_up(shop, engine)
    first = search(shop, q="mug", limit=1)
    assert rebuild_search_index()
    catch_up(shop, engine)

    second = search(shop, q="mug", limit=1, page=first["next_page"])
    settings.SEARCH_INDEX_KEPT_SECONDS = 0
    assert len(indices.delete_retired()) == 1
    third = search(shop, q="mug", limit=1, page=second["next_page"])

    assert [*ids(first), *ids(second), *ids(third)] == made[::-1]
    assert not third["has_more"]


@elastic
def test_a_deleted_index_comes_back_by_itself_and_postgresql_answers_meanwhile(
    shop: Api, engine: str, live_index: str, few_payments: datetime
) -> None:
    born_now(CONSUMERS[POSTGRESQL].cursor)
    before = shop.paid(description="mug")["id"]
    catch_up(shop, engine)
    client().indices.delete(index=live_index)

    meanwhile = shop.paid(description="mug")["id"]
    consume_until(CONSUMERS[POSTGRESQL], lambda: search(shop, q="mug")["total"] == 2, seconds=20)
    answer = search(shop, q="mug")
    assert answer["engine"] == POSTGRESQL
    assert ids(answer) == [meanwhile, before]
    consume_until(CONSUMERS[ELASTICSEARCH], lambda: not SearchIndex.objects.exists())
    assert not client().indices.exists(index=live_index), "a write makes no index in its place"

    assert keep_search_index() == "a new index is live"

    after = shop.paid(description="mug")["id"]
    catch_up(shop, engine)
    assert ids(search(shop, q="mug")) == [after, meanwhile, before]


@elastic
def test_the_keeper_does_nothing_where_all_is_well(shop: Api, engine: str, live_index: str) -> None:
    assert keep_search_index() == f"{live_index} is live"

    client().indices.update_aliases(actions=[{"remove": {"index": live_index, "alias": ALIAS}}])
    assert keep_search_index() == f"{live_index} is live"
    assert set(client().indices.get_alias(name=ALIAS).body) == {live_index}


@elastic
def test_the_keeper_says_that_elasticsearch_is_away(shop: Api, engine: str, settings: Any) -> None:
    settings.ELASTICSEARCH_URL = "http://127.0.0.1:9"
    with pytest.raises(Postponed):
        keep_search_index()
    settings.ELASTICSEARCH_URL = ""
    assert keep_search_index() == "there is no Elasticsearch"


@elastic
def test_a_document_that_is_refused_is_named_without_its_content(
    shop: Api, engine: str, live_index: str
) -> None:
    payment = shop.paid(description="secret words")
    [content] = read_payments([payment["id"]])
    wrong = content._replace(document=content.document.replace('"amount" : ', '"secret" : '))

    with pytest.raises(DocumentRefused) as refused:
        write_payments([[wrong]], targets=[live_index])
    assert "secret" not in str(refused.value)


def recorded(api: Api, day: date, number: int, **more: Any) -> dict[str, Any]:
    made = api.post(
        "/v1/transactions/record",
        {
            "amount": 700 + number,
            "currency": "USD",
            "payment_method_type": "cash",
            "external_reference": f"T-{number}",
            "occurred_at": f"{day}T10:00:00Z",
            "description": "stall",
            **more,
        },
    )
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


@elastic
def test_a_check_finds_and_mends_what_is_missing_old_or_strange(
    shop: Api, engine: str, live_index: str
) -> None:
    day = day_of_own_payments()
    made = [recorded(shop, day, number) for number in range(4)]
    catch_up(shop, engine)
    [drift] = check_search(first=day, last=day)
    assert drift.documents == drift.strangers == 0
    assert list(check_search(first=day, last=day)) == [Drift(day)]

    elastic_client = client()
    elastic_client.delete(index=live_index, id=made[0]["id"])
    source = dict(document_of(made[1]["id"]))
    elastic_client.index(
        index=live_index, id=made[1]["id"], document=source | {"amount": 1, "revision": 0}
    )
    elastic_client.index(
        index=live_index,
        id="01690000-0000-7000-8000-000000000000",
        document=source | {"id": "01690000-0000-7000-8000-000000000000"},
    )
    TransactionWords.objects.filter(pk=made[2]["id"]).delete()

    [drift] = check_search(first=day, last=day)

    assert drift == Drift(day, words=1, documents=2, strangers=1)
    assert list(check_search(first=day, last=day)) == [Drift(day)]
    assert document_of(made[1]["id"])["amount"] == made[1]["amount"]
    catch_up(shop, engine)
    assert sorted(ids(search(shop, q="stall"))) == sorted(row["id"] for row in made)


@elastic
def test_a_check_mends_contents_of_the_same_revision(
    shop: Api, engine: str, live_index: str
) -> None:
    day = day_of_own_payments()
    made = recorded(shop, day, 1)
    catch_up(shop, engine)
    list(check_search(first=day, last=day))
    source = document_of(made["id"])
    version = client().get(index=live_index, id=made["id"])["_version"]
    client().index(
        index=live_index,
        id=made["id"],
        document=source | {"refunded_amount": 5},
        version=version,
        version_type="external_gte",
    )

    [drift] = check_search(first=day, last=day)

    assert drift.documents == 1
    assert document_of(made["id"])["refunded_amount"] == 0


@plain
def test_words_that_are_missing_are_written_by_a_rebuild(
    shop: Api, engine: str, few_payments: datetime
) -> None:
    made = shop.paid(description="mug")
    assert search(shop, q="mug")["total"] == 0

    assert rebuild_words() >= 1
    assert rebuild_words() == 0

    assert ids(search(shop, q="mug")) == [made["id"]]


@elastic
def test_commands_say_what_they_do(
    shop: Api, engine: str, few_payments: datetime, settings: Any
) -> None:
    shop.paid(description="mug")
    said = StringIO()
    call_command("rebuild_search", stdout=said)
    assert "The new index is live." in said.getvalue()

    said = StringIO()
    day = day_of_own_payments()
    call_command("check_search", "--from", str(day), "--to", str(day), stdout=said)
    assert "1 days checked, 0 of them mended." in said.getvalue()
    with pytest.raises(CommandError, match="before"):
        call_command("check_search", "--from", "2024-01-02", "--to", "2024-01-01")

    settings.ELASTICSEARCH_URL = "http://127.0.0.1:9"
    with pytest.raises(CommandError, match="Elasticsearch is away"):
        call_command("rebuild_search", "--index-only")
    settings.ELASTICSEARCH_URL = ""
    with pytest.raises(CommandError, match="ELASTICSEARCH_URL is not set"):
        call_command("rebuild_search", "--index-only")
