"""``expand[]``: an object in place of its id, loaded for a whole page at once."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from payments_project.api.bodies import shown_name
from payments_project.errors import InvalidInput
from payments_project.tenancy import Scope

# Loads objects by id for one merchant: id (as text) to its JSON content.
Loader = Callable[[Scope, list[str]], Mapping[str, dict[str, Any]]]

_LOADERS: dict[str, Loader] = {}


def register_expander(name: str, loader: Loader) -> None:
    """Lets ``expand[]=name`` put what ``loader`` finds in place of the id in field ``name``."""
    _LOADERS[name] = loader


# Fields that hold no id of their own: they are filled by the object's id.
_COLLECTIONS = frozenset({"refunds"})


def expand_objects(
    contents: Iterable[dict[str, Any]], names: Iterable[str], *, scope: Scope
) -> None:
    """Replaces ids in ``contents`` in place. Raises ``InvalidInput`` for what can't be expanded."""
    rows = list(contents)
    for name in dict.fromkeys(names):
        loader = _LOADERS.get(name)
        collection = name in _COLLECTIONS
        if loader is None or not all(
            row.get("object") == "transaction" if collection else name in row for row in rows
        ):
            raise InvalidInput(f"{shown_name(name)} can't be expanded here.", param="expand[]")
        field = "id" if collection else name
        ids = [str(row[field]) for row in rows if isinstance(row.get(field), str)]
        found = loader(scope, list(dict.fromkeys(ids)))
        for row in rows:
            if isinstance(row.get(field), str):
                row[name] = found.get(row[field], row.get(name))
