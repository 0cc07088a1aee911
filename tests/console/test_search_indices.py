"""The page of search indices, and what the home page and ``/metrics`` say of search."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.admin import search_indices
from analytics.api.search_gauges import search_gauges
from analytics.models import SearchIndex
from analytics.search import search as search_module
from analytics.search.consumers import DOCUMENTS, WORDS
from analytics.search.freshness import freshness_of, freshness_statement, read_freshness
from analytics.search.query import ELASTICSEARCH, POSTGRESQL
from payments_project.events.models import ConsumerReach
from payments_project.events.reach import LOG, write_reach
from payments_project.jobs.models import ScheduledJob
from payments_project.jobs.record import record_end
from tests.console.test_pages import list_of, page_of

LABEL = "analytics.searchindex"
CHECK = "analytics.check_search"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _from_the_log(settings: Any, monkeypatch: Any) -> Iterator[None]:
    """Nothing has told how far it is, and there is no other engine than PostgreSQL."""
    settings.KAFKA_BOOTSTRAP_SERVERS = settings.ELASTICSEARCH_URL = ""
    monkeypatch.setattr(search_module, "_left_alone_until", 0.0)
    ConsumerReach.objects.filter(consumer__in=[WORDS, DOCUMENTS]).delete()
    yield
    ConsumerReach.objects.filter(consumer__in=[WORDS, DOCUMENTS]).delete()
    SearchIndex.objects.exclude(state=SearchIndex.RETIRED).delete()


@pytest.fixture
def elasticsearch(settings: Any, monkeypatch: Any) -> None:
    """It is configured, and answers probes."""
    settings.ELASTICSEARCH_URL = NOWHERE
    monkeypatch.setattr(
        search_indices, "ask_other_engines", lambda: {"elasticsearch": {"status": "ok"}}
    )


def told(consumer: str, ago: timedelta) -> None:
    write_reach(consumer, datetime.now(UTC) - ago, [LOG])


def tiles_of(client: Client) -> dict[str, tuple[str, str]]:
    page = client.get(list_of(LABEL))
    assert page.status_code == 200
    return {tile.label: (tile.value, str(tile.hint)) for tile in page.context["search_tiles"]()}


def text_of(client: Client) -> str:
    text: str = client.get(list_of(LABEL)).content.decode()
    return text


def engines_hint(client: Client) -> str:
    tiles = client.get("/admin/").context["queue_tiles"]
    return next(str(tile.hint) for tile in tiles if tile.label == "Engines")


def test_without_elasticsearch_the_page_says_so(superuser: Client) -> None:
    told(WORDS, timedelta(seconds=3))
    ScheduledJob.objects.filter(pk=CHECK).delete()

    tiles = tiles_of(superuser)

    assert tiles["Searches are answered by"] == (
        "PostgreSQL", "there is no other engine in this installation"
    )  # fmt: skip
    assert tiles["PostgreSQL has everything"][0] in ("up to 3 s ago", "up to 4 s ago")
    assert tiles["Elasticsearch"] == ("none", "not configured: ELASTICSEARCH_URL")
    assert tiles["Last check for drift"] == ("never ran", "due daily at 04:37 UTC")


def test_the_list_tells_how_far_each_index_is(
    superuser: Client, retired_index: SearchIndex
) -> None:
    SearchIndex.objects.create(name="a-building", copied_count=250, expected_count=1_000)
    SearchIndex.objects.create(
        name="a-live", state=SearchIndex.LIVE, copied_count=900, live_at=datetime.now(UTC)
    )
    text = text_of(superuser)
    assert '<progress class="c-progress" value="250" max="1000"' in text
    assert "250 of about 1,000" in text
    for state, tone in (("building", "blue"), ("live", "green"), ("retired", "grey")):
        assert f'<span class="c-badge c-{tone}">{state}</span>' in text
    assert "1,234" in text
    assert "not known" in text
    page = superuser.get(page_of(LABEL, retired_index.pk)).content.decode()
    assert "31 Oct" in page
    assert "1,234" in page


def test_elasticsearchs_own_counts_stand_there_where_it_tells_them(
    superuser: Client, retired_index: SearchIndex, monkeypatch: Any
) -> None:
    monkeypatch.setattr(search_indices, "document_counts", lambda: {retired_index.pk: 5_678})
    assert "5,678" in text_of(superuser)


def test_elasticsearch_that_is_away_is_said_and_does_not_hang_the_page(
    superuser: Client, settings: Any
) -> None:
    settings.ELASTICSEARCH_URL = NOWHERE
    told(DOCUMENTS, timedelta(seconds=1))
    began = datetime.now(UTC)
    tiles = tiles_of(superuser)
    assert datetime.now(UTC) - began < timedelta(seconds=8)
    assert tiles["Searches are answered by"] == ("PostgreSQL", "Elasticsearch is away")
    assert tiles["Elasticsearch"] == ("away", "it catches up by itself")
    assert "not known" in text_of(superuser)


def test_the_page_and_the_home_page_say_why_postgresql_stands_in(
    superuser: Client, elasticsearch: None, monkeypatch: Any
) -> None:
    told(WORDS, timedelta(seconds=1))
    stands_in = "PostgreSQL answers searches in place of Elasticsearch: "
    assert stands_in + "it has read no changes yet" in engines_hint(superuser)

    told(DOCUMENTS, timedelta(seconds=90))
    assert tiles_of(superuser)["Searches are answered by"] == (
        "PostgreSQL", "not by Elasticsearch: it is behind"
    )  # fmt: skip
    assert stands_in + "it is behind" in engines_hint(superuser)

    told(DOCUMENTS, timedelta(seconds=2))
    tiles = tiles_of(superuser)
    assert tiles["Searches are answered by"][0] == "Elasticsearch"
    assert tiles["Elasticsearch has everything"][0].startswith("up to ")
    assert "searches" not in engines_hint(superuser)

    monkeypatch.setattr(search_module, "_left_alone_until", float("inf"))
    assert stands_in + "it did not answer just now" in engines_hint(superuser)


def test_the_home_page_says_when_search_is_behind(superuser: Client) -> None:
    assert "search is" not in engines_hint(superuser)
    told(WORDS, timedelta(seconds=60))
    assert "search is" not in engines_hint(superuser)
    told(WORDS, timedelta(minutes=7))
    assert "search is 7 min behind" in engines_hint(superuser)


def test_the_last_check_and_what_it_mended(superuser: Client, staff_with: Any) -> None:
    record_end(task=CHECK, outcome="succeeded", seconds=1)
    assert tiles_of(superuser)["Last check for drift"][1] == "nothing had to be mended"
    record_end(task=CHECK, outcome="succeeded", seconds=1, detail="words 2, documents 3")
    assert tiles_of(superuser)["Last check for drift"][1] == "mended words 2, documents 3"
    record_end(task=CHECK, outcome="failed", seconds=1, detail="Elasticsearch is away")
    assert tiles_of(superuser)["Last check for drift"][1] == "failed: Elasticsearch is away"
    job = page_of("payments_project.scheduledjob", CHECK)
    assert job in text_of(superuser)
    assert job not in text_of(staff_with("analytics.view_searchindex"))
    ScheduledJob.objects.filter(pk=CHECK).delete()


def test_freshness_asked_with_others_is_the_same() -> None:
    told(WORDS, timedelta(seconds=5))
    with connection.cursor() as cursor:
        cursor.execute(freshness_statement())
        answer = cursor.fetchone()[0]
    found = freshness_of(answer)
    assert found == read_freshness()
    assert found[POSTGRESQL] is not None
    assert found[ELASTICSEARCH] is None
    ConsumerReach.objects.filter(consumer=WORDS).delete()
    assert freshness_of(None) == {POSTGRESQL: None, ELASTICSEARCH: None}


def test_gauges_of_search(settings: Any) -> None:
    told(WORDS, timedelta(seconds=10))
    told(DOCUMENTS, timedelta(seconds=20))
    (behind,) = list(search_gauges())
    assert behind.label == "engine"
    assert behind.values.keys() == {POSTGRESQL}
    assert 10 <= behind.values[POSTGRESQL] < 15

    settings.ELASTICSEARCH_URL = NOWHERE
    SearchIndex.objects.create(name="a-building", copied_count=250, expected_count=1_000)
    with CaptureQueriesContext(connection) as captured:
        gauges = {gauge.name: gauge for gauge in search_gauges()}
    assert len(captured) == 2
    assert 20 <= gauges["search_behind_seconds"].values[ELASTICSEARCH] < 25
    assert gauges["search_by_elasticsearch"].value == 1
    assert gauges["search_index_documents_left"].value == 750
    told(DOCUMENTS, timedelta(minutes=5))
    assert {gauge.name: gauge.value for gauge in search_gauges()}["search_by_elasticsearch"] == 0
