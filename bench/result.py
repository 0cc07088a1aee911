"""What a bench hands back, and how it is printed: tables for people, at the end a line of JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure with the limit it must keep to."""

    value: float
    limit: float
    holds: bool
    sign: str

    @classmethod
    def at_least(cls, value: float, limit: float) -> "Bar":
        return cls(value, limit, value >= limit, ">=")

    @classmethod
    def at_most(cls, value: float, limit: float) -> "Bar":
        return cls(value, limit, value <= limit, "<=")


@dataclass(slots=True)
class Result:
    """A bench's figures (JSON values) and its bars by name."""

    bench: str
    figures: dict[str, Any] = field(default_factory=dict)
    bars: dict[str, Bar] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every bar holds."""
        return all(bar.holds for bar in self.bars.values())

    def to_json(self) -> str:
        """The last line of a bench's output; its shape is a promise (docs/benchmarks.md)."""
        return json.dumps(
            {
                "bench": self.bench,
                "figures": rounded(self.figures),
                "bars": {
                    name: {"value": rounded(bar.value), "bar": bar.limit, "holds": bar.holds}
                    for name, bar in self.bars.items()
                },
            }
        )


def print_result(result: Result) -> None:
    """Prints the bars as a table and then the line of JSON."""
    rows = [
        (name, f"{rounded(bar.value):g}", f"{bar.sign} {bar.limit:g}", "yes" if bar.holds else "NO")
        for name, bar in result.bars.items()
    ]
    if rows:
        print_table("Bars", ("bar", "value", "limit", "holds"), rows)
    print(result.to_json(), flush=True)


def print_table(title: str, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table: the first column to the left, the others to the right."""
    cells = [tuple(headers), *(tuple(_cell(value) for value in row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]
    print(f"\n{title}")
    for number, row in enumerate(cells):
        line = "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        print(f"  {line}".rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    print(flush=True)


def rounded(value: Any) -> Any:
    """The same figures with floats to four significant places, at least one decimal."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 1) if abs(value) >= 1000 else float(f"{value:.4g}")
    return value


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
