"""Whether a schema may take another's place under the same version, for those who read events.

A reader was written against the old schema, knows nothing of the new one, and ignores properties
that it does not know. It relies on every property that the old schema names, on those that are
required being there, and on each value being one that the old schema allows. So a property may be
added, and what is allowed may become less; anything else is a new version.

An ``enum`` is closed: programs branch on states, and a payment in a state that a program has never
heard of is not ignored, it is lost. A value that is added to one breaks them. Where values may be
added the schema has a plain string and its description says so.

An added property is optional: events that were written before it lack it, and they are of the same
version.
"""

import json
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

# Says nothing of what an event may hold.
_NOTES = frozenset(
    ("$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated")
)
# Judged by functions of their own, as those of ``_STRUCTURE`` are.
_JUDGED = frozenset(("type", "enum", "const", "required"))
# A value may become less of each of these only by rising, or only by falling.
_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def breaking_changes(old: Json, new: Json) -> list[str]:
    """What of ``new`` breaks readers of ``old``: a line each, ``place: reason``; none if nothing.

    Both are JSON Schemas without references, as ``schemas`` makes them. A keyword that is not
    understood here breaks if it has changed at all: better one version too many.
    """
    return _compare(old, new, "data")


def _compare(old: Json, new: Json, place: str) -> list[str]:
    found = [*_types(old, new), *_values(old, new)]
    for name in sorted(old.keys() | new.keys()):
        if name.startswith("x-") or name in _NOTES | _JUDGED | _STRUCTURE.keys():
            continue
        found += _constraint(name, old.get(name), new.get(name))
    changes = [f"{place}: {reason}" for reason in found]
    for compare in _STRUCTURE.values():
        changes += compare(old, new, place)
    return changes


def _types(old: Json, new: Json) -> list[str]:
    if "type" not in old:
        return []
    if "type" not in new:
        return ["its type is not said any more"]
    allowed = _type_names(old)
    if "number" in allowed:
        allowed |= {"integer"}
    added = sorted(_type_names(new) - allowed)
    return [f"may be {', '.join(added)} now"] if added else []


def _type_names(schema: Json) -> set[str]:
    named = schema["type"]
    return {named} if isinstance(named, str) else set(named)


def _values(old: Json, new: Json) -> list[str]:
    before, after = _allowed_values(old), _allowed_values(new)
    if before is None:
        return []
    if after is None:
        return ["may have any value now"]
    # As JSON has them: for Python 1 is True.
    known = {json.dumps(value) for value in before}
    added = [text for value in after if (text := json.dumps(value)) not in known]
    return [f"may be {', '.join(added)} now, which readers do not know"] if added else []


def _allowed_values(schema: Json) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _constraint(name: str, old: Any, new: Any) -> list[str]:
    """A keyword that limits values: it may come, and may become stricter."""
    if old == new or old is None:
        known = name in (*_AT_LEAST, *_AT_MOST, "format", "pattern", "uniqueItems")
        return [] if known or old == new else [f"{name} was added, and can't be judged"]
    if new is None:
        return [f"{name} was taken away"]
    if name in _AT_LEAST:
        return [f"{name} fell from {old} to {new}"] if new < old else []
    if name in _AT_MOST:
        return [f"{name} rose from {old} to {new}"] if new > old else []
    return [f"{name} has changed from {old} to {new}"]


def _properties(old: Json, new: Json, place: str) -> list[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    changes = []
    for name in before:
        inner = f"{place}.{name}"
        if name not in after:
            changes.append(f"{inner}: was removed")
            continue
        if name in was_required - is_required:
            changes.append(f"{inner}: was required, and is optional now")
        changes += _compare(before[name], after[name], inner)
    changes += [
        f"{place}.{name}: is required, and events written before lack it"
        for name in sorted(is_required - was_required)
    ]
    return changes


def _items(old: Json, new: Json, place: str) -> list[str]:
    if "items" not in old:
        return []
    return _compare(old["items"], new.get("items", {}), f"{place}[]")


def _others(old: Json, new: Json, place: str) -> list[str]:
    """Properties that are not named: an open schema stays one for readers if it is closed."""
    before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if before is True or after is False:
        return []
    if before is False or after is True:
        return [f"{place}: may have properties now that it does not name"]
    return _compare(before, after, f"{place}.*")


# Keywords that are compared by functions of their own.
_STRUCTURE: dict[str, Callable[[Json, Json, str], list[str]]] = {
    "properties": _properties,
    "items": _items,
    "additionalProperties": _others,
}
