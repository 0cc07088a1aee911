"""Reports as CSV files: the rows that JSON has, all of them, read and sent in batches.

No batch holds a connection while it is sent, so a slow reader holds none. Amounts stand twice: in
minor units under the field's name, and as a decimal number of the currency under ``<name>_decimal``.
"""

from collections.abc import Generator, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import connection
from django.http import StreamingHttpResponse
from pydantic import BaseModel

from payments_project.csv_files import StreamedCsv, csv_line, plain_text
from payments_project.money import exponent
from payments_project.times import render_time

BATCH_ROWS = 5_000

Batch = Sequence[BaseModel]


class ReportFile(StreamedCsv):
    """A report's file. Its first batch is read at once, so that what can't be read is told as any
    other refusal; what fails later is told by the last line, after which there is none."""

    def __init__(self, model: type[BaseModel], batches: Iterator[Batch]) -> None:
        self._model, self._batches = model, batches
        self._first = self._read()
        super().__init__()

    def written(self) -> Generator[bytes, None, None]:
        """The heading with the first batch, then the others."""
        yield csv_line(headings(self._model)) + _lines(self._first)
        while batch := self._read():
            yield _lines(batch)

    def failed(self) -> bytes:
        """What a program will not take for a row, and a person reads."""
        return csv_line(["# NOT COMPLETE: it failed on our side. Ask for it again."])

    def _read(self) -> Batch:
        """The next batch, empty after the last; the connection is given back."""
        try:
            return next(self._batches, ())
        finally:
            connection.close()


def file_response(file: ReportFile, *, name: str, with_body: bool) -> StreamingHttpResponse:
    """``file`` as an attachment; without its content for HEAD."""
    if not with_body:
        file.close()
    return StreamingHttpResponse(
        file if with_body else (),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Cache-Control": "private, no-store",
        },
    )


def headings(model: type[BaseModel]) -> list[str]:
    """The columns' names: the fields', in their order, each amount's decimal beside it."""
    return [
        heading
        for name in _columns(model)
        for heading in ((name, f"{name}_decimal") if name in _money(model) else (name,))
    ]


def cells_of(row: BaseModel) -> list[str]:
    """A row's cells, as many as there are headings."""
    model: type[BaseModel] = type(row)
    currency = str(getattr(row, "currency", ""))
    cells = []
    for name in _columns(model):
        value = getattr(row, name)
        cells.append(_cell(value))
        if name in _money(model):
            cells.append("" if value is None else _decimal(value, currency))
    return cells


def _lines(rows: Batch) -> bytes:
    return b"".join(csv_line(cells_of(row)) for row in rows)


@cache
def _columns(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(name for name in model.model_fields if name != "object")


@cache
def _money(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if "money" in (*field.metadata, *_metadata_of(field.annotation))
    )


def _metadata_of(annotation: Any) -> tuple[Any, ...]:
    """Of an amount that may be null, the mark is on the union's member."""
    found: tuple[Any, ...] = ()
    for member in getattr(annotation, "__args__", ()):
        found += getattr(member, "__metadata__", ())
    return found


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return render_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, int) else plain_text(str(value))


def _decimal(amount: int, currency: str) -> str:
    """Minor units as the currency's decimal number; empty for a currency that nobody knows."""
    try:
        return f"{Decimal(amount).scaleb(-exponent(currency)):f}"
    except ValueError:
        return ""
