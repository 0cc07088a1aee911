"""Conditions of CHECK constraints, written so that PostgreSQL reads them quickly."""

import re
from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, Func

_WORD = re.compile(r"[a-z_]+")


class OneOf(Func):
    """Whether a text column holds one of ``values``, which are lower-case words.

    The values are one constant, where ``__in`` makes an expression of each. PostgreSQL parses the
    stored form of a table's CHECK constraints again in every statement that writes to it, so on
    the tables that each payment writes to their length costs.
    """

    template = "%(expressions)s = ANY ('{%(values)s}'::text[])"
    arity = 1
    output_field = BooleanField()

    def __init__(self, column: str, values: Iterable[str], **extra: Any) -> None:
        values = list(values)
        if not all(_WORD.fullmatch(value) for value in values):
            raise ValueError("values are lower-case words")
        super().__init__(column, values=",".join(values), **extra)
