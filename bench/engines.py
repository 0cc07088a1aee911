"""The engines under test: where their processes are, and whether they are durable."""

from pathlib import Path

import psycopg
import redis

from bench.environment import BenchError, Database, required

# What a commit must mean for any figure of ours to count.
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def require_durable(database: Database) -> dict[str, str]:
    """The settings that make a commit survive a crash; ``BenchError`` if one is off.

    Read as the application role, whose own settings could differ from the server's.
    """
    with psycopg.connect(database.app_url) as connection:
        settings = {
            name: str(connection.execute(f"SHOW {name}").fetchone()[0])  # type: ignore[index]
            for name in _DURABLE
        }
    wrong = {name: value for name, value in settings.items() if value != _DURABLE[name]}
    if wrong:
        raise BenchError(f"this server loses commits in a crash: {wrong}")
    return settings


def postmaster(database: Database) -> int:
    """The process id of the PostgreSQL server, which must run on this machine."""
    with psycopg.connect(database.app_url) as connection:
        backend = connection.info.backend_pid
        status = Path(f"/proc/{backend}/status")
        if not status.exists() or not status.read_text().startswith("Name:\tpostgres"):
            raise BenchError("PostgreSQL runs elsewhere: its CPU can't be counted nor pinned")
        for line in status.read_text().splitlines():
            if line.startswith("PPid:"):
                return int(line.split()[1])
    raise BenchError("PostgreSQL's server process was not found")


def redis_process() -> int:
    """The process id of the Redis server, which must run on this machine."""
    with redis.Redis.from_url(required("REDIS_URL")) as client:
        pid = int(client.info("server")["process_id"])
    if not Path(f"/proc/{pid}").exists():
        raise BenchError("Redis runs elsewhere: its CPU can't be counted nor pinned")
    return pid


def checkpoint(database: Database) -> None:
    """A checkpoint now, so that every measured phase starts alike; nothing without the right."""
    with psycopg.connect(database.administrator_url, autocommit=True) as connection:
        try:
            connection.execute("CHECKPOINT")
        except psycopg.errors.InsufficientPrivilege:
            return


class WriteMeter:
    """What the server wrote between ``start`` and ``stop``: transactions, log bytes, log flushes.

    Counted for the whole server, so nothing else may write meanwhile.
    """

    _QUERY = """
        SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
               pg_current_wal_insert_lsn() - '0/0'::pg_lsn,
               (SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal')
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._before: tuple[float, ...] = ()

    def start(self) -> None:
        self._before = self._read()

    def stop(self) -> dict[str, float]:
        """``writing_transactions`` (committed or not), ``wal_bytes`` and ``wal_flushes``."""
        spent = [after - before for after, before in zip(self._read(), self._before, strict=True)]
        return dict(zip(("writing_transactions", "wal_bytes", "wal_flushes"), spent, strict=True))

    def _read(self) -> tuple[float, ...]:
        with psycopg.connect(self._database.app_url, autocommit=True) as connection:
            row = connection.execute(self._QUERY).fetchone()
        return tuple(float(value) for value in row or ())
