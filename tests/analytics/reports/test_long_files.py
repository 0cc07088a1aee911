"""Files of thousands of rows: in batches, whole, or visibly not."""

import csv
import io
import socket
from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection

from analytics.api.report_csv import BATCH_ROWS, ReportFile, cells_of, headings
from analytics.api.report_lists import ReportList
from analytics.api.report_objects import BucketReport, DailySummaryObject
from analytics.api.report_queries import DailySummaryQuery
from analytics.api.report_views import DailySummariesView
from payments_project.csv_files import csv_line
from tests.analytics.reports.reading import file_of
from tests.api_client import Api
from tests.schema.rows import APPLICATION, OWNER, connect
from tests.server import Server

CURRENCIES = ("EUR", "JPY", "KWD", "USD")
# Before all days that other tests have summaries of.
LAST = date(1999, 12, 31)


def summarised(api: Api, days: int) -> None:
    """A summary of each of so many days in each of four currencies."""
    with connect(APPLICATION) as database:
        database.execute(
            "INSERT INTO daily_transaction_summaries (merchant_id, environment, summary_date,"
            " currency, transaction_count, successful_count, gross_amount)"
            " SELECT %s, %s, %s::date - day, currency, 10, 9, day"
            " FROM generate_series(0, %s - 1) AS day, unnest(%s::text[]) AS currency",
            [api.scope.merchant_id, api.scope.environment, LAST, days, list(CURRENCIES)],
        )


def expected(days: int) -> list[tuple[str, str, str]]:
    return [
        ((LAST - timedelta(days=day)).isoformat(), currency, str(day))
        for day in range(days)
        for currency in CURRENCIES
    ]


def test_batches_join_without_gap_or_overlap(api: Api) -> None:
    # More than two batches, and of the last day of one a part stands in the next.
    days = BATCH_ROWS // 2 + 700
    summarised(api, days)

    text = file_of(api, "daily_summaries").text

    assert "\r" not in text
    found = [
        (line["summary_date"], line["currency"], line["gross_amount"])
        for line in csv.DictReader(io.StringIO(text))
    ]
    assert found == expected(days)


def test_a_last_batch_that_is_full_is_the_end(api: Api) -> None:
    summarised(api, BATCH_ROWS // 4)

    assert file_of(api, "daily_summaries").text.count("\n") == BATCH_ROWS + 1


def test_no_connection_is_held_between_batches(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    summarised(api, 5)
    report: ReportList = DailySummariesView.report
    monkeypatch.setattr("analytics.api.report_lists.BATCH_ROWS", 7)
    query = DailySummaryQuery.model_validate({"format": "csv"})

    parts = []
    for part in report.file(api.scope, query):
        assert connection.connection is None
        parts.append(part.count(b"\n"))

    assert parts == [8, 7, 6]


def begin_reading(server: Server, api: Api) -> socket.socket:
    """Asks for the file over a socket of its own, and reads its first bytes."""
    address = urlsplit(server.url)
    plain = socket.create_connection((address.hostname, address.port), timeout=30)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    plain.sendall(
        f"GET /v1/reports/daily_summaries?format=csv HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {api.key}\r\n\r\n".encode()
    )
    first = plain.recv(2000)
    assert b" 200 OK" in first, first
    assert b"chunked" in first
    return plain


def read_to_end(plain: socket.socket) -> bytes:
    """The answer's end, to its last chunk or to where the server broke it off."""
    tail = bytearray()
    while not tail.endswith(b"\r\n0\r\n\r\n") and (part := plain.recv(1 << 16)):
        tail = (tail + part)[-100_000:]
    return bytes(tail)


def test_a_file_that_fails_midway_says_so_in_its_last_line(server: Server, api: Api) -> None:
    summarised(api, 20_000)
    plain = begin_reading(server, api)
    # The reader waits, so the server stands before a later batch, which finds the table locked.
    with connect(OWNER) as owner:
        owner.execute("LOCK TABLE daily_transaction_summaries IN ACCESS EXCLUSIVE MODE")
        received = read_to_end(plain)
    plain.close()

    last = received[received.rindex(b"#") :].decode()
    assert last.startswith("# NOT COMPLETE: it failed on our side. Ask for it again.\n")


def test_what_fails_before_the_first_byte_is_an_error_as_any_other(api: Api) -> None:
    with connect(OWNER) as owner:
        owner.execute("LOCK TABLE daily_transaction_summaries IN ACCESS EXCLUSIVE MODE")
        response = api.get("/v1/reports/daily_summaries", format="csv")

    assert api.error(response, 503, "internal_error")["type"] == "api_error"
    assert response.headers["Content-Type"] == "application/json"


def test_a_reader_who_leaves_ends_the_reading() -> None:
    read = []

    def batches():
        for number in range(3):
            read.append(number)
            yield [object()]

    file = ReportFile(DailySummaryObject, batches())
    file.close()
    assert list(file) == []
    assert read == [0]


def test_after_its_failure_a_file_has_nothing_more() -> None:
    def batches():
        yield []
        raise ZeroDivisionError

    file = ReportFile(DailySummaryObject, batches())
    assert next(file) == csv_line(headings(DailySummaryObject))
    assert next(file).startswith(b"# NOT COMPLETE: ")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            next(file)


def test_cells_are_texts_that_no_spreadsheet_calculates() -> None:
    row = BucketReport.model_construct(
        currency="=1+1", bucket="@x", opening_balance=-5, closing_balance=0, changes=None
    )
    assert cells_of(row) == ["'=1+1", "'@x", "-5", "", "", "0", ""]
