"""The product behind a real PgBouncer in transaction mode: no session state is missed.

Every client's statements go over the same three connections, in turns: what one leaves on them
(a setting, a lock, a cursor, a prepared statement) would be found by another.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from disputes.services.audit_books import audit_books
from payments_project.events.reader_connection import reader_connection
from payments_project.local.unprivileged import give, reduced
from payments_project.staff.models import StaffUser
from tests.api_client import Api, new_key
from tests.console.signing_in import signed_in
from tests.faults.engines import WAIT_SECONDS_MAX, free_port
from tests.payments_project.events.reading import born_now, reading, rows_of, take_all
from tests.server import Server, start_server
from tests.stack_selection import required_program
from tests.threads import at_once

pytestmark = pytest.mark.pgbouncer

CLIENTS = 8
SERVER_CONNECTIONS = 3
# From here on it knows the statements that its clients prepared.
PREPARES_FROM = (1, 21)


@pytest.fixture(scope="module")
def pgbouncer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """PgBouncer before this run's PostgreSQL; its port's ``DATABASE_URL``."""
    program = required_program("pgbouncer")
    database = urlsplit(os.environ["DATABASE_URL"])
    port = free_port()
    folder = tmp_path_factory.mktemp("pgbouncer")
    (folder / "users").write_text(f'"{database.username}" "{database.password}"\n')
    (folder / "ini").write_text(
        f"""[databases]
* = host={database.hostname} port={database.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {folder / "users"}
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
{"max_prepared_statements = 100" if prepares(program) else ""}
"""
    )
    # It refuses to run as root.
    open_to_all(folder)
    give(folder)
    privileges = reduced(needs=[Path(program), folder])
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*privileges.prefix, program, folder / "ini"],
            stdout=log,
            stderr=subprocess.STDOUT,
            **privileges.arguments,
        )
    url = database._replace(netloc=f"{database.username}:{database.password}@127.0.0.1:{port}")
    try:
        wait_for(url.geturl(), process, folder / "log")
        yield url.geturl()
    finally:
        process.terminate()
        process.wait()


def prepares(program: str) -> bool:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    version = told.stdout.split()[1].split(".")
    return (int(version[0]), int(version[1])) >= PREPARES_FROM


def open_to_all(folder: Path) -> None:
    """pytest's folders are their owner's alone."""
    for each in (folder, folder.parent, folder.parent.parent):
        each.chmod(each.stat().st_mode | 0o055)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"PgBouncer does not answer:\n{log.read_text()}")


@pytest.fixture(scope="module")
def server(django_db_setup: None, pgbouncer: str) -> Iterator[Server]:
    """The web server, which reaches PostgreSQL through PgBouncer alone."""
    with start_server(
        DATABASE_URL=pgbouncer,
        DATABASE_PREPARED_STATEMENTS=str(prepares(shutil.which("pgbouncer") or "")),
        workers=2,
    ) as running:
        yield running


def test_every_flow_by_many_clients_over_few_connections(api: Api) -> None:
    customer = api.post("/v1/customers", {"name": "Ada"}).json()["id"]

    def business(_: int) -> dict[str, str]:
        paid = api.paid(key=new_key())
        body = {"transaction": paid["id"], "amount": 400}
        refund = api.post("/v1/refunds", body, key=new_key()).json()
        held = api.paid(capture=False, customer=customer)
        api.post(f"/v1/transactions/{held['id']}/capture", {"amount": 600}, key=new_key())
        voided = api.paid(capture=False)
        api.post(f"/v1/transactions/{voided['id']}/cancel", key=new_key())
        declined = api.pay("4000000000000002", key=new_key()).json()["error"]["transaction"]
        recorded = api.post(
            "/v1/transactions/record",
            {
                "amount": 1000,
                "currency": "USD",
                "payment_method_type": "cash",
                "external_reference": new_key(),
                "refund": {"amount": 1000},
            },
            key=new_key(),
        ).json()
        api.patch(f"/v1/transactions/{paid['id']}", {"description": "Lamp"})
        found = api.get(
            "/v1/transactions", limit=100, **{"created_at[gte]": "2020-01-01T00:00:00Z"}
        )
        assert found.status_code == 200
        assert refund["status"] == "succeeded"
        return {
            paid["id"]: "succeeded",
            held["id"]: "succeeded",
            voided["id"]: "cancelled",
            declined["id"]: "failed",
            recorded["id"]: "refunded",
        }

    for _ in range(3):
        for expected in at_once(CLIENTS, business):
            stand = {name: api.transaction(name)["status"] for name in expected}
            assert stand == expected

    # A payment of 1,000 costs 59, one of 600 costs 47 (2.9 % and 30 cents); 400 went back.
    times = 3 * CLIENTS
    pending = api.balance()["pending"]
    assert pending + api.balance()["available"] == times * (1000 - 59 - 400 + 600 - 47)
    assert audit_books() == []


def test_one_key_from_many_clients_is_one_payment(api: Api) -> None:
    key, card = new_key(), api.card()
    body = {"amount": 1000, "currency": "USD", "payment_method": card}

    answers = at_once(CLIENTS, lambda _: api.post("/v1/transactions", body, key=key))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert len(api.get("/v1/transactions").json()["data"]) == 1


def test_refunds_at_once_stay_within_the_payment(api: Api) -> None:
    paid = api.paid(amount=1000)
    body = {"transaction": paid["id"], "amount": 300}

    answers = at_once(CLIENTS, lambda _: api.post("/v1/refunds", body))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5


def test_a_list_is_exported_through_it(server: Server, api: Api) -> None:
    for _ in range(3):
        api.paid(amount=1234)
    name = new_key()
    StaffUser.objects.create_user(username=name, is_staff=True, is_superuser=True)
    browser = signed_in(StaffUser.objects.get(username=name))
    token = "t" * 32
    answer = httpx.post(
        f"{server.url}/admin/transactions/transaction/export/",
        params={"merchant": str(api.scope.merchant_id), "environment": "test"},
        data={"reason": "Ticket 4711", "csrfmiddlewaretoken": token},
        cookies={
            settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value,
            "csrftoken": token,
        },
    )
    assert answer.status_code == 200
    _, *rows, last = answer.content.decode("utf-8-sig").splitlines()
    assert [",1234,12.34,USD," in row for row in rows] == [True] * 3
    assert last.startswith('"# end of file: 3 rows of transactions')


def test_readers_of_the_log_refuse_it_and_go_past_it(
    api: Api, pgbouncer: str, settings: Any
) -> None:
    direct = settings.DATABASES["default"]
    behind = urlsplit(pgbouncer)
    settings.EVENTS_DATABASE = direct | {"HOST": behind.hostname, "PORT": behind.port}

    with pytest.raises(ImproperlyConfigured, match="EVENTS_DATABASE_URL"), reader_connection("x"):
        pass

    settings.EVENTS_DATABASE = direct
    name = born_now()
    # Written through PgBouncer, told of through it, and read past it.
    with reader_connection("tests") as listener, reading(name) as reader:
        listener.listen()
        payment = api.paid()["id"]
        assert listener.wait(5)
        assert len(rows_of(take_all(reader), payment)) == 2
