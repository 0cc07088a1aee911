"""docs/faults.md promises nothing that no test does."""

import ast
import re
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "faults.md"
NAMED = re.compile(r"`(?P<path>tests/[\w/]+\.py)::(?P<name>test_\w+)`")


def functions_of(path: Path) -> set[str]:
    functions = ast.parse(path.read_text()).body
    return {node.name for node in functions if isinstance(node, ast.FunctionDef)}


def rows() -> list[str]:
    """The tables' rows, without their heads."""
    lines = PAGE.read_text().splitlines()
    return [
        line
        for before, line in pairwise(lines)
        if line.startswith("|") and not line.startswith("|---") and before.startswith("|")
    ]


def test_every_row_names_its_tests() -> None:
    assert len(rows()) > 20
    for row in rows():
        proof = row.rstrip("|").rsplit("|", 1)[1].strip()
        assert NAMED.search(proof) or proof == "the same two", row


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(PAGE.read_text())

    assert len(named) > 30
    missing = [f"{path}::{name}" for path, name in named if name not in functions_of(ROOT / path)]
    assert missing == []
