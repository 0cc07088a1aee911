"""A table within a form: rows of the same few fields, such as a merchant's fees.

Works without scripts: the page offers a few empty rows below those that are filled, and an empty
row is none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

ROWS_MAX = 100
EMPTY_ROWS = 3


class TableWidget(forms.Widget):
    """Inputs ``NAME-ROW-COLUMN`` in a table."""

    template_name = "admin/console/table_field.html"

    def __init__(self, columns: Mapping[str, forms.Field]) -> None:
        super().__init__()
        self.columns = columns

    def __deepcopy__(self, memo: dict[int, Any]) -> "TableWidget":
        copied = type(self)(self.columns)
        copied.attrs = self.attrs.copy()
        return copied

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        rows = [*(value or []), *({} for _ in range(EMPTY_ROWS))][:ROWS_MAX]
        context["headings"] = [field.label or column for column, field in self.columns.items()]
        context["rows"] = [
            [
                field.widget.render(
                    f"{name}-{place}-{column}",
                    row.get(column),
                    {"class": "c-input", "aria-label": f"{field.label or column}, row {place + 1}"},
                )
                for column, field in self.columns.items()
            ]
            for place, row in enumerate(rows)
        ]
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, Any]]:
        rows = [
            {
                column: field.widget.value_from_datadict(data, files, f"{name}-{place}-{column}")
                for column, field in self.columns.items()
            }
            for place in range(ROWS_MAX)
        ]
        return [row for row in rows if any(row.values())]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False


class TableField(forms.Field):
    """Rows as dictionaries of cleaned values; what is wrong is said with its row's number."""

    def __init__(self, columns: Mapping[str, forms.Field], **options: Any) -> None:
        super().__init__(widget=TableWidget(columns), **options)
        self.columns = columns

    def __deepcopy__(self, memo: dict[int, Any]) -> "TableField":
        copied = super().__deepcopy__(memo)
        copied.columns = self.columns
        return copied

    def clean(self, value: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        faults: list[str] = []
        for number, row in enumerate(value or [], start=1):
            cleaned = {}
            for column, field in self.columns.items():
                try:
                    cleaned[column] = field.clean(row.get(column))
                except ValidationError as error:
                    faults += [
                        f"Row {number}, {field.label or column}: {m}" for m in error.messages
                    ]
            rows.append(cleaned)
        if faults:
            raise ValidationError(faults)
        if self.required and not rows:
            raise ValidationError(self.error_messages["required"])
        return rows
