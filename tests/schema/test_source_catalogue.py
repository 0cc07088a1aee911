"""The product's tables against the source design's, both as PostgreSQL's catalogue has them."""

import hashlib
import os
from collections.abc import Iterator
from importlib import import_module

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from payments_project.database.transaction_manager import payment_transaction
from payments_project.schedule import SCHEDULE
from tests.schema.catalogue import Catalogue, read_catalogue
from tests.schema.source_differences import (
    ADDITIONS,
    DIFFERENCES,
    MARKDOWN,
    NOT_REPEATED,
    OWN_FUNCTIONS,
    OWN_TABLES,
    Difference,
    markdown,
)
from tests.schema.source_sql import DOCUMENT, SCHEMA, schema_sql, source_statements

DOCUMENT_SHA256 = "34aae4479ded09bb952411ad40fd70128f636437efe3d4027d1f1014997f386b"


def owner_connection(database: str) -> psycopg.Connection:
    base, _, _ = os.environ["DATABASE_OWNER_URL"].rpartition("/")
    return psycopg.connect(f"{base}/{database}", autocommit=True)


@pytest.fixture(scope="module")
def source() -> Iterator[Catalogue]:
    """The catalogue of ``schema.sql`` in an empty database."""
    name = settings.DATABASES["default"]["NAME"]
    scratch = f"{name}_source"
    with owner_connection("postgres") as server:
        server.execute(f'DROP DATABASE IF EXISTS "{scratch}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{scratch}"')
        try:
            with owner_connection(scratch) as database:
                database.execute(SCHEMA.read_text())
                yield read_catalogue(database)
        finally:
            server.execute(f'DROP DATABASE "{scratch}" WITH (FORCE)')


@pytest.fixture(scope="module")
def ours(django_db_setup: None) -> Catalogue:
    """The catalogue of the migrated database."""
    with owner_connection(settings.DATABASES["default"]["NAME"]) as database:
        return read_catalogue(database)


def test_the_document_is_as_it_was_given():
    assert hashlib.sha256(DOCUMENT.read_bytes()).hexdigest() == DOCUMENT_SHA256


def test_schema_sql_is_what_the_document_says():
    document, statements = DOCUMENT.read_text(), source_statements()
    assert SCHEMA.read_text() == schema_sql()
    assert [statement for statement in statements if statement not in document] == []
    assert len(statements) == document.count("\nCREATE ") + document.count("\nSELECT cron.")


def test_differences_page_is_what_the_lists_say():
    assert MARKDOWN.read_text() == markdown()


def test_every_object_of_the_source_is_ours_but_for_listed_differences(
    source: Catalogue, ours: Catalogue
):
    found = {
        (name, kind, text, ours.get((name, kind)))
        for (name, kind), text in source.items()
        if ours.get((name, kind)) != text
    }
    # A column, constraint or function that is absent is told once, not once per fact.
    found = {
        (name, kind, text, own)
        for name, kind, text, own in found
        if own is not None or kind in ("relation", "constraint", "index", "type", "returns")
    }
    listed = {(entry.name, entry.kind, *_texts(entry, source, ours)) for entry in DIFFERENCES}
    assert len(listed) == len(DIFFERENCES), "a difference is listed twice"
    unlisted, gone = _lines(found - listed), _lines(listed - found)
    assert not unlisted, "not in DIFFERENCES:\n" + "\n".join(unlisted)
    assert not gone, "in DIFFERENCES, but gone:\n" + "\n".join(gone)


def _texts(entry: Difference, source: Catalogue, ours: Catalogue) -> tuple[str, str | None]:
    """An entry's two texts; those that the list does not repeat are taken from the catalogues."""
    if entry.source == NOT_REPEATED:
        fact = (entry.name, entry.kind)
        return source.get(fact, "absent"), ours.get(fact)
    return entry.source, entry.ours


def test_nothing_is_added_to_a_table_of_the_source_without_a_reason(
    source: Catalogue, ours: Catalogue
):
    tables = {name for name, kind in source if kind == "relation"}
    of_the_source = {name for name, _ in source}
    found = {
        name
        for name, _ in ours
        if "." in name and name.split(".")[0] in tables and name not in of_the_source
    }
    listed = [f"{addition.table}.{name}" for addition in ADDITIONS for name in addition.all_names()]
    assert len(listed) == len(set(listed)), "an addition is listed twice"
    unlisted, gone = sorted(found - set(listed)), sorted(set(listed) - found)
    assert not unlisted, "not in ADDITIONS:\n" + "\n".join(unlisted)
    assert not gone, "in ADDITIONS, but gone:\n" + "\n".join(gone)


def test_no_table_or_function_is_added_without_a_reason(source: Catalogue, ours: Catalogue):
    added = {name for name, kind in ours if kind == "relation"} - {n for n, _ in source}
    assert added == {table for group in OWN_TABLES for table in group.names}
    functions = {name.split("(")[0] for name, kind in ours if kind == "returns"}
    functions -= {name.split("(")[0] for name, kind in source if kind == "returns"}
    assert functions == {name for group in OWN_FUNCTIONS for name in group.names}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("payments_project.database.transaction_manager", "payment_transaction"),
        ("disputes.services.record", "process_payment_with_refund_protection"),
    ],
)
def test_functions_of_the_documents_python_exist_under_their_names(module: str, name: str):
    assert callable(getattr(import_module(module), name))


def test_payment_transaction_takes_the_isolation_level_and_sets_it():
    levels = {}
    for level in ("READ COMMITTED", "SERIALIZABLE"):
        with payment_transaction(level), connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            levels[level] = cursor.fetchone()[0]
    assert levels == {"READ COMMITTED": "read committed", "SERIALIZABLE": "serializable"}


def test_monthly_view_is_refreshed_daily_at_two_as_the_cron_call_says():
    refreshes = [
        entry for entry in SCHEDULE.values() if entry["task"] == "analytics.refresh_monthly_stats"
    ]
    assert [
        (at.minute, at.hour, at.day_of_month, at.month_of_year, at.day_of_week)
        for at in (entry["schedule"] for entry in refreshes)
    ] == [({0}, {2}, set(range(1, 32)), set(range(1, 13)), set(range(7)))]


def _lines(facts: set[tuple[str, str, str, str | None]]) -> list[str]:
    return sorted(
        f"{name} {kind}: source {text!r}, ours {own!r}" for name, kind, text, own in facts
    )
