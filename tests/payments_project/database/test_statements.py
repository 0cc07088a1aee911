"""Prepared statements of the payment path, on connections that lose them."""

from django.db import connection

from payments_project.database.statements import fetch_one

ONE = "SELECT %s::int + 1"
OTHER = "SELECT %s::int + 2"


def lose_all() -> None:
    """What psycopg does to a connection some time after a rollback."""
    connection.connection.execute("DEALLOCATE ALL")


def test_lost_statements_are_prepared_again_in_any_order() -> None:
    assert (fetch_one(ONE, [1]), fetch_one(OTHER, [1])) == ((2,), (3,))
    lose_all()
    assert fetch_one(ONE, [1]) == (2,)
    lose_all()

    assert fetch_one(OTHER, [1]) == (3,)
    assert fetch_one(ONE, [1]) == (2,)
    assert fetch_one(OTHER, [1]) == (3,)


def test_every_connection_prepares_its_own() -> None:
    fetch_one(ONE, [1])
    connection.close()

    assert fetch_one(ONE, [41]) == (42,)
