"""Fixtures of all tests: a real database per worker, a real server over real HTTP.

Tests commit. None cleans up behind itself: each makes the merchants it needs, and a merchant's
rows are nobody else's, just as in production. The tests run as the application role, so that a
missing right is found here.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker

from tests.api_client import Api
from tests.merchants.making import MadeMerchant, client_of, make_merchant
from tests.server import Server, start_server

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The worker's database: a copy of a template that is migrated once per change of schema."""
    owner_url = os.environ["DATABASE_OWNER_URL"]
    template = f"{settings.TEMPLATE_DATABASE}_{_schema_digest()}"
    name = settings.DATABASES["default"]["NAME"]
    lock_file = Path("/tmp") / f"payments-tests-{os.getuid()}.lock"  # noqa: S108
    with lock_file.open("w") as lock, psycopg.connect(owner_url, autocommit=True) as owner:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _exists(owner, template):
            _build_template(owner, owner_url, template)
        owner.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        owner.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    with django_db_blocker.unblock():
        yield


@pytest.fixture(autouse=True)
def _database(django_db_setup: None) -> None:
    """Every test may use the database."""


_servers: list[Server] = []


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[Server]:
    """The product's web server, as it runs in production, on the worker's database."""
    with start_server() as running:
        settings.PUBLIC_URL = running.url
        _servers.append(running)
        yield running


@pytest.fixture(autouse=True)
def _server_lives() -> Iterator[None]:
    """A test that ends the web server fails, and no other does for it."""
    yield
    for running in _servers:
        if running.process.poll() is not None:
            end_of_log = running.log.read_text()[-4000:]
            running.start_again()
            pytest.fail(f"the web server ended during this test:\n{end_of_log}")


def _schema_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(ROOT.glob("*/migrations/**/*")):
        if path.suffix in (".py", ".sql"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _exists(owner: psycopg.Connection, name: str) -> bool:
    found = owner.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    return found is not None


def _build_template(owner: psycopg.Connection, owner_url: str, template: str) -> None:
    building = f"{template}_building"
    owner.execute(f'DROP DATABASE IF EXISTS "{building}" WITH (FORCE)')
    owner.execute(f'CREATE DATABASE "{building}"')
    base, _, _ = owner_url.rpartition("/")
    environment = os.environ | {
        "DATABASE_URL": f"{base}/{building}",
        "DJANGO_SETTINGS_MODULE": "payments_project.settings.local",
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env=environment,
        check=True,
    )
    owner.execute(f'ALTER DATABASE "{building}" RENAME TO "{template}"')


@pytest.fixture
def merchant() -> MadeMerchant:
    """A fresh active merchant with a key for everything in each environment."""
    return make_merchant()


@pytest.fixture
def api(server: Server, merchant: MadeMerchant) -> Iterator[Api]:
    """The merchant's test key over HTTP."""
    with client_of(server, merchant, "test") as client:
        yield client


@pytest.fixture
def live_api(server: Server, merchant: MadeMerchant) -> Iterator[Api]:
    """The same merchant's live key."""
    with client_of(server, merchant, "live") as client:
        yield client


@pytest.fixture
def other_api(server: Server) -> Iterator[Api]:
    """Another merchant's test key."""
    with client_of(server, make_merchant(), "test") as client:
        yield client


@pytest.fixture
def runs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of one job in this process know nothing of each other, as while Redis is away."""

    def no_connection(_name: str) -> None:
        raise redis.exceptions.ConnectionError

    monkeypatch.setattr("payments_project.single_run.get_redis_connection", no_connection)
