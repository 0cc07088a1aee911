"""CSV files that are made while they are read: what lists of the console and reports share.

A file is made in parts, so that neither the web process nor the database holds all of it. What
fails once it has begun can't be told by a status any more: the last line tells it.
"""

import csv
import io
import logging
import re
from collections.abc import Generator, Iterable, Sequence

logger = logging.getLogger(__name__)

# What makes a spreadsheet calculate, in ASCII and in full width, and what it skips before that; as
# regular expressions that Python and PostgreSQL read alike.
FORMULA_STARTS = r"[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]"
SKIPPED = r"""[\s"'\u00A0\u200B-\u200F\u2060\uFEFF]*"""
_NUMBER = re.compile(r"[+-]?[0-9]+([.][0-9]+)?", re.ASCII)
_FORMULA = re.compile(rf"^(?=[\t\r\n]|{SKIPPED}{FORMULA_STARTS})")
# Where the separator is another than the comma, a cell may begin within a text.
_FORMULA_WITHIN = re.compile(rf"([;\t\r\n]{SKIPPED})({FORMULA_STARTS})")


def plain_text(text: str) -> str:
    """``text`` as no spreadsheet calculates it: an apostrophe stands before what would start it.

    A number stays as it is. ``console.export_columns.PlainText`` is the same in SQL.
    """
    if _NUMBER.fullmatch(text):
        return text
    return _FORMULA_WITHIN.sub(r"\1'\2", _FORMULA.sub("'", text))


def csv_line(cells: Sequence[str]) -> bytes:
    """One line, quoted where it must be (RFC 4180), ended by a line feed."""
    return csv_lines([cells])


def csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    """A line for each row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


class StreamedCsv:
    """A file as the server reads it, part by part; one that fails says so in its last line."""

    def __init__(self) -> None:
        self._failure: Exception | None = None
        self._parts: Generator[bytes, None, None] = self.written()

    def written(self) -> Generator[bytes, None, None]:
        """The file's parts, each of whole lines. To be overridden."""
        raise NotImplementedError

    def failed(self) -> bytes:
        """The last line of a file that fails now. To be overridden."""
        raise NotImplementedError

    def __iter__(self) -> "StreamedCsv":
        return self

    def __next__(self) -> bytes:
        if self._failure is not None:
            # Servers differ: some break the answer off now, others end it like any other.
            raise self._failure
        try:
            return next(self._parts)
        except StopIteration:
            raise
        except Exception as error:
            logger.exception("a file that is being read failed")
            self._failure = error
            return self.failed()

    def close(self) -> None:
        """Called by the server when it has no use for more: at the end, or because nobody reads."""
        self._parts.close()
