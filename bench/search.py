"""The log to Elasticsearch against the bare bulk helper, and searches against raw queries; the same
searches by PostgreSQL."""

import argparse
import json
import os
import random
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import psycopg
from django.conf import settings

from analytics.search.query import ELASTICSEARCH, POSTGRESQL
from bench.engines import checkpoint, postmaster, redis_process, require_durable
from bench.environment import (
    BenchError,
    Database,
    bench_database,
    product_environment,
    required,
)
from bench.load_process import HttpRequest, LoadProcess, LoadRun, load_process
from bench.machine import machine_facts
from bench.processes import choose_cores, pinned
from bench.reader_seconds import reader_seconds
from bench.result import Bar, Result, print_table
from bench.search_data import fill_payments, make_customers, write_events
from bench.tenants import Tenant, make_tenants
from bench.web import THREADS, WORKERS, Web, start_web
from payments_project.events.run_consumers import log_run

RATIO_LIMIT = 0.6
LATENCY_LIMIT = 2.0
CLIENTS = 8
DAYS = 300
# Searches of the mix, each with other words; of one kind there are as many as of any other.
SEARCHES = 400


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=1_000_000, help="payments that are searched")
    parser.add_argument("--events", type=int, default=100_000, help="in the log for each round")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement, in turns")
    parser.add_argument("--seconds", type=float, default=8.0, help="of searches in a round")
    parser.add_argument("--cores", type=int, nargs="+", default=choose_cores(2))
    parser.add_argument("--keep", action="store_true", help="leave the bench's database behind")


def run(options: argparse.Namespace, database: Database) -> Result:
    """See docs/benchmarks.md for what each figure means."""
    required("ELASTICSEARCH_URL")
    result = Result("search")
    with bench_database(database, keep=options.keep), _own_indices():
        result.figures["durability"] = require_durable(database)
        result.figures["machine"] = machine_facts(database)
        (tenant,) = make_tenants(count=1, cards_each=0)
        customers = make_customers(database, tenant.merchant_id)
        fill = partial(fill_payments, database, busy=tenant.merchant_id, customers=customers)
        oldest = datetime.now(UTC) - timedelta(days=DAYS + 10)
        events = min(options.events, options.rows)
        fill(rows=events, first=0, start=oldest, days=10)
        with pinned([postmaster(database), redis_process(), os.getpid()], options.cores):
            _throughput(options, database, result, events)
        if options.rows > events:
            start = oldest + timedelta(days=10)
            rest = options.rows - events
            fill(rows=rest, first=events, start=start, days=DAYS)
        _rebuild(result, options.rows)
        _searches(options, database, result, tenant)
        _write_words(database, result, options.rows)
        _searches_by_postgresql(options, database, result, tenant)
    return result


@contextmanager
def _own_indices() -> Iterator[None]:
    """The log feeds indices of the bench's own, which are deleted at its end."""
    from analytics.search.elastic.client import client

    settings.KAFKA_BOOTSTRAP_SERVERS = ""
    try:
        yield
    finally:
        for name in client().indices.get(index=f"{settings.ELASTICSEARCH_INDEX_PREFIX}-*").body:
            client().indices.delete(index=name)


# Throughput.


def _throughput(
    options: argparse.Namespace, database: Database, result: Result, events: int
) -> None:
    before = write_events(database, events)
    documents = _ready_made(events)
    checkpoint(database)
    ours, bare = [], []
    # One round that is not counted warms both sides up.
    for number in range(options.rounds + 1):
        rates = (
            events / _consumer_seconds(database, before, events),
            events / _bare_seconds(documents),
        )
        if number:
            ours.append(rates[0])
            bare.append(rates[1])
            print(f"round {number}: log {rates[0]:,.0f}/s, bare {rates[1]:,.0f}/s", flush=True)
    ratio = median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    print_table(
        f"{events:,} payments from the log to Elasticsearch, medians of {options.rounds} rounds",
        ("how", "documents/s"),
        [
            ("the product's consumer", median(ours)),
            ("bare bulk helper", median(bare)),
            ("ratio", ratio),
        ],
    )
    result.figures["documents_per_second"] = median(ours)
    result.figures["bare_documents_per_second"] = median(bare)
    result.bars["documents_ratio"] = Bar.at_least(ratio, RATIO_LIMIT)


def _consumer_seconds(database: Database, before: str, events: int) -> float:
    """The product's consumer, from its start to its cursor behind the last event, into a new index."""
    from analytics.models import SearchIndex
    from analytics.search.consumers import SEARCH_DOCUMENTS
    from analytics.search.elastic import indices

    index = indices.begin_index(expected=events)
    if index is None:
        raise BenchError("another index is being built")
    with psycopg.connect(database.owner_url) as owner:
        found = owner.execute("SELECT max(position) FROM events").fetchone()
    seconds = reader_seconds(
        database,
        cursor=SEARCH_DOCUMENTS.cursor,
        before=before,
        last=found[0] if found else 0,
        run=lambda stop: log_run(SEARCH_DOCUMENTS, stop=stop).run(),
    )
    _require_count(index.name, events)
    for row in SearchIndex.objects.all():
        indices.forget_index(row.name)
    return seconds


def _ready_made(count: int) -> list[dict[str, Any]]:
    """The same documents as the bulk helper takes them."""
    from analytics.search.content import read_payments_after
    from analytics.search.elastic.documents import TransactionDocument

    document, after = TransactionDocument(), UUID(int=0)
    made: list[dict[str, Any]] = []
    while len(made) < count:
        rows = read_payments_after(after=after, until=UUID(int=2**128 - 1), limit=5_000)
        if not rows:
            raise BenchError("there are fewer payments than events")
        made += [
            {
                "_id": str(row.id),
                "_source": json.loads(document.prepare(row)),
                "version": row.revision,
                "version_type": "external",
            }
            for row in rows
        ]
        after = rows[-1].id
    return made[:count]


def _bare_seconds(documents: list[dict[str, Any]]) -> float:
    """Elasticsearch's own helper with its own defaults, into an index with the same mapping."""
    from elasticsearch.helpers import bulk

    from analytics.search.elastic import indices
    from analytics.search.elastic.client import client

    name = f"{settings.ELASTICSEARCH_INDEX_PREFIX}-bare-{uuid.uuid4().hex[:8]}"
    indices.create_index(name)
    started = time.perf_counter()
    bulk(client(), documents, index=name)
    seconds = time.perf_counter() - started
    _require_count(name, len(documents))
    indices.delete_index(name)
    return seconds


def _require_count(index: str, count: int) -> None:
    from analytics.search.elastic.client import client

    client().indices.refresh(index=index)
    found = client().count(index=index)["count"]
    if found != count:
        raise BenchError(f"{index} has {found:,} documents, not {count:,}")


# Searches.


def _rebuild(result: Result, rows: int) -> None:
    from analytics.services.rebuild_search import rebuild_search_index

    started = time.perf_counter()
    rebuild_search_index()
    seconds = time.perf_counter() - started
    print(
        f"{rows:,} payments indexed anew in {seconds:,.0f} s, {rows / seconds:,.0f}/s", flush=True
    )
    result.figures["rebuild_documents_per_second"] = rows / seconds


def _searches(
    options: argparse.Namespace, database: Database, result: Result, tenant: Tenant
) -> None:
    """The same searches by the product over HTTP, and as bare queries to Elasticsearch."""
    from analytics.search.consumers import DOCUMENTS, WORDS
    from analytics.search.elastic.client import client
    from analytics.search.elastic.documents import ALIAS
    from payments_project.events.reach import write_reach

    client().indices.refresh(index=ALIAS)
    for name in (WORDS, DOCUMENTS):
        write_reach(name, datetime.now(UTC), ["log"])
    asked = list(_mix())
    with _served(options, database) as (web, load):
        ours, bare = [], []
        for number in range(options.rounds + 1):
            _prepare_ours(load, web.port, tenant, asked, engine=ELASTICSEARCH)
            mine = _run(load, options)
            _prepare_bare(load, tenant, asked)
            theirs = _run(load, options)
            if number:
                ours.append(mine)
                bare.append(theirs)
                print(
                    f"round {number}: search p99 {mine.p99_ms:.1f} ms ({mine.per_second:.0f}/s),"
                    f" bare {theirs.p99_ms:.1f} ms ({theirs.per_second:.0f}/s)",
                    flush=True,
                )
    _report_searches(options, result, {"search": ours, "bare": bare})
    ratios = [mine.p99_ms / theirs.p99_ms for mine, theirs in zip(ours, bare, strict=True)]
    result.bars["search_p99_ratio"] = Bar.at_most(median(ratios), LATENCY_LIMIT)


def _write_words(database: Database, result: Result, rows: int) -> None:
    from analytics.services.rebuild_search import rebuild_words

    started = time.perf_counter()
    rebuild_words()
    seconds = time.perf_counter() - started
    print(
        f"words of {rows:,} payments written in {seconds:,.0f} s, {rows / seconds:,.0f}/s",
        flush=True,
    )
    result.figures["words_per_second"] = rows / seconds
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("VACUUM (ANALYZE) transaction_words")


def _searches_by_postgresql(
    options: argparse.Namespace, database: Database, result: Result, tenant: Tenant
) -> None:
    """The same searches where there is no Elasticsearch."""
    with _served(options, database, ELASTICSEARCH_URL="") as (web, load):
        _prepare_ours(load, web.port, tenant, list(_mix()), engine=POSTGRESQL)
        runs = [
            load.run(clients=CLIENTS, seconds=options.seconds) for _ in range(options.rounds + 1)
        ]
    _report_searches(options, result, {"postgresql": runs[1:]})
    # It gives a search up that takes too long.
    refused = sum(run.failed for run in runs[1:])
    result.figures["postgresql_refused"] = refused
    answered = sum(run.answers for run in runs[1:])
    print(f"PostgreSQL answered {answered:,} searches and refused {refused:,}", flush=True)


@contextmanager
def _served(
    options: argparse.Namespace, database: Database, **environment: str
) -> Iterator[tuple[Web, LoadProcess]]:
    """The product's web server and who asks it, on the bench's cores as the engines are."""
    with ExitStack() as stack:
        stack.enter_context(pinned([postmaster(database), redis_process()], options.cores))
        web = start_web(
            environment=product_environment(database)
            | {"KAFKA_BOOTSTRAP_SERVERS": ""}
            | environment,
            workers=WORKERS,
            threads=THREADS,
            cores=options.cores,
        )
        load = load_process(options.cores)
        yield stack.enter_context(web), stack.enter_context(load)


def _mix() -> Iterator[dict[str, str]]:
    """What people look for: words, an order, a customer, a card with an amount, and what a page of
    results with its facets asks for."""
    chance = random.Random(20261127)
    words = ["bluewood", "greenfield", "heronlight", "cedarware", "maple", "northmill", "quietleaf"]
    for number in range(SEARCHES // 5):
        yield {"q": f"{chance.choice(words)} order"}
        yield {"q": f"ORD-{chance.randrange(0, 100_000) * 2}"}
        yield {"q": f"emil.north{44 + 56 * number}@example.org"}
        yield {
            "last_four": f"{chance.randrange(10_000):04}",
            "amount[gte]": str(chance.randrange(100, 20_000)),
            "facets": "status",
        }
        yield {
            "q": f"{chance.choice(words)} {chance.choice(words)}",
            "status": "succeeded",
            "facets": "status,currency,brand,gateway,amount",
            "limit": "20",
        }


def _prepare_ours(
    load: LoadProcess, port: int, tenant: Tenant, asked: list[dict[str, str]], *, engine: str
) -> None:
    load.prepare(
        port=port,
        requests=[
            HttpRequest(
                path=f"/v1/search/transactions?{urlencode(each)}", key=tenant.key, method="GET"
            )
            for each in asked
        ],
        status=200,
        fragments=[f'"engine":"{engine}"'],
    )


def _prepare_bare(load: LoadProcess, tenant: Tenant, asked: list[dict[str, str]]) -> None:
    """The query that the product makes of each search, sent to Elasticsearch by the same client."""
    from analytics.api.search_bodies import SearchParameters
    from analytics.search.elastic.documents import ALIAS
    from analytics.search.elastic.find import request_body
    from payments_project.tenancy import TEST, Scope

    scope = Scope(tenant.merchant_id, TEST)
    bodies = [
        request_body(
            scope, SearchParameters.model_validate(_typed(each)).search_query(), after=None
        )
        for each in asked
    ]
    load.prepare(
        port=urlsplit(settings.ELASTICSEARCH_URL).port or 9200,
        requests=[
            HttpRequest(path=f"/{ALIAS}/_search", key="none", body=json.dumps(body))
            for body in bodies
        ],
        status=200,
        fragments=['"timed_out":false'],
    )


def _typed(parameters: dict[str, str]) -> dict[str, Any]:
    return dict(parameters)


def _run(load: LoadProcess, options: argparse.Namespace) -> LoadRun:
    run = load.run(clients=CLIENTS, seconds=options.seconds)
    if run.failed:
        raise BenchError(f"a search failed: {run.failures}")
    return run


def _report_searches(
    options: argparse.Namespace, result: Result, sides: dict[str, list[LoadRun]]
) -> None:
    print_table(
        f"Searches of {options.rows:,} payments by {CLIENTS} clients, medians of {options.rounds}",
        ("how", "p50 ms", "p99 ms", "searches/s"),
        [
            (
                name,
                median(run.p50_ms for run in runs),
                median(run.p99_ms for run in runs),
                median(run.per_second for run in runs),
            )
            for name, runs in sides.items()
        ],
    )
    for name, runs in sides.items():
        result.figures[f"{name}_p50_ms"] = median(run.p50_ms for run in runs)
        result.figures[f"{name}_p99_ms"] = median(run.p99_ms for run in runs)
        result.figures[f"{name}_per_second"] = median(run.per_second for run in runs)
