"""``expand[]``: an object in place of its id, loaded for a whole page at once."""

from collections.abc import Callable, Collection, Iterable, Mapping
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


def require_expandable(
    wanted: Iterable[str], known: Collection[str], *, may: Callable[[str], bool]
) -> list[str]:
    """The names in ``wanted``, once each; a list's may begin with ``data.``, where its objects are.

    ``known`` are those that the answer has; ``may`` tells whether the caller has a permission.
    Raises ``InvalidInput`` for what can't be expanded, and ``PermissionDenied``.
    """
    names = list(dict.fromkeys(name.removeprefix("data.") for name in wanted))
    for name in names:
        if name not in known:
            raise InvalidInput(f"{shown_name(name)} can't be expanded here.", param="expand[]")
        permission = _EXPANDERS[name].permission
        if not may(permission):
            raise PermissionDenied(
                f"The key lacks the permission {permission}.", permission=permission
            )
    return names


def expand_objects(
    contents: Iterable[dict[str, Any]], names: Iterable[str], *, scope: Scope
) -> None:
    """Replaces ids in ``contents`` in place, for names that ``require_expandable`` let pass."""
    rows = list(contents)
    for name in names:
        field = "id" if name in _COLLECTIONS else name
        ids = [str(row[field]) for row in rows if isinstance(row.get(field), str)]
        found = _EXPANDERS[name].loader(scope, list(dict.fromkeys(ids)))
        for row in rows:
            if isinstance(row.get(field), str):
                row[name] = found.get(row[field], row.get(name))
