"""Refunds, captures and idempotency keys under concurrency: nothing twice, nothing in excess."""

import argparse
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg

from bench.environment import BenchError, Database, bench_database, product_environment
from bench.machine import machine_facts
from bench.processes import choose_cores
from bench.result import Bar, Result, print_table
from bench.tenants import Tenant, make_tenants
from bench.volley import Answer, Volley, post
from bench.web import APPLICATION, start_web

UNGUARDED_APPLICATION = "bench.unguarded:application"
AMOUNT = 1000
# Three refunds of this fit into a payment, and one capture.
REFUND_AMOUNT = 300
REFUNDS_THAT_FIT = AMOUNT // REFUND_AMOUNT
CAPTURE_AMOUNT = 600
RACERS = 8
KEY_RACERS = 50

# The second guards, behind the row lock: what keeps excess out if a lock were forgotten.
_DROP_CONSTRAINTS = """
    ALTER TABLE transactions DROP CONSTRAINT transactions_refunded_within_captured;
    DROP INDEX gateway_operations_once;
"""
# What went to the gateway, not what the gateway let pass: the simulator has guards of its own.
_REFUND_EXCESS = """
    SELECT count(*), count(*) FILTER (WHERE asked > captured_amount), max(asked - captured_amount)
      FROM transactions
      JOIN LATERAL (SELECT sum(amount) AS asked FROM refunds
                     WHERE refunds.transaction_id = transactions.id) AS sent ON asked > 0
     WHERE transactions.id = ANY(%s)
"""
_CAPTURE_EXCESS = """
    SELECT count(*), count(*) FILTER (WHERE captures > 1), max(asked - transactions.amount)
      FROM transactions
      JOIN LATERAL (SELECT count(*) AS captures, sum(amount) AS asked FROM gateway_operations
                     WHERE gateway_operations.transaction_id = transactions.id
                       AND kind = 'capture') AS sent ON captures > 0
     WHERE transactions.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Race:
    """What one kind of race came to: in how many rounds more was sent than there was."""

    rounds: int
    excess_rounds: int
    excess_amount_max: int
    wrong_counts: int
    statuses: dict[int, int]


@dataclass(frozen=True, slots=True)
class Stage:
    """A running product that is raced against."""

    database: Database
    volley: Volley
    tenant: Tenant


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=1000, help="rounds of refunds, of captures")
    parser.add_argument("--unguarded-rounds", type=int, default=100)
    parser.add_argument("--key-rounds", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4, help="processes of the web server")
    parser.add_argument("--threads", type=int, default=16, help="request threads of each")
    parser.add_argument("--keep", action="store_true", help="leave the bench's database behind")


def run(options: argparse.Namespace, database: Database) -> Result:
    """The same races with every guard, with one of two, and with none."""
    result = Result("races")
    with bench_database(database, keep=options.keep):
        result.figures["machine"] = machine_facts(database)
        tenant = make_tenants(count=1, cards_each=1)[0]
        races: dict[str, tuple[Race, Race]] = {}
        with _stage(database, tenant, options, APPLICATION) as stage:
            races["lock and constraint"] = _race_both(stage, options.rounds)
            keys = _race_keys(stage, options.key_rounds)
        with _stage(database, tenant, options, UNGUARDED_APPLICATION) as stage:
            races["constraint only"] = _race_both(stage, options.unguarded_rounds)
        with psycopg.connect(database.owner_url) as owner:
            owner.execute(_DROP_CONSTRAINTS)
        with _stage(database, tenant, options, APPLICATION) as stage:
            races["lock only"] = _race_both(stage, options.unguarded_rounds)
        with _stage(database, tenant, options, UNGUARDED_APPLICATION) as stage:
            races["neither"] = _race_both(stage, options.unguarded_rounds)
    _report(result, races)
    _report_keys(result, keys)
    return result


@contextmanager
def _stage(
    database: Database, tenant: Tenant, options: argparse.Namespace, application: str
) -> Iterator[Stage]:
    with ExitStack() as stack:
        web = stack.enter_context(
            start_web(
                environment=product_environment(database),
                workers=options.workers,
                threads=options.threads,
                cores=choose_cores(os.cpu_count() or 1),
                application=application,
            )
        )
        volley = Volley(web.port)
        stack.callback(volley.close)
        yield Stage(database, volley, tenant)


def _race_both(stage: Stage, rounds: int) -> tuple[Race, Race]:
    return _race_refunds(stage, rounds), _race_captures(stage, rounds)


def _race_refunds(stage: Stage, rounds: int) -> Race:
    """In each round, refunds of one payment at once of which only some fit."""
    return _race(
        stage,
        payments=_pay(stage, rounds, capture=True),
        request=lambda payment: _post(
            stage, "/v1/refunds", {"transaction": payment, "amount": REFUND_AMOUNT}
        ),
        that_fit=REFUNDS_THAT_FIT,
        excess=_REFUND_EXCESS,
    )


def _race_captures(stage: Stage, rounds: int) -> Race:
    """In each round, captures of one authorized payment at once; one may be."""
    return _race(
        stage,
        payments=_pay(stage, rounds, capture=False),
        request=lambda payment: _post(
            stage, f"/v1/transactions/{payment}/capture", {"amount": CAPTURE_AMOUNT}
        ),
        that_fit=1,
        excess=_CAPTURE_EXCESS,
    )


def _race(
    stage: Stage,
    *,
    payments: list[str],
    request: Callable[[str], bytes],
    that_fit: int,
    excess: str,
) -> Race:
    statuses: Counter[int] = Counter()
    wrong_counts = 0
    for payment in payments:
        answers = stage.volley.fire([request(payment) for _ in range(RACERS)])
        statuses.update(answer.status for answer in answers)
        wrong_counts += sum(answer.status < 300 for answer in answers) != that_fit
    with psycopg.connect(stage.database.owner_url) as owner:
        row = owner.execute(excess.encode(), [payments]).fetchone()
    raced, excess_rounds, excess_amount = row or (0, 0, 0)
    if raced != len(payments):
        raise BenchError(f"only {raced} of {len(payments)} rounds left anything: {statuses}")
    return Race(
        rounds=len(payments),
        excess_rounds=excess_rounds,
        excess_amount_max=max(0, int(excess_amount)),
        wrong_counts=wrong_counts,
        statuses=dict(sorted(statuses.items())),
    )


def _race_keys(stage: Stage, rounds: int) -> dict[str, Any]:
    """In each round, one payment under one key from many clients at once, then once more."""
    statuses: Counter[int] = Counter()
    different_answers = 0
    names = [str(number) for number in range(rounds)]
    for name in names:
        content = {
            "amount": AMOUNT,
            "currency": "USD",
            "payment_method": stage.tenant.tokens[0],
            "metadata": {"round": name},
        }
        request = post(
            path="/v1/transactions",
            key=stage.tenant.key,
            idempotency_key=f"round-{name}",
            content=content,
        )
        answers = stage.volley.fire([request] * KEY_RACERS)
        answers += stage.volley.fire([request])
        statuses.update(answer.status for answer in answers)
        told = {str(answer.body["id"]) for answer in answers if answer.status == 201}
        different_answers += len(told) != 1 or answers[-1].status != 201
    effects = _payments_by_round(stage)
    return {
        "rounds": rounds,
        "clients": KEY_RACERS,
        "rounds_without_exactly_one_effect": sum(effects.get(name, 0) != 1 for name in names),
        "rounds_with_different_answers": different_answers,
        "statuses": dict(sorted(statuses.items())),
    }


def _payments_by_round(stage: Stage) -> dict[str, int]:
    with psycopg.connect(stage.database.owner_url) as owner:
        rows = owner.execute(
            "SELECT metadata ->> 'round', count(*) FROM transactions"
            " WHERE metadata ? 'round' GROUP BY 1"
        ).fetchall()
    return {str(key): int(count) for key, count in rows}


def _pay(stage: Stage, count: int, *, capture: bool) -> list[str]:
    """Makes the payments that are raced for; their ids."""
    content = {
        "amount": AMOUNT,
        "currency": "USD",
        "payment_method": stage.tenant.tokens[0],
        "capture": capture,
    }
    ids: list[str] = []
    while len(ids) < count:
        size = min(RACERS, count - len(ids))
        answers = stage.volley.fire(
            [_post(stage, "/v1/transactions", content) for _ in range(size)]
        )
        ids.extend(str(_created(answer).body["id"]) for answer in answers)
    return ids


def _created(answer: Answer) -> Answer:
    if answer.status != 201:
        raise BenchError(f"a payment to race for failed: {answer.status} {answer.body}")
    return answer


def _post(stage: Stage, path: str, content: dict[str, Any]) -> bytes:
    return post(path=path, key=stage.tenant.key, idempotency_key=uuid4().hex, content=content)


def _report(result: Result, races: dict[str, tuple[Race, Race]]) -> None:
    kinds = ("refunds", "captures")
    print_table(
        f"{RACERS} at once over the limit; excess is what was sent to the gateway beyond it",
        ("guards", "race", "rounds", "with excess", "largest", "other count", "answers"),
        [
            (
                guards,
                kind,
                race.rounds,
                race.excess_rounds,
                race.excess_amount_max,
                race.wrong_counts,
                " ".join(f"{status}:{count}" for status, count in race.statuses.items()),
            )
            for guards, both in races.items()
            for kind, race in zip(kinds, both, strict=True)
        ],
    )
    for guards, both in races.items():
        for kind, race in zip(kinds, both, strict=True):
            result.figures[f"{kind} with {guards}"] = {
                "rounds": race.rounds,
                "excess_rounds": race.excess_rounds,
                "excess_amount_max": race.excess_amount_max,
                "rounds_with_another_count": race.wrong_counts,
                "answers": {str(status): count for status, count in race.statuses.items()},
            }
    for kind, guarded, bare in zip(
        kinds, races["lock and constraint"], races["neither"], strict=True
    ):
        result.bars[f"{kind}_in_excess"] = Bar.at_most(guarded.excess_rounds, 0)
        result.bars[f"{kind}_rounds_with_another_count"] = Bar.at_most(guarded.wrong_counts, 0)
        result.bars[f"{kind}_server_errors"] = Bar.at_most(_server_errors(guarded.statuses), 0)
        # Without excess here the harness would prove nothing.
        result.bars[f"{kind}_in_excess_without_guards"] = Bar.at_least(bare.excess_rounds, 1)


def _report_keys(result: Result, keys: dict[str, Any]) -> None:
    print_table(
        f"One idempotency key from {KEY_RACERS} clients at once",
        ("what", "count"),
        [
            ("rounds", keys["rounds"]),
            ("rounds without exactly one effect", keys["rounds_without_exactly_one_effect"]),
            ("rounds with different answers", keys["rounds_with_different_answers"]),
            *((f"answers {status}", count) for status, count in keys["statuses"].items()),
        ],
    )
    result.figures["idempotency"] = keys | {
        "statuses": {str(status): count for status, count in keys["statuses"].items()}
    }
    result.bars["key_rounds_without_one_effect"] = Bar.at_most(
        keys["rounds_without_exactly_one_effect"], 0
    )
    result.bars["key_rounds_with_different_answers"] = Bar.at_most(
        keys["rounds_with_different_answers"], 0
    )
    result.bars["key_server_errors"] = Bar.at_most(_server_errors(keys["statuses"]), 0)


def _server_errors(statuses: dict[int, int]) -> int:
    return sum(count for status, count in statuses.items() if status >= 500)
