"""The files of ``docs/events``: written from the catalogue, never so that readers break.

A file is what everybody may rely on who reads events of that version, those in the log included. It
is overwritten only with what is compatible (``compatibility``); it is never deleted here.
"""

import json
from pathlib import Path

from payments_project.events.catalogue import EventType, event_types, event_versions
from payments_project.events.compatibility import breaking_changes
from payments_project.events.schemas import event_schema, file_name, schema_text

README = "README.md"
_TABLE_BEGINS = "<!-- The table of types is written by ./manage.py event_schemas. -->\n"
_TABLE_ENDS = "<!-- End of the table of types. -->\n"


class SchemasBreakReaders(Exception):
    """Files that can't be written, each with place and reason: ``refund.created.v1: data…``."""

    def __init__(self, changes: list[str]) -> None:
        super().__init__("\n".join(changes))
        self.changes = changes


def publish_schemas(folder: Path) -> list[str]:
    """Writes every file of ``folder`` that differs from the catalogue; returns their names.

    All or none: raises ``SchemasBreakReaders`` before anything is written. Raises ``ValueError``
    for a README without the place of its table.
    """
    expected = _expected_files(folder)
    changes = [
        *(change for item in event_versions() for change in _breaking(folder, item)),
        *(
            f"{name}: no type is registered, and what is published stays"
            for name in _orphans(folder)
        ),
    ]
    if changes:
        raise SchemasBreakReaders(changes)
    differing = _differing(folder, expected)
    for name in differing:
        (folder / name).write_text(expected[name])
    return differing


def unpublished_schemas(folder: Path) -> list[str]:
    """Names of files that are not what the catalogue says, missing ones and those of no type
    included; none if all are. Raises ``ValueError`` as above."""
    return sorted([*_differing(folder, _expected_files(folder)), *_orphans(folder)])


def types_table() -> str:
    """Every version of every type as a table of Markdown, the newest named in full."""
    newest = set(event_types())
    rows = [
        f"| `{item.name}` | [{item.version}]({file_name(item)}) | {_when(item, item in newest)} |\n"
        for item in event_versions()
    ]
    return "".join(["| type | version | when it happens |\n", "|---|---|---|\n", *rows])


def _when(event_type: EventType, is_newest: bool) -> str:
    return event_type.description if is_newest else "As the newer version; no longer written."


def _expected_files(folder: Path) -> dict[str, str]:
    files = {file_name(item): schema_text(item) for item in event_versions()}
    readme = folder / README
    return {**files, README: _with_table(readme.read_text() if readme.is_file() else "")}


def _with_table(readme: str) -> str:
    before, begins, rest = readme.partition(_TABLE_BEGINS)
    _, ends, after = rest.partition(_TABLE_ENDS)
    if not begins or not ends:
        raise ValueError(f"{README} lacks the two comments between which the table stands")
    return f"{before}{begins}\n{types_table()}\n{ends}{after}"


def _differing(folder: Path, expected: dict[str, str]) -> list[str]:
    return [
        name
        for name, text in sorted(expected.items())
        if not (folder / name).is_file() or (folder / name).read_text() != text
    ]


def _orphans(folder: Path) -> list[str]:
    known = {file_name(item) for item in event_versions()}
    return sorted({path.name for path in folder.glob("*.json")} - known)


def _breaking(folder: Path, event_type: EventType) -> list[str]:
    path = folder / file_name(event_type)
    if not path.is_file():
        return []
    changes = breaking_changes(json.loads(path.read_text()), event_schema(event_type))
    return [f"{event_type.name}.v{event_type.version}: {change}" for change in changes]
