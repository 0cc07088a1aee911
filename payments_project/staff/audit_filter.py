"""Narrowing the audit trail to one kind of act."""

from collections.abc import Iterator
from typing import Any

from django.db import connection, models
from django.http import HttpRequest

from payments_project.console.filters import ConsoleFilter

# The actions that there are, one look into idx_audit_action for each.
_ACTIONS = """
    WITH RECURSIVE found AS (
        (SELECT action FROM audit ORDER BY action LIMIT 1)
        UNION ALL
        SELECT (SELECT action FROM audit WHERE audit.action > found.action
                 ORDER BY action LIMIT 1)
          FROM found WHERE found.action IS NOT NULL
    )
    SELECT action FROM found WHERE action IS NOT NULL
"""


class AuditActionFilter(ConsoleFilter):
    """What was done; the choices are what has ever been done."""

    title = "act"
    parameters = ("action",)
    is_indexed = True

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        with connection.cursor() as cursor:
            cursor.execute(_ACTIONS)
            actions = [action for (action,) in cursor.fetchall()]
        yield self.select(actions)

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        chosen = self.used_parameters.get("action")
        if chosen is None:
            return queryset
        return queryset.filter(action=chosen)
