"""Tokenising a batch of cards by the vault's service, against bare encryption and row insert."""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, transaction

from bench.cards import new_card
from bench.engines import checkpoint, postmaster, require_durable
from bench.environment import Database, bench_database
from bench.machine import machine_facts
from bench.processes import choose_cores, pinned
from bench.result import Bar, Result, print_table
from payments_project.actor import SYSTEM
from payments_project.tenancy import Scope
from vault.card_data import CardData
from vault.services.tokenise_many import CardToStore, tokenise_many

RATIO_LIMIT = 0.5
NONCE_BYTES = 12

# The vault's own table again, its columns, defaults, checks and indexes included: "the row insert"
# is of the same row. No event, which the service writes as well.
_BARE_TABLE = "CREATE TABLE bench_bare_vault (LIKE payment_methods_vault INCLUDING ALL)"
_COLUMNS = (
    "token, merchant_id, environment, encrypted_data, encryption_key_id, payment_method_type,"
    " fingerprint, last_four, brand, expires_at, event_sequence"
)
_EXPIRES = date(2031, 12, 31)
_BY_ROWS = f"INSERT INTO bench_bare_vault ({_COLUMNS}) VALUES ({', '.join(['%s'] * 11)})"
_BY_COPY = f"COPY bench_bare_vault ({_COLUMNS}) FROM STDIN"
_BY_ARRAYS = f"""
    INSERT INTO bench_bare_vault ({_COLUMNS})
    SELECT token, %s, 'test', decode(envelope, 'hex'), 'bare', 'card', fingerprint, last_four,
           'visa', %s, 1
      FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
           AS given (token, envelope, fingerprint, last_four)
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=int, default=1000, help="cards in a call")
    parser.add_argument("--rounds", type=int, default=21, help="batches of each kind")
    parser.add_argument("--cores", type=int, nargs="+", default=choose_cores(2))
    parser.add_argument("--keep", action="store_true", help="leave the bench's database behind")


def run(options: argparse.Namespace, database: Database) -> Result:
    """All write to the same server in turns, each batch with new cards; medians."""
    result = Result("vault")
    with bench_database(database, keep=options.keep):
        result.figures["durability"] = require_durable(database)
        result.figures["machine"] = machine_facts(database)
        _create_bare_table(database)
        with pinned([postmaster(database), os.getpid()], options.cores):
            checkpoint(database)
            seconds = _measure(options.batch, options.rounds)
    service = median(seconds.pop(SERVICE))
    print_table(
        f"Batches of {options.batch} cards, medians of {options.rounds}",
        ("how", "cards/s", "ms a batch", "the service's part of it"),
        [
            (SERVICE, options.batch / service, service * 1000, ""),
            *(
                (name, options.batch / bare, bare * 1000, bare / service)
                for name, bare in ((name, median(times)) for name, times in seconds.items())
            ),
        ],
    )
    result.figures["batch"] = options.batch
    result.figures["service_cards_per_second"] = options.batch / service
    for name, times in seconds.items():
        result.figures[name] = {
            "cards_per_second": options.batch / median(times),
            "ratio": median(times) / service,
        }
    # Row by row is what a caller of the driver would write; the others are shown beside it.
    bare = median(seconds[BARE_ROWS])
    result.bars["ratio_to_bare_insert"] = Bar.at_least(bare / service, RATIO_LIMIT)
    return result


def _create_bare_table(database: Database) -> None:
    role = urlsplit(database.app_url).username
    with psycopg.connect(database.owner_url) as owner:
        owner.execute(_BARE_TABLE)
        owner.execute(f'GRANT INSERT ON bench_bare_vault TO "{role}"'.encode())


def _measure(batch: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each batch by who wrote it."""
    scope = Scope(uuid4(), "test")
    seconds: dict[str, list[float]] = {}
    # One round more than is counted: the first opens connections and prepares statements.
    for number in range(rounds + 1):
        spent = {SERVICE: _service_seconds(scope, _new_cards(batch))}
        for name, store in _BARE_WAYS.items():
            cards = _BareBatch(scope.merchant_id, _new_cards(batch))
            spent[name] = _seconds(partial(store, cards))
        if number:
            for name, value in spent.items():
                seconds.setdefault(name, []).append(value)
    return seconds


def _new_cards(count: int) -> list[CardData]:
    return [new_card() for _ in range(count)]


def _service_seconds(scope: Scope, cards: Sequence[CardData]) -> float:
    entries = [CardToStore(card) for card in cards]
    return _seconds(lambda: tokenise_many(scope=scope, actor=SYSTEM, cards=entries))


class _BareBatch:
    """The floor: each number encrypted under one key, its row inserted, one commit for all.

    Tokens and fingerprints are made beforehand; making them is the service's work.
    """

    def __init__(self, merchant_id: UUID, cards: Sequence[CardData]) -> None:
        self._merchant_id = merchant_id
        self._numbers = [card.number_bytes() for card in cards]
        self._last_fours = [card.last_four for card in cards]
        self._tokens = [f"pm_{uuid4().hex}" for _ in cards]
        self._fingerprints = [os.urandom(32).hex() for _ in cards]
        self._cipher = AESGCM(AESGCM.generate_key(256))

    def by_rows(self) -> None:
        """The driver's way of running one INSERT for many rows."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_BY_ROWS, list(self._rows()))

    def by_copy(self) -> None:
        """PostgreSQL's way of loading rows."""
        with transaction.atomic(), connection.cursor() as cursor, cursor.copy(_BY_COPY) as copy:
            for row in self._rows():
                copy.write_row(row)

    def by_arrays(self) -> None:
        """One INSERT for all, its columns as array literals: what the service does as well."""
        with connection.cursor() as cursor:
            cursor.execute(
                _BY_ARRAYS,
                [
                    self._merchant_id,
                    _EXPIRES,
                    _array(self._tokens),
                    _array([envelope.hex() for envelope in self._envelopes()]),
                    _array(self._fingerprints),
                    _array(self._last_fours),
                ],
            )

    def _envelopes(self) -> Iterator[bytes]:
        for number, token in zip(self._numbers, self._tokens, strict=True):
            nonce = os.urandom(NONCE_BYTES)
            yield nonce + self._cipher.encrypt(nonce, number, token.encode())

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for token, envelope, fingerprint, last_four in zip(
            self._tokens, self._envelopes(), self._fingerprints, self._last_fours, strict=True
        ):
            yield (
                token, self._merchant_id, "test", envelope, "bare", "card", fingerprint,
                last_four, "visa", _EXPIRES, 1,
            )  # fmt: skip


SERVICE = "tokenise_many"
BARE_ROWS = "bare, executemany"
BARE_ARRAYS = "bare, one INSERT"
_BARE_WAYS = {
    BARE_ROWS: _BareBatch.by_rows,
    "bare, COPY": _BareBatch.by_copy,
    BARE_ARRAYS: _BareBatch.by_arrays,
}


def _array(values: Sequence[str]) -> str:
    """An array literal of words without special characters: cheaper than adapting each."""
    return "{" + ",".join(values) + "}"


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
