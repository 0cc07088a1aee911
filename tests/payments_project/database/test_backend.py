"""Which connection the pool gives: the last used one, and none that died while it lay idle."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
from django.conf import settings
from django.db import connection

from tests.api_client import Api
from tests.server import start_server

CLIENTS = 12


def end_all_connections() -> set[int]:
    """Ends this database's connections, as a restart of the server does; their process ids.

    This thread's own goes back into its pool first, and dies there like the others.
    """
    connection.close()
    database = settings.DATABASES["default"]
    with psycopg.connect(
        host=database["HOST"],
        port=database["PORT"],
        user=database["USER"],
        password=database["PASSWORD"],
        dbname=database["NAME"],
        autocommit=True,
    ) as outside:
        ended = outside.execute(
            """SELECT pid, pg_terminate_backend(pid, 5000) FROM pg_stat_activity
               WHERE datname = current_database() AND usename = current_user
               AND pid <> pg_backend_pid()"""
        ).fetchall()
    assert all(gone for _, gone in ended)
    return {pid for pid, _ in ended}


def own_server_process() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_requests_after_all_connections_were_dropped_succeed(api: Api):
    def look(_: int) -> int:
        return api.get("/v1/balance").status_code

    with start_server() as server, ThreadPoolExecutor(CLIENTS) as clients:
        api.http.base_url = server.url
        # At once, so that its pool grows to several connections.
        assert set(clients.map(look, range(60))) == {200}
        assert len(end_all_connections()) > 1
        assert [look(number) for number in range(30)] == [200] * 30


def test_a_dead_connection_of_the_pool_is_replaced():
    before = own_server_process()
    assert before in end_all_connections()
    assert own_server_process() != before


def test_the_connection_that_came_back_last_is_given_first():
    pool = connection.pool
    first, second = pool.getconn(), pool.getconn()
    pool.putconn(second)
    pool.putconn(first)
    given = [pool.getconn(), pool.getconn()]
    for each in given:
        pool.putconn(each)
    assert given == [first, second]
