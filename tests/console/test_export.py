"""Lists as CSV files: what is in them, what never is, and that a part never looks like the whole."""

import csv
import io
import re
import socket
import time
from datetime import UTC
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import TextField, Value
from django.db.models.functions import Cast
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from payments_project.console import export
from payments_project.console.export_columns import PlainText, export_columns
from payments_project.csv_files import plain_text
from payments_project.models import AuditEntry, StatusTransition
from payments_project.money import exponent
from tests.console.acting import REASON
from tests.console.test_pages import MODELS, list_of
from tests.schema.rows import OWNER, connect
from tests.server import Server
from transactions.models import Transaction

PAYMENTS = "transactions.transaction"
EXPORT = "payments_project.export_list"
VIEW = "transactions.view_transaction"


def export_of(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_export")


def file_of(client: Client, label: str, **query: str) -> tuple[list[str], list[list[str]], str]:
    """The headings, the rows and the last line of a list's file."""
    answer = client.post(export_of(label), {"reason": REASON}, query_params=query)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    answer.close()
    headings, *rows, (last,) = csv.reader(io.StringIO(text))
    return headings, rows, last


def entries_of(client: Client) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(staff_user=client.user.pk).order_by("id"))


@pytest.mark.parametrize("label", sorted(MODELS))
def test_every_list_has_a_file_of_the_columns_that_it_declares(superuser, business, label):
    model_admin = admin.site._registry[MODELS[label]]
    headings, rows, last = file_of(superuser, label)

    assert headings == [column.heading for column in export_columns(model_admin)]
    assert rows
    assert {len(row) for row in rows} == {len(headings)}
    assert last.startswith(f"# end of file: {len(rows):,} rows of ")
    assert "NOT COMPLETE" not in last
    assert not {*headings} & {*model_admin.hidden, "password", "payload", "gateway_response"}
    began, ended = entries_of(superuser)
    assert (began.action, began.object_type, began.object_id, began.reason) == (
        "list.export_began", label.partition(".")[2], "", REASON,
    )  # fmt: skip
    assert began.after["columns"] == headings
    assert (ended.action, ended.after["rows"], ended.after["outcome"]) == (
        "list.export_ended", len(rows), "complete",
    )  # fmt: skip
    assert ended.after["export"] == began.after["export"]


def test_a_file_holds_what_the_list_is_filtered_to(superuser, business):
    query = {"merchant": str(business.merchant.id), "status": "failed"}
    _, rows, last = file_of(superuser, PAYMENTS, **query)

    expected = list(
        Transaction.objects.filter(merchant_id=business.merchant.id, status="failed")
        .order_by("-id")
        .values_list("pk", flat=True)
    )
    assert [row[0] for row in rows] == [str(pk) for pk in expected]
    assert business.declined["id"] in {row[0] for row in rows}
    assert f"merchant {business.merchant.id}, status failed" in last
    assert entries_of(superuser)[0].after["filters"] == query


def test_cells_are_exact(superuser, business):
    headings, rows, _ = file_of(superuser, PAYMENTS, q=business.paid["id"])
    (row,) = [dict(zip(headings, row, strict=True)) for row in rows]
    payment = Transaction.objects.get(pk=business.paid["id"])

    assert row["id"] == str(payment.pk)
    assert row["created_at"] == f"{payment.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    assert row["merchant_id"] == str(payment.merchant_id)
    assert row["merchant_name"] == payment.merchant.business_name
    assert (row["amount"], row["amount_decimal"], row["currency"]) == ("4200", "42.00", "USD")
    assert (row["refunded_amount"], row["refunded_amount_decimal"]) == ("1200", "12.00")
    assert (row["failure_code"], row["last_four"]) == ("", "4242")


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 500), ("KWD", 12_345), ("CLF", 10_001)])
def test_decimals_are_the_currencys(superuser, api, currency, amount):
    paid = api.paid(amount=amount, currency=currency)
    headings, rows, _ = file_of(superuser, PAYMENTS, q=paid["id"])
    row = dict(zip(headings, rows[0], strict=True))

    written = row["amount_decimal"]
    assert Decimal(written).scaleb(exponent(currency)) == amount
    assert len(written.partition(".")[2]) == exponent(currency)


def test_a_currency_beside_another_table_is_found(superuser, business):
    headings, rows, _ = file_of(superuser, "transactions.gatewayoperation")
    place = headings.index("currency")
    assert {row[place] for row in rows} <= {"USD", "EUR", "GBP", "JPY", "KWD", "CLF"}
    assert all(row[headings.index("amount_decimal")] for row in rows)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\tword", "'\tword"),
        ("\rword", "'\rword"),
        ("  =1", "'  =1"),
        ('"=1', "'\"=1"),
        ("'=1", "''=1"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        ("\N{FULLWIDTH PLUS SIGN}1", "'\N{FULLWIDTH PLUS SIGN}1"),
        ("\N{FULLWIDTH HYPHEN-MINUS}1", "'\N{FULLWIDTH HYPHEN-MINUS}1"),
        ("\N{FULLWIDTH COMMERCIAL AT}a", "'\N{FULLWIDTH COMMERCIAL AT}a"),
        ("\N{ZERO WIDTH SPACE}=1", "'\N{ZERO WIDTH SPACE}=1"),
        ("\N{NO-BREAK SPACE}=1", "'\N{NO-BREAK SPACE}=1"),
        # Where the separator is a semicolon, this would begin a cell.
        ("a;=1", "a;'=1"),
        ('a; "@b', "a; \"'@b"),
        ("a\n=1", "a\n'=1"),
        ("a\n\n+1;-2", "a\n\n'+1;'-2"),
        # Numbers and ordinary texts stay what they are.
        ("-5", "-5"),
        ("+12.50", "+12.50"),
        ("ada@example.org", "ada@example.org"),
        ("a-b", "a-b"),
        ("a, -b", "a, -b"),
        ("100%", "100%"),
        ("", ""),
    ],
)  # fmt: skip
def test_no_text_is_calculated_by_a_spreadsheet(text, written):
    rows = StatusTransition.objects.annotate(cell=PlainText(Cast(Value(text), TextField())))
    assert rows.values_list("cell", flat=True)[0] == written
    # Files that Python writes have the same rule.
    assert plain_text(text) == written


def test_a_merchants_texts_reach_the_file_as_texts(superuser, api):
    description = '=HYPERLINK("https://example.org";"Refund")'
    paid = api.paid(description=description)
    headings, rows, _ = file_of(superuser, PAYMENTS, q=paid["id"])
    assert rows[0][headings.index("description")] == f"'{description}"


def test_batches_follow_one_another_without_a_gap(superuser, business, monkeypatch):
    monkeypatch.setattr(export, "BATCH_ROWS", 7)
    for label, query in (
        (PAYMENTS, {"merchant": str(business.merchant.id)}),
        (PAYMENTS, {"merchant": str(business.merchant.id), "currency": "USD"}),
        ("vault.paymentmethod", {}),
        ("analytics.dailytransactionsummary", {}),
        ("payments_project.statustransition", {}),
    ):
        _, once, _ = file_of(superuser, label, **query)
        monkeypatch.setattr(export, "BATCH_ROWS", 5_000)
        _, rows, _ = file_of(superuser, label, **query)
        monkeypatch.setattr(export, "BATCH_ROWS", 7)
        assert once == rows
        assert len({tuple(row) for row in rows}) == len(rows)


def test_a_filter_without_an_index_stops_where_it_says(superuser, business, monkeypatch, settings):
    query = {"merchant": str(business.merchant.id), "environment": "live", "currency": "USD"}
    _, everything, _ = file_of(superuser, PAYMENTS, **query)
    monkeypatch.setattr(type(admin.site._registry[Transaction]), "scan_rows_max", 10)
    _, rows, last = file_of(superuser, PAYMENTS, **query)
    assert rows == everything

    settings.EXPORT_LOOKED_AT_MAX = 30
    _, rows, last = file_of(superuser, PAYMENTS, **query)
    assert rows == everything[: len(rows)]
    assert 0 < len(rows) < len(everything)
    assert "NOT COMPLETE: it stopped after looking at 30 rows" in last
    assert entries_of(superuser)[-1].after["outcome"] == "cut"


def test_no_file_has_more_rows_than_allowed(superuser, business, settings):
    query = {"merchant": str(business.merchant.id)}
    _, everything, _ = file_of(superuser, PAYMENTS, **query)
    settings.EXPORT_ROWS_MAX = 9
    _, rows, last = file_of(superuser, PAYMENTS, **query)
    assert rows == everything[:9]
    assert "NOT COMPLETE: it stopped at the limit of rows" in last
    settings.EXPORT_ROWS_MAX = len(everything)
    _, rows, last = file_of(superuser, PAYMENTS, **query)
    assert (len(rows), "NOT COMPLETE" in last) == (len(everything), False)


def test_no_batch_reads_without_a_limit_or_in_a_long_transaction(superuser, business, monkeypatch):
    monkeypatch.setattr(export, "BATCH_ROWS", 50)
    seen = []
    copy = export._copy

    def watched(rows, columns, limit):
        lines = copy(rows, columns, limit)
        seen.append((limit, connection.in_atomic_block, connection.connection))
        return lines

    monkeypatch.setattr(export, "_copy", watched)
    file_of(superuser, PAYMENTS, merchant=str(business.merchant.id))
    assert len(seen) > 2
    # Between batches no transaction is open, and the connection is back in the pool.
    assert {(limit <= 50, within, held) for limit, within, held in seen} == {(True, False, None)}


def test_what_cant_be_read_finds_nothing(superuser, business):
    _, rows, last = file_of(superuser, PAYMENTS, amount_from="abc")
    assert (rows, last.startswith("# end of file: 0 rows")) == ([], True)


def test_a_file_needs_a_reason(superuser, business):
    answer = superuser.post(export_of(PAYMENTS), {"reason": " "})
    assert 'class="c-error"' in answer.content.decode()
    assert entries_of(superuser) == []


def test_a_file_needs_the_right_to_the_list_and_one_of_its_own(staff_with, business):
    for names in ((VIEW,), (EXPORT,), (EXPORT, "disputes.view_refund")):
        client = staff_with(*names)
        assert client.get(export_of(PAYMENTS)).status_code == 403
        assert client.post(export_of(PAYMENTS), {"reason": REASON}).status_code == 403
        assert entries_of(client) == []
    assert export_of(PAYMENTS) not in staff_with(VIEW).get(list_of(PAYMENTS)).content.decode()
    allowed = staff_with(VIEW, EXPORT)
    assert export_of(PAYMENTS) in allowed.get(list_of(PAYMENTS)).content.decode()
    assert allowed.get(export_of(PAYMENTS)).status_code == 200
    assert file_of(allowed, PAYMENTS)[1]


@pytest.mark.parametrize(
    "query",
    [
        {"q": "4242424242424242"},
        {"q": "4242 4242 4242 4242"},
        {"amount_from": "4242424242424242"},
        {"q": "sk_live_" + "a" * 40},
        {"merchant__business_name": "x"},
        {"password": "x"},
        {"status": "a\0b"},
        {"status": "x" * 300},
    ],
)
def test_an_address_that_is_no_lists_gives_no_file(superuser, business, query):
    for send in (superuser.get, superuser.post):
        data = {} if send == superuser.get else {"reason": REASON}
        answer = send(export_of(PAYMENTS), data, query_params=query)
        assert (answer.status_code, answer.headers["Location"]) == (302, list_of(PAYMENTS))
    assert entries_of(superuser) == []


def test_a_secret_field_is_in_no_file_whatever_is_declared(monkeypatch):
    for label, name in (
        ("merchants.merchant", "tax_id"),
        ("merchants.customer", "encrypted_pii"),
        ("merchants.apikey", "key_hash"),
        ("payments_project.staffuser", "password"),
        ("payments_project.idempotencykey", "response_body"),
        ("vault.paymentmethod", "encrypted_data"),
    ):
        model_admin = admin.site._registry[MODELS[label]]
        fields = (*model_admin.export_fields, name)
        monkeypatch.setattr(type(model_admin), "export_fields", fields)
        with pytest.raises(ImproperlyConfigured):
            export_columns(model_admin)


def test_who_leaves_early_is_on_record_and_ends_the_reading(superuser, business, monkeypatch):
    monkeypatch.setattr(export, "BATCH_ROWS", 5)
    query = {"merchant": str(business.merchant.id)}
    answer = superuser.post(export_of(PAYMENTS), {"reason": REASON}, query_params=query)
    parts = iter(answer.streaming_content)
    for _ in range(3):
        next(parts)
    with CaptureQueriesContext(connection) as captured:
        answer.close()
    assert not [one for one in captured if "COPY" in one["sql"] or "transactions" in one["sql"]]
    ended = entries_of(superuser)[-1]
    assert (ended.after["outcome"], ended.after["rows"]) == ("reader left", 10)

    unread = superuser.post(export_of(PAYMENTS), {"reason": REASON}, query_params=query)
    unread.close()
    assert entries_of(superuser)[-1].after["outcome"] == "reader left"


# --- over real HTTP ---


def make_keys(count: int) -> None:
    """Rows of a list, enough of them that no socket's buffer holds its file."""
    with connect(OWNER) as owner:
        owner.execute(
            "INSERT INTO idempotency_keys (merchant_id, environment, key, request_path,"
            " request_fingerprint, recovery_point, response_status, response_body)"
            " SELECT uuidv7(), 'test', repeat('k', 200) || place, '/', '0', 'finished', 200, '{}'"
            " FROM generate_series(1, %s) AS place",
            [count],
        )


KEYS = "payments_project.idempotencykey"
MANY = 30_000


def begin_reading(server: Server, client: Client, label: str) -> socket.socket:
    """Sends the form over a socket of its own, and reads the first bytes of the answer."""
    address = urlsplit(server.url)
    token = "t" * 32
    body = f"reason=Ticket&csrfmiddlewaretoken={token}"
    name = settings.SESSION_COOKIE_NAME
    session = client.cookies[name].value
    plain = socket.create_connection((address.hostname, address.port), timeout=30)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    plain.sendall(
        f"POST {export_of(label)} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Cookie: {name}={session}; csrftoken={token}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        f"{body}".encode()
    )
    first = plain.recv(2000)
    assert b" 200 OK" in first, first
    assert b"chunked" in first
    return plain


def wait_for_the_end(client: Client) -> AuditEntry:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        last = entries_of(client)[-1]
        if last.action == "list.export_ended":
            return last
        time.sleep(0.1)
    raise AssertionError("the export has no end on record")


def read_to_end(plain: socket.socket) -> bytes:
    """The end of the answer, to its last chunk or to where the server broke it off."""
    tail = bytearray()
    while not tail.endswith(b"\r\n0\r\n\r\n") and (part := plain.recv(1 << 16)):
        tail = (tail + part)[-100_000:]
    return bytes(tail)


def test_a_reader_who_hangs_up_ends_the_export(server, superuser):
    make_keys(MANY)
    plain = begin_reading(server, superuser, KEYS)
    plain.close()
    ended = wait_for_the_end(superuser)
    assert ended.after["outcome"] == "reader left"
    assert ended.after["rows"] < MANY


def test_a_file_that_fails_midway_says_so_in_its_last_line(server, superuser):
    make_keys(MANY)
    plain = begin_reading(server, superuser, KEYS)
    # The reader waits, so the server stands in a later batch; that one finds the table locked.
    with connect(OWNER) as owner:
        owner.execute("LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE")
        received = read_to_end(plain)
    plain.close()
    last = received[received.rindex(b"# end of file") :].decode()
    ended = wait_for_the_end(superuser)
    assert ended.after["outcome"] == "failed"
    assert last.startswith(f"# end of file: {ended.after['rows']:,} rows of idempotency keys")
    assert "NOT COMPLETE: it stopped because it failed on our side" in last


def test_a_long_file_comes_whole(server, superuser):
    make_keys(MANY)
    plain = begin_reading(server, superuser, KEYS)
    received = read_to_end(plain)
    plain.close()
    assert received.endswith(b"\r\n0\r\n\r\n")
    rows = int(re.search(rb"# end of file: ([0-9,]+) rows", received)[1].replace(b",", b""))
    assert rows >= MANY
    assert wait_for_the_end(superuser).after == {
        "export": entries_of(superuser)[0].after["export"],
        "rows": rows,
        "outcome": "complete",
    }
