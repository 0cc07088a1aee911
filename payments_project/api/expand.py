"""``expand[]``: an object in place of its id, loaded for a whole page at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from payments_project.api.bodies import shown_name
from payments_project.errors import InvalidInput, PermissionDenied
from payments_project.tenancy import Scope

# Loads objects by id for one merchant: id (as text) to its JSON content.
Loader = Callable[[Scope, list[str]], Mapping[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Expander:
    loader: Loader
    permission: str


_EXPANDERS: dict[str, _Expander] = {}


def register_expander(name: str, loader: Loader, *, permission: str) -> None:
    """Lets ``expand[]=name`` put what ``loader`` finds in place of the id in field ``name``, for
    callers who have ``permission``: the one that reading the object by itself needs."""
    _EXPANDERS[name] = _Expander(loader, permission)


# Fields that hold no id of their own: they are filled by the object's id.
_COLLECTIONS = frozenset({"refunds"})


def expand_objects(
    contents: Iterable[dict[str, Any]],
    names: Iterable[str],
    *,
    scope: Scope,
    may: Callable[[str], bool],
) -> None:
    """Replaces ids in ``contents`` in place; ``may`` tells whether the caller has a permission.

    Raises ``InvalidInput`` for what can't be expanded, and ``PermissionDenied``.
    """
    rows = list(contents)
    for name in dict.fromkeys(names):
        expander = _EXPANDERS.get(name)
        collection = name in _COLLECTIONS
        if expander is None or not all(
            row.get("object") == "transaction" if collection else name in row for row in rows
        ):
            raise InvalidInput(f"{shown_name(name)} can't be expanded here.", param="expand[]")
        if not may(expander.permission):
            raise PermissionDenied(
                f"The key lacks the permission {expander.permission}.",
                permission=expander.permission,
            )
        field = "id" if collection else name
        ids = [str(row[field]) for row in rows if isinstance(row.get(field), str)]
        found = expander.loader(scope, list(dict.fromkeys(ids)))
        for row in rows:
            if isinstance(row.get(field), str):
                row[name] = found.get(row[field], row.get(name))
