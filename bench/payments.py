"""Payments per second over HTTP against the frozen reference on the same two cores."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

import psycopg

from bench.engines import postmaster, redis_process, require_durable
from bench.environment import Database, bench_database, product_environment
from bench.load_process import HttpRequest, load_process
from bench.machine import machine_facts
from bench.phases import Bench, Phase, median_phase, product_phase, reference_phase
from bench.processes import choose_cores, memory_bytes, pinned
from bench.reference import create_reference_schema
from bench.result import Bar, Result, print_table
from bench.tenants import Tenant, make_tenants, payment_request
from bench.traced import Trace, trace_payments
from bench.web import THREADS, WORKERS, start_web

RATIO_LIMIT = 0.25
RATIO_AIM = 0.4
OTHERS_SHARE_MAX = 0.05
ONE_MERCHANT_LIMIT = 0.9
BAR_CLIENTS = 8
CREATED = 201
SUCCEEDED = '"status":"succeeded"'


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a measured phase")
    parser.add_argument("--rounds", type=int, default=7, help="pairs of phases per client count")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--merchants", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes of the web server")
    parser.add_argument("--threads", type=int, default=THREADS, help="request threads of each")
    parser.add_argument("--cores", type=int, nargs="+", default=choose_cores(2))
    parser.add_argument("--keep", action="store_true", help="leave the bench's database behind")


def run(options: argparse.Namespace, database: Database) -> Result:
    """Measures, prints and returns; see docs/benchmarks.md for what each figure means."""
    result = Result("payments")
    with bench_database(database, keep=options.keep):
        result.figures["durability"] = require_durable(database)
        result.figures["machine"] = machine_facts(database)
        create_reference_schema(database)
        spread = make_tenants(count=options.merchants, cards_each=1)
        single = make_tenants(count=1, cards_each=options.merchants)
        with ExitStack() as stack:
            bench = _start(stack, database, options)
            product, reference, one, many = _measure(bench, options, spread, single)
            result.figures["memory"] = _memory(bench)
        trace = trace_payments(
            database=database,
            request=_requests(spread)[0],
            status=CREATED,
            cores=options.cores,
        )
        result.figures["books"] = books = _books(database)
    measured = [*(phase for phases in product.values() for phase in phases), *one, *many]
    answered = sum(phase.payments for phase in measured)
    _report(result, options, product, reference)
    _report_merchants(result, one, many)
    _report_trace(result, trace)
    _report_web(result)
    result.bars["failed_payments"] = Bar.at_most(sum(phase.failed for phase in measured), 0)
    result.bars["succeeded_payments_missing"] = Bar.at_most(
        max(0, answered - books["succeeded"]), 0
    )
    result.bars["payments_without_two_ledger_rows"] = Bar.at_most(books["without_ledger"], 0)
    return result


def _start(stack: ExitStack, database: Database, options: argparse.Namespace) -> Bench:
    server, cache = postmaster(database), redis_process()
    stack.enter_context(pinned([server, cache], options.cores))
    web = stack.enter_context(
        start_web(
            environment=product_environment(database),
            workers=options.workers,
            threads=options.threads,
            cores=options.cores,
        )
    )
    load = stack.enter_context(load_process(options.cores))
    return Bench(
        database=database,
        cores=options.cores,
        postmaster=server,
        redis=cache,
        web=web,
        load=load,
        seconds=options.seconds,
        merchants=options.merchants,
    )


def _measure(
    bench: Bench,
    options: argparse.Namespace,
    spread: Sequence[Tenant],
    single: Sequence[Tenant],
) -> tuple[dict[int, list[Phase]], dict[int, list[Phase]], list[Phase], list[Phase]]:
    """Reference and product in pairs, at each number of clients; then one merchant and many."""
    product: dict[int, list[Phase]] = {clients: [] for clients in options.clients}
    reference: dict[int, list[Phase]] = {clients: [] for clients in options.clients}
    kinds = [(reference, reference_phase), (product, product_phase)]
    _prepare(bench, spread)
    # One pair that is not counted: PostgreSQL plans a statement anew five times on each connection
    # before it keeps a plan, and a server of 32 connections is through with that after a while.
    for measure in (reference_phase, product_phase):
        measure(bench, clients=max(options.clients))
    for number in range(options.rounds):
        for clients in options.clients:
            # In turns first and second, so that a machine that slows down favours neither.
            for phases, measure in kinds if number % 2 == 0 else reversed(kinds):
                phases[clients].append(measure(bench, clients=clients))
            print(
                f"round {number + 1}, {clients} clients:"
                f" reference {reference[clients][-1].per_second:,.0f}/s,"
                f" payments {product[clients][-1].per_second:,.0f}/s",
                flush=True,
            )
    one: list[Phase] = []
    many: list[Phase] = []
    for _ in range(options.rounds):
        _prepare(bench, single)
        one.append(product_phase(bench, clients=BAR_CLIENTS))
        _prepare(bench, spread)
        many.append(product_phase(bench, clients=BAR_CLIENTS))
    return product, reference, one, many


def _prepare(bench: Bench, tenants: Sequence[Tenant]) -> None:
    bench.load.prepare(
        port=bench.web.port, requests=_requests(tenants), status=CREATED, fragments=[SUCCEEDED]
    )


def _requests(tenants: Sequence[Tenant]) -> list[HttpRequest]:
    return [payment_request(tenant, token=token) for tenant in tenants for token in tenant.tokens]


def _memory(bench: Bench) -> list[dict[str, float]]:
    """Memory of each web process after the load, the largest first; MiB."""
    sizes = sorted((memory_bytes(pid) for pid in bench.web.workers()), reverse=True)
    return [{"rss_mib": rss / 2**20, "pss_mib": pss / 2**20} for rss, pss in sizes]


def _books(database: Database) -> dict[str, int]:
    """What the database holds at the end, so that a rate of lost payments can't be quoted."""
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute(
            """
            SELECT count(*) FILTER (WHERE status = 'succeeded'),
                   count(*) FILTER (WHERE status <> 'succeeded'),
                   count(*) FILTER (WHERE status = 'succeeded' AND entries <> 2)
              FROM transactions
              LEFT JOIN LATERAL (SELECT count(*) AS entries FROM ledger_entries
                                  WHERE transaction_id = transactions.id) AS ledger ON true
            """
        ).fetchone()
        rollbacks = connection.execute(
            "SELECT xact_rollback, deadlocks FROM pg_stat_database WHERE datname = %s",
            [database.name],
        ).fetchone()
    names = ("succeeded", "other_states", "without_ledger", "rollbacks", "deadlocks")
    return dict(zip(names, (*(row or ()), *(rollbacks or ())), strict=True))


def _report(
    result: Result,
    options: argparse.Namespace,
    product: dict[int, list[Phase]],
    reference: dict[int, list[Phase]],
) -> None:
    ours = {clients: median_phase(phases) for clients, phases in product.items()}
    bare = {clients: median_phase(phases) for clients, phases in reference.items()}
    ratios = {
        clients: median(
            phase.per_second / other.per_second
            for phase, other in zip(product[clients], reference[clients], strict=True)
        )
        for clients in product
    }
    print_table(
        f"Payments over HTTP, {options.merchants} merchants, cores"
        f" {','.join(map(str, options.cores))}, {options.workers} web processes of"
        f" {options.threads} threads; medians of {options.rounds} rounds of"
        f" {options.seconds:g} s",
        (
            *("clients", "payments/s", "pgbench/s", "ratio", "CPU ratio"),
            *("p50 ms", "p99 ms", "failed", "others"),
        ),
        [
            (
                clients,
                ours[clients].per_second,
                bare[clients].per_second,
                ratios[clients],
                bare[clients].cpu_ms_total / ours[clients].cpu_ms_total,
                ours[clients].p50_ms,
                ours[clients].p99_ms,
                ours[clients].failed,
                f"{ours[clients].others_share:.0%}",
            )
            for clients in ours
        ],
    )
    _print_cpu(ours, bare)
    for phase in ours.values():
        for failure in phase.failures:
            print(f"failed: {failure}")
    if max(phase.others_share for phase in ours.values()) > OTHERS_SHARE_MAX:
        print("Other processes took part of these cores: quote ratios, not rates.")
    print(f"The bar is {RATIO_LIMIT} at {BAR_CLIENTS} clients, the aim {RATIO_AIM}.")
    result.figures["options"] = {
        name: getattr(options, name)
        for name in ("seconds", "rounds", "merchants", "workers", "threads", "cores")
    }
    result.figures["clients"] = {
        str(clients): {
            "payments_per_second": ours[clients].per_second,
            "reference_per_second": bare[clients].per_second,
            "ratio": ratios[clients],
            "cpu_ratio": bare[clients].cpu_ms_total / ours[clients].cpu_ms_total,
            "p50_ms": ours[clients].p50_ms,
            "p99_ms": ours[clients].p99_ms,
            "failed": ours[clients].failed,
            "cpu_ms_per_payment": ours[clients].cpu_ms | {"total": ours[clients].cpu_ms_total},
            "reference_cpu_ms": bare[clients].cpu_ms | {"total": bare[clients].cpu_ms_total},
            "writes_per_payment": ours[clients].writes,
            "reference_writes": bare[clients].writes,
            "others_share_of_cores": ours[clients].others_share,
        }
        for clients in ours
    }
    if BAR_CLIENTS in ratios:
        result.bars["ratio_at_8_clients"] = Bar.at_least(ratios[BAR_CLIENTS], RATIO_LIMIT)


def _print_cpu(ours: dict[int, Phase], bare: dict[int, Phase]) -> None:
    kinds = list(dict.fromkeys(kind for phase in ours.values() for kind in phase.cpu_ms))
    print_table(
        "CPU milliseconds per payment (the reference's in brackets)",
        ("process", *(f"{clients} clients" for clients in ours)),
        [
            *(
                (
                    kind,
                    *(
                        f"{ours[clients].cpu_ms.get(kind, 0):.3f}"
                        f" ({bare[clients].cpu_ms.get(kind, 0):.3f})"
                        for clients in ours
                    ),
                )
                for kind in kinds
            ),
            (
                "all",
                *(
                    f"{ours[clients].cpu_ms_total:.3f} ({bare[clients].cpu_ms_total:.3f})"
                    for clients in ours
                ),
            ),
        ],
    )
    print_table(
        "Writes per payment (the reference's in brackets)",
        ("what", *(f"{clients} clients" for clients in ours)),
        [
            (
                name.replace("_", " "),
                *(
                    f"{ours[clients].writes[name]:,.2f} ({bare[clients].writes[name]:,.2f})"
                    for clients in ours
                ),
            )
            for name in next(iter(ours.values())).writes
        ],
    )


def _report_merchants(result: Result, one: Sequence[Phase], many: Sequence[Phase]) -> None:
    ratio = median(
        single.per_second / spread.per_second for single, spread in zip(one, many, strict=True)
    )
    print_table(
        f"One merchant and many, {BAR_CLIENTS} clients",
        ("merchants", "payments/s", "p50 ms", "p99 ms", "CPU ms"),
        [
            (name, phase.per_second, phase.p50_ms, phase.p99_ms, phase.cpu_ms_total)
            for name, phase in (("one", median_phase(one)), ("many", median_phase(many)))
        ],
    )
    result.figures["one_merchant_per_second"] = median_phase(one).per_second
    result.figures["many_merchants_per_second"] = median_phase(many).per_second
    result.bars["one_merchant_of_many"] = Bar.at_least(ratio, ONE_MERCHANT_LIMIT)


def _report_trace(result: Result, trace: Trace) -> None:
    print_table(
        "One payment on the wire (medians of 50)",
        ("what", "count"),
        [
            ("PostgreSQL statements", trace.statements),
            ("PostgreSQL round trips", trace.round_trips),
            ("PostgreSQL transactions", trace.transactions),
            ("Redis commands", trace.redis_commands),
            ("Redis round trips", trace.redis_round_trips),
        ],
    )
    for text, times in (*trace.texts, *trace.redis_names):
        print(f"  {times} x {text[:110]}")
    result.figures["per_payment"] = {
        "statements": trace.statements,
        "round_trips": trace.round_trips,
        "transactions": trace.transactions,
        "redis_commands": trace.redis_commands,
        "redis_round_trips": trace.redis_round_trips,
    }


def _report_web(result: Result) -> None:
    print_table(
        "Memory of each web process after the load, MiB",
        ("process", "RSS", "PSS"),
        [
            (number, sizes["rss_mib"], sizes["pss_mib"])
            for number, sizes in enumerate(result.figures["memory"], start=1)
        ],
    )
    books = result.figures["books"]
    print(
        f"{books['succeeded']:,} payments in the database, {books['rollbacks']} transactions"
        f" rolled back, {books['deadlocks']} deadlocks"
    )
