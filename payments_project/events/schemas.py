"""JSON Schemas of events' ``data``, draft 2020-12, made from the catalogue.

What is published is open: properties that it does not name may come, since within a version fields
are added. Our own tests hold events against the closed form, which finds what a model has forgotten.
The rules are in docs/events/README.md.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from pydantic import BaseModel

from payments_project.events.catalogue import EventType, event_versions

Json = dict[str, Any]

# Under PUBLIC_URL; the files of the same names lie in the repository's folder of the same name.
FOLDER = "docs/events"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFINITIONS = "#/$defs/"
# How a person reads a schema; what is not named here comes last.
_ORDER = (
    "$schema", "$id", "title", "description", "x-event-type", "x-schema-version", "type", "format",
    "const", "enum", "pattern", "minimum", "maximum", "items", "properties", "required",
    "additionalProperties",
)  # fmt: skip


def file_name(event_type: EventType) -> str:
    """Of its schema, in the repository and at ``/docs/events/``: ``refund.created.v1.json``."""
    return f"{event_type.name}.v{event_type.version}.json"


def schema_url(event_type: EventType) -> str:
    """Where anybody can read the type's schema: ``dataschema`` of its CloudEvents."""
    return f"{settings.PUBLIC_URL}/{FOLDER}/{file_name(event_type)}"


def schema_text(event_type: EventType) -> str:
    """The published schema as its file has it, a line feed at its end."""
    return json.dumps(event_schema(event_type), indent=2, ensure_ascii=False) + "\n"


@functools.cache
def schema_texts() -> Mapping[str, str]:
    """Every published schema by its file's name; once all apps have started."""
    return {file_name(item): schema_text(item) for item in event_versions()}


def event_schema(event_type: EventType, *, is_closed: bool = False) -> Json:
    """The JSON Schema of the type's ``data``, with its identity.

    A closed one refuses properties that it does not name.
    """
    return {
        "$schema": _DIALECT,
        # Relative: the same file wherever it is served.
        "$id": file_name(event_type),
        "title": event_type.name,
        "description": event_type.description,
        "x-event-type": event_type.name,
        "x-schema-version": event_type.version,
        **data_schema(
            event_type,
            object_schema(event_type.object, is_closed=is_closed),
            is_closed=is_closed,
        ),
    }


def data_schema(event_type: EventType, held: Json, *, is_closed: bool = False) -> Json:
    """The schema of ``data`` without an identity; ``held`` is what it says of ``data.object``: the
    object's schema, or a reference to it."""
    properties: Json = {"object": held}
    if event_type.previous:
        own = object_schema(event_type.object, is_closed=is_closed)["properties"]
        properties["previous_attributes"] = _with_openness(
            {
                "description": "What changed, as it was before.",
                "type": "object",
                "properties": {name: own[name] for name in own if name in event_type.previous},
            },
            is_closed=is_closed,
        )
    return _with_openness(
        {"type": "object", "properties": properties, "required": ["object"]}, is_closed=is_closed
    )


def object_schema(model: type[BaseModel], *, is_closed: bool = False) -> Json:
    """The schema of an event's object: one plain document without references."""
    made = model.model_json_schema()
    return _plain(made, made.get("$defs", {}), is_closed=is_closed)


def _with_openness(schema: Json, *, is_closed: bool) -> Json:
    return {**schema, "additionalProperties": False} if is_closed else schema


def _plain(schema: Json, definitions: Json, *, is_closed: bool) -> Json:
    """Pydantic's schema as a person would write it: parts in their place, null as one more type."""
    schema = dict(schema)
    if "$ref" in schema:
        schema = {**definitions[schema.pop("$ref").removeprefix(_DEFINITIONS)], **schema}
    if "anyOf" in schema:
        held, null = schema.pop("anyOf")
        if null != {"type": "null"}:
            raise ValueError(f"a field of an event is of one type, or null: {held}, {null}")
        schema = {**_nullable(_plain(held, definitions, is_closed=is_closed)), **schema}
    for name in ("title", "$defs"):
        schema.pop(name, None)
    if not is_closed:
        schema.pop("additionalProperties", None)
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    if "items" in schema:
        schema["items"] = _plain(schema["items"], definitions, is_closed=is_closed)
    if "properties" in schema:
        schema["properties"] = {
            name: _plain(value, definitions, is_closed=is_closed)
            for name, value in schema["properties"].items()
        }
    return {name: schema[name] for name in sorted(schema, key=_place)}


def _nullable(schema: Json) -> Json:
    schema["type"] = [schema["type"], "null"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if "const" in schema:
        schema["enum"] = [schema.pop("const"), None]
    return schema


def _place(keyword: str) -> tuple[int, str]:
    return (_ORDER.index(keyword) if keyword in _ORDER else len(_ORDER)), keyword
