"""The SQL of the source design, taken from the document as it stands there.

``python -m tests.schema.source_sql`` writes ``docs/source-design/schema.sql`` anew.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "source-design"
DOCUMENT = FOLDER / "payment-service-database-design.txt"
SCHEMA = FOLDER / "schema.sql"

# A statement begins a line; the document's Python has its SQL in strings, which begin otherwise.
# It ends with the first semicolon that is not in a comment, a string or a $$ body; the document
# may go on in the same line with its next heading.
_STATEMENT = re.compile(
    r"(?:^--[^\n]*\n)*"
    r"^(?:CREATE|SELECT cron\.)(?:--[^\n]*|'[^']*'|\$\$.*?\$\$|[^;'$])*?;",
    re.MULTILINE | re.DOTALL,
)

# What can't be run as written, by how it begins.
NOT_RUN = {
    "CREATE TABLE transactions_2024_": "Not run: the document's transactions is not partitioned.",
    "SELECT cron.": "Not run: pg_cron is an extension that the product does without.",
}


def source_statements() -> list[str]:
    """The document's SQL statements in its order, each with the comment lines above it."""
    return [match.group() for match in _STATEMENT.finditer(DOCUMENT.read_text())]


def schema_sql() -> str:
    """``schema.sql``: all statements verbatim, those that can't run as comments."""
    return "\n\n".join(_runnable(statement) for statement in source_statements()) + "\n"


def _runnable(statement: str) -> str:
    for beginning, why in NOT_RUN.items():
        if re.search(rf"^{re.escape(beginning)}", statement, re.MULTILINE):
            return "\n".join([f"-- {why}", *(f"-- {line}" for line in statement.splitlines())])
    return statement


if __name__ == "__main__":
    SCHEMA.write_text(schema_sql())
