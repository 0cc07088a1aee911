"""Old months of the log go once every reader has taken all of them; money's months stay."""

from datetime import date
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection

from payments_project.database.partitions import drop_old_months
from payments_project.database.transaction_manager import sqlstate
from tests.payments_project.events.reading import born_now, reading, take_all
from tests.schema.rows import APPLICATION, connect, insert_row, make_months, one, partitions

TODAY = date(2026, 11, 17)


@pytest.fixture(autouse=True)
def _no_readers() -> None:
    """Those of other tests would have to read the old months too."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM event_cursors WHERE reads = 'events'")


def old_event(database: psycopg.Connection, day: str) -> None:
    """An event of that day, written now."""
    make_months(database, "events", day)
    identity = one(database, "SELECT uuidv7(%s::timestamptz - clock_timestamp())", [day])
    insert_row(database, "events", id=identity)


def months_of(table: str) -> list[str]:
    with connect(APPLICATION) as database:
        return partitions(database, table)


def test_a_month_goes_once_every_reader_has_taken_it(settings: Any) -> None:
    settings.EVENTS_KEPT_MONTHS = 24
    quick, slow = born_now(), born_now()
    with connect(APPLICATION, autocommit=True) as database:
        old_event(database, "2003-05-06")
    with reading(quick) as reader:
        take_all(reader)

    assert "events_2003_05" not in drop_old_months(today=TODAY)
    assert "events_2003_05" in months_of("events")

    with reading(slow) as reader:
        take_all(reader)
    assert "events_2003_05" in drop_old_months(today=TODAY)
    assert "events_2003_05" not in months_of("events")
    assert "events_2003_05" not in drop_old_months(today=TODAY)


def test_what_is_kept_stays(settings: Any) -> None:
    settings.EVENTS_KEPT_MONTHS = 24
    settings.WEBHOOKS_KEPT_MONTHS = 6
    with connect(APPLICATION, autocommit=True) as database:
        make_months(database, "events", "2024-10-01", "2024-11-01")
        make_months(database, "webhook_deliveries", "2026-04-01", "2026-05-01")
        make_months(database, "webhook_attempts", "2026-04-01", "2026-05-01")

    dropped = drop_old_months(today=TODAY)

    assert {"events_2024_10", "webhook_deliveries_2026_04", "webhook_attempts_2026_04"} <= set(
        dropped
    )
    assert "events_2024_11" in months_of("events")
    assert "webhook_deliveries_2026_05" in months_of("webhook_deliveries")
    assert "webhook_attempts_2026_05" in months_of("webhook_attempts")


@pytest.mark.parametrize("table", ["transactions", "ledger_entries", "merchants"])
def test_no_month_of_money_can_be_dropped(table: str) -> None:
    with pytest.raises(DatabaseError, match="are not dropped") as refusal, connection.cursor() as c:
        c.execute("SELECT drop_monthly_partition(%s, '2001-01-01')", [table])
    assert sqlstate(refusal.value) == "42501"


def test_a_young_month_can_not_be_dropped_whoever_asks() -> None:
    with pytest.raises(DatabaseError, match="too young"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT drop_monthly_partition('events', (now() - interval '2 months')::date)"
        )


def test_a_month_stays_while_a_reader_is_of_another_cluster(settings: Any) -> None:
    name = born_now()
    with connect(APPLICATION, autocommit=True) as database:
        make_months(database, "events", "2003-07-01")
        database.execute("UPDATE event_cursors SET system_identifier = 1 WHERE name = %s", [name])

    assert "events_2003_07" not in drop_old_months(today=TODAY)
    assert "events_2003_07" in months_of("events")
