"""After a walk through every flow, no card number and no security code lies anywhere: not in a
table, not in Redis, not in a log line, an error report, a task's argument or a stored reply.

Searched for as it is, with separators, reversed, in hexadecimal and in base64.
"""

import base64
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest
import redis
from django.conf import settings

from payments_project.celery import app
from payments_project.schedule import SCHEDULE
from tests.api_client import Api, new_key
from tests.failing_places import FAILING, MARK
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import client_of, make_merchant
from tests.schema.rows import OWNER, connect
from tests.server import Server, start_server
from transactions.balances import fold_balances
from transactions.services.resolve import resolve_unknown_outcomes
from transactions.services.settle import settle_due

# A number and a code per brand, and every test card that does something of its own.
CARDS = {
    "4242424242424242": "617",
    "5555555555554444": "618",
    "378282246310005": "6173",
    "6011111111111117": "619",
    "4000000000000002": "617",
    "4000000000000119": "617",
    "4100000000000019": "617",
    "4000000000000259": "617",
    "4000000000005126": "617",
    "4000000000006009": "617",
    "4000000000006017": "617",
    "4000000000006025": "617",
    "4000000000006033": "617",
}
MISTYPED = "4242424242424241"
NUMBERS = (*CARDS, MISTYPED)
CODES = sorted(set(CARDS.values()))


def forms(number: str) -> dict[str, bytes]:
    """How a number could lie somewhere, by the form's name; each as bytes to look for."""
    digits = number.encode()
    groups = [number[place : place + 4] for place in range(0, len(number), 4)]
    found = {
        "plain": digits,
        "with spaces": " ".join(groups).encode(),
        "with dashes": "-".join(groups).encode(),
        "reversed": digits[::-1],
        "hexadecimal": digits.hex().encode(),
        "UTF-16": number.encode("utf-16-le"),
        "a number's digits": " ".join(number).encode(),
    }
    # At each of the three places that it can have in a longer text; without the edges, whose
    # characters depend on the neighbours.
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + digits)
        found[f"base64 at {shift}"] = coded[4 if shift else 0 : len(coded) // 4 * 4 - 4]
    return found


NEEDLES = {(number, form): text for number in NUMBERS for form, text in forms(number).items()}
# A code is too short to be looked for as it is: as a value of its own, quoted or named. Other tests
# have left such values (a card's last four digits, an object's name), so what counts is what the
# walk adds.
CODE = re.compile(
    rb"""["'](?:%(codes)s)["']|(?:cvc|code)\W{1,6}(?:%(codes)s)\b"""
    % {b"codes": "|".join(CODES).encode()}
)


def numbers_in(content: bytes) -> list[str]:
    """Which card numbers are in ``content``, in which form."""
    return [f"{number} {form}" for (number, form), text in NEEDLES.items() if text in content]


def codes_in(content: bytes) -> Counter[bytes]:
    """Which security codes may be in ``content``, how often."""
    return Counter(CODE.findall(content))


def leaks(content: bytes) -> list[str]:
    """What of the cards is in ``content``."""
    return numbers_in(content) + [code.decode() for code in codes_in(content)]


@dataclass(frozen=True)
class Walked:
    """The server that was walked through, what it answered, and what looked like codes before."""

    server: Server
    answers: list[bytes]
    codes_before: dict[str, Counter[bytes]]


@pytest.fixture(scope="module")
def walked(django_db_setup: None) -> Iterator[Walked]:
    answers: list[bytes] = []

    def keep(response: httpx.Response) -> None:
        # The length is three digits, too, and may be those of a code.
        headers = {k: v for k, v in response.headers.items() if k != "content-length"}
        answers.append(response.read() + repr(headers).encode())

    codes_before = {table: codes_in(rows) for table, rows in tables_as_text()}
    with start_server(application="tests.talkative_wsgi:application") as server:
        settings_url, settings.PUBLIC_URL = settings.PUBLIC_URL, server.url
        merchant = make_merchant()
        for environment in ("test", "live"):
            with client_of(server, merchant, environment) as api:
                api.http.event_hooks["response"] = [keep]
                walk(api)
        with client_of(server, merchant, "test") as api:
            api.http.event_hooks["response"] = [keep]
            fail(api)
        settings.PUBLIC_URL = settings_url
        yield Walked(server, answers, codes_before)


def tokenise(api: Api, number: str, **more: object) -> httpx.Response:
    """A card with its code and holder, under an idempotency key, sent twice."""
    card = {
        "number": number,
        "exp_month": 12,
        "exp_year": 2034,
        "cvc": CARDS.get(number, "617"),
        "holder_name": "Ada Lovelace",
    }
    key = new_key()
    body = {"type": "card", "card": card, **more}
    api.post("/v1/payment_methods", body, key=key)
    return api.post("/v1/payment_methods", body, key=key)


def walk(api: Api) -> None:
    """Every flow with every card, and the ways in which a request with a card can be refused."""
    customer = api.post("/v1/customers", {"name": "Ada", "email": "ada@example.com"}).json()["id"]
    for number, code in CARDS.items():
        token = tokenise(api, number, customer=customer).json()["id"]
        body = {"amount": 1000, "currency": "USD", "payment_method": token, "cvc": code}
        key = new_key()
        taken = api.post("/v1/transactions", body, key=key)
        assert api.post("/v1/transactions", body, key=key).status_code == taken.status_code
        held = api.post("/v1/transactions", {**body, "capture": False}).json()
        if held.get("status") == "authorized":
            api.post(f"/v1/transactions/{held['id']}/capture", {"amount": 600}, key=new_key())
        if taken.json().get("status") == "succeeded":
            api.post("/v1/refunds", {"transaction": taken.json()["id"], "amount": 400})
        api.get(f"/v1/payment_methods/{token}")
        api.post(f"/v1/payment_methods/{token}/detach")
        tokenise(api, number, customer=customer)
    refuse(api)
    deliver_gateway_messages()
    for dispute in api.get("/v1/disputes").json()["data"]:
        give_cards_as_evidence(api, dispute)
        api.get(f"/v1/disputes/{dispute['id']}")
    resolve_unknown_outcomes()
    settle_due()
    fold_balances()
    for path in ("transactions", "payment_methods", "refunds", "balance/entries"):
        api.get(f"/v1/{path}", **({"customer": customer} if path == "payment_methods" else {}))


def give_cards_as_evidence(api: Api, dispute: dict[str, object]) -> None:
    """Evidence and files with a card number in every place that they have for text."""
    number = "4242424242424242"
    url = f"/v1/disputes/{dispute['id']}"
    for body in (
        {"evidence": {"uncategorized_text": f"paid with {number}"}},
        {"evidence": {"customer_name": "4242 4242 4242 4242"}},
        {"evidence": {number: "x"}},
        {"evidence": {"receipt": number}},
        {"evidence": {"service_date": number}},
        {"evidence": {"customer_email_address": f"{number}@example.com"}},
        {"merchant_response": number},
    ):
        assert api.post(url, {**body, "submit": True}, key=new_key()).status_code == 400, body
    pdf = b"%PDF-1.7\n%%EOF\n"
    for data, name in (
        ({"purpose": "dispute_evidence"}, f"{number}.pdf"),
        ({"purpose": number}, "receipt.pdf"),
        ({"purpose": "dispute_evidence", number: "x"}, "receipt.pdf"),
    ):
        form = {"data": data, "files": {"file": (name, pdf)}}
        assert api.http.post("/v1/files", **form).status_code == 400, data
    sent = api.post(url, {"evidence": {"customer_name": "Ada"}, "submit": True}, key=new_key())
    assert sent.status_code == 200, sent.text


def refuse(api: Api) -> None:
    """Requests that fail with a card in them, at each step of their way in."""
    number, code = "4242424242424242", "617"
    card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": code}
    for wrong in (
        {"number": MISTYPED},
        {"number": "4242 4242 4242 4242"},
        {"exp_month": 13},
        {"exp_year": 2001},
        {"cvc": "61"},
        {"cvc": number},
        {"nummer": number},
        {"holder_name": number},
    ):
        body = {"type": "card", "card": {**card, **wrong}}
        assert api.post("/v1/payment_methods", body, key=new_key()).status_code == 400, wrong
    token = tokenise(api, number).json()["id"]
    paying = {"amount": 1000, "currency": "USD", "payment_method": token}
    for key in (number, "4242 4242 4242 4242", "4242-4242-4242-4242", f"order-{number}"):
        assert api.post("/v1/transactions", paying, key=key).status_code == 400
        assert api.post("/v1/customers", {"name": "Ada"}, key=key).status_code == 400
        api.http.patch("/v1/customers/none", json={}, headers={"Idempotency-Key": key})
        api.http.get("/v1/customers", headers={"Idempotency-Key": key})
    api.post("/v1/payment_methods", {"type": "card", "card": number})
    api.post("/v1/payment_methods", {"type": number, "card": card})
    api.post("/v1/transactions", {"amount": 1, "currency": "USD", "payment_method": number})
    api.post("/v1/transactions", {"amount": 1, "currency": "USD", "card": card}, key=new_key())
    headers = {"Content-Type": "application/json"}
    for text in (f'{{"card":{{"number":"{number}","number":"{number}"}}}}', f'{{"card":"{number}"'):
        api.http.post("/v1/payment_methods", content=text, headers=headers)
    plain = f"number={number}&cvc={code}"
    api.http.post("/v1/payment_methods", content=plain, headers={"Content-Type": "text/plain"})


def fail(api: Api) -> None:
    """An exception that nobody expects, in each place that has the card in its hands."""
    for module, path in FAILING:
        headers = {"Fail-In": f"{module}:{path}", "Idempotency-Key": new_key()}
        number = "5555555555554444"
        if module.startswith("vault"):
            url, body = (
                "/v1/payment_methods",
                {
                    "type": "card",
                    "card": {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "618"},
                },
            )
        else:
            token = tokenise(api, number).json()["id"]
            url, body = (
                "/v1/transactions",
                {
                    "amount": 1000,
                    "currency": "USD",
                    "payment_method": token,
                    "cvc": "618",
                },
            )
        response = api.http.post(url, json=body, headers=headers)
        # A payment that the gateway may have taken is pending, whatever failed after it.
        expected = 500 if url == "/v1/payment_methods" else 201
        assert response.status_code == expected, response.text
        assert response.json().get("status", "pending") == "pending"


def test_search_finds_what_it_looks_for() -> None:
    number = "4242424242424242"
    for shift in range(3):
        coded = base64.b64encode(b"x" * shift + f"{number} and more".encode())
        assert leaks(b"{" + coded + b"}")
    for text in (number, "4242 4242 4242 4242", "4242-4242-4242-4242", number.encode().hex()):
        assert leaks(f"<{text}>".encode())
    assert leaks(b'{"cvc":"617"}')
    assert leaks(b"cvc=617&")
    assert leaks(b'{"last": "6173"}')
    assert leaks(b'pm_1 "amount": 617, 4242') == []
    assert codes_in(b'{"last": "6173"}') - codes_in(b'{"last_four": "6173"}') == {}
    assert codes_in(b'["6173", "6173"]') - codes_in(b'{"last_four": "6173"}') == {b'"6173"': 1}


def test_no_table_holds_a_number_or_a_code(walked: Walked) -> None:
    searched = 0
    for table, rows in tables_as_text():
        searched += len(rows)
        assert numbers_in(rows) == [], table
        assert codes_in(rows) - walked.codes_before.get(table, Counter()) == {}, table
    assert searched > 100_000


def tables_as_text() -> Iterator[tuple[str, bytes]]:
    """Every table by its name, with its rows."""
    with connect(OWNER) as owner:
        for (table,) in owner.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'm')"
            " AND relnamespace = 'public'::regnamespace ORDER BY 1"
        ).fetchall():
            yield table, table_as_text(owner, table)


def table_as_text(owner: psycopg.Connection, table: str) -> bytes:
    """Every row as JSON, binary columns as they are too, since a text form would hide them."""
    columns = owner.execute(
        "SELECT attname, atttypid = 'bytea'::regtype FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        [table],
    ).fetchall()
    shown = [b""]
    with owner.cursor().copy(f"COPY (SELECT row_to_json(t) FROM {table} AS t) TO STDOUT") as copy:
        shown += [bytes(part) for part in copy]
    for name in [name for name, is_binary in columns if is_binary]:
        found = owner.execute(f'SELECT "{name}" FROM {table} WHERE "{name}" IS NOT NULL')
        shown += [bytes(value) for (value,) in found]
    return b"\n".join(shown)


def test_no_stored_reply_and_no_fingerprint_gives_a_number_away(walked: Walked) -> None:
    with connect(OWNER) as owner:
        rows = table_as_text(owner, "idempotency_keys")
    assert rows.count(b'"finished"') > 50
    assert numbers_in(rows) == []
    assert codes_in(rows) - walked.codes_before["idempotency_keys"] == {}


def test_no_key_and_no_value_in_redis_holds_a_number_or_a_code(walked: Walked) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        content = [
            key + b"\n" + client.dump(key) + shown(client, key) for key in client.scan_iter()
        ]

    assert len(content) > 5
    assert leaks(b"\n".join(content)) == []


def shown(client: redis.Redis, key: bytes) -> bytes:
    """A value in clear; Redis's own dump of it may be compressed."""
    kind = client.type(key)
    read = {
        b"string": lambda: client.get(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"hash": lambda: client.hgetall(key),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1, withscores=True),
        b"stream": lambda: client.xrange(key),
    }
    return repr(read[kind]()).encode()


def test_no_log_line_and_no_error_report_shows_a_number_or_a_code(walked: Walked) -> None:
    log = walked.server.log.read_bytes()

    for module, path in FAILING:
        assert f"{module}:{path} failed, as it was asked to".encode() in log
    assert log.count(MARK.encode()) > 50
    assert b"INSERT INTO transactions" in log
    assert [line[:300] for line in log.splitlines() if leaks(line)] == []


def test_no_answer_repeats_a_number_or_a_code(walked: Walked) -> None:
    assert len(walked.answers) > 200
    assert [answer[:300] for answer in walked.answers if leaks(answer)] == []


def test_no_task_takes_an_argument() -> None:
    """What the broker never holds can't leak from it."""
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in SCHEDULE.values()}

    # No other task is ours (tests/payments_project/test_schedule.py).
    assert scheduled <= set(app.tasks)
    for name in scheduled:
        assert list(inspect.signature(app.tasks[name].run).parameters) == [], name
