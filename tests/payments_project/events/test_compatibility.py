"""Which changes of a schema break those who read events of the same version."""

from typing import Any

import pytest

from payments_project.events.catalogue import event_versions
from payments_project.events.compatibility import breaking_changes
from payments_project.events.schemas import event_schema

Json = dict[str, Any]


def having(field: Json, *, required: bool = True, **more: Json) -> Json:
    """An object with the field ``x``, and others that are optional."""
    return {
        "type": "object",
        "properties": {"x": field, **more},
        "required": ["x"] if required else [],
    }


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
WORDS = {"type": "string", "enum": ["a", "b"]}
UUID_TEXT = {"type": "string", "format": "uuid"}
OPEN = {"type": "object", "properties": {}}
CLOSED = {**OPEN, "additionalProperties": False}
MAPPING = {"type": "object", "additionalProperties": {"type": "integer"}}

BREAKING = [
    ("property removed", having(TEXT), {"type": "object"}, "data.x: was removed"),
    (
        "optional property removed",
        having(TEXT, required=False),
        {"type": "object"},
        "data.x: was removed",
    ),
    (
        "required became optional",
        having(TEXT),
        having(TEXT, required=False),
        "data.x: was required, and is optional now",
    ),
    (
        "optional became required",
        having(TEXT, required=False),
        having(TEXT),
        "data.x: is required, and events written before lack it",
    ),
    (
        "required property added",
        {"type": "object"},
        having(TEXT),
        "data.x: is required, and events written before lack it",
    ),
    (
        "null added",
        having(TEXT),
        having({"type": ["string", "null"]}),
        "data.x: may be null now",
    ),
    ("other type", having(TEXT), having(NUMBER), "data.x: may be number now"),
    (
        "integer widened to number",
        having({"type": "integer"}),
        having(NUMBER),
        "data.x: may be number now",
    ),
    ("type taken away", having(TEXT), having({}), "data.x: its type is not said any more"),
    (
        "value added to an enum",
        having(WORDS),
        having({"type": "string", "enum": ["a", "b", "c"]}),
        'data.x: may be "c" now, which readers do not know',
    ),
    ("enum opened", having(WORDS), having(TEXT), "data.x: may have any value now"),
    (
        "other constant",
        having({"const": "a"}),
        having({"const": "b"}),
        'data.x: may be "b" now, which readers do not know',
    ),
    (
        "constant became an enum",
        having({"const": 1}),
        having({"enum": [1, True]}),
        "data.x: may be true now, which readers do not know",
    ),
    ("format taken away", having(UUID_TEXT), having(TEXT), "data.x: format was taken away"),
    (
        "other format",
        having(UUID_TEXT),
        having({"type": "string", "format": "date"}),
        "data.x: format has changed from uuid to date",
    ),
    (
        "other pattern",
        having({"pattern": "^a"}),
        having({"pattern": "^b"}),
        "data.x: pattern has changed from ^a to ^b",
    ),
    (
        "least value fell",
        having({"minimum": 0}),
        having({"minimum": -1}),
        "data.x: minimum fell from 0 to -1",
    ),
    (
        "greatest length rose",
        having({"maxLength": 3}),
        having({"maxLength": 4}),
        "data.x: maxLength rose from 3 to 4",
    ),
    ("limit taken away", having({"maximum": 1}), having({}), "data.x: maximum was taken away"),
    (
        "items widened",
        having({"type": "array", "items": TEXT}),
        having({"type": "array", "items": {"type": ["string", "null"]}}),
        "data.x[]: may be null now",
    ),
    (
        "items said no more",
        having({"type": "array", "items": TEXT}),
        having({"type": "array"}),
        "data.x[]: its type is not said any more",
    ),
    (
        "closed object opened",
        having(CLOSED),
        having(OPEN),
        "data.x: may have properties now that it does not name",
    ),
    (
        "values of a mapping widened",
        having(MAPPING),
        having({**MAPPING, "additionalProperties": NUMBER}),
        "data.x.*: may be number now",
    ),
    (
        "within an object",
        having(having(TEXT)),
        having(having(NUMBER)),
        "data.x.x: may be number now",
    ),
    (
        "what is not understood",
        having(TEXT),
        having({**TEXT, "not": {"const": "a"}}),
        "data.x: not was added, and can't be judged",
    ),
]

COMPATIBLE = [
    ("nothing", having(WORDS), having(WORDS)),
    ("optional property added", having(TEXT), having(TEXT, y=NUMBER)),
    ("optional property added within", having(having(TEXT)), having(having(TEXT, y=NUMBER))),
    ("null gone", having({"type": ["string", "null"]}), having(TEXT)),
    ("number narrowed to integer", having(NUMBER), having({"type": "integer"})),
    ("value taken from an enum", having(WORDS), having({"type": "string", "enum": ["b"]})),
    ("enum became a constant", having(WORDS), having({"type": "string", "const": "a"})),
    ("open text became an enum", having(TEXT), having(WORDS)),
    ("format added", having(TEXT), having(UUID_TEXT)),
    ("least value rose", having({"minimum": 0}), having({"minimum": 1})),
    ("greatest value fell", having({"maximum": 9}), having({"maximum": 1})),
    ("items told", having({"type": "array"}), having({"type": "array", "items": TEXT})),
    ("open object closed", having(OPEN), having(CLOSED)),
    (
        "other words",
        having({**TEXT, "description": "old", "x-note": 1}),
        having({**TEXT, "description": "new", "title": "X"}),
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "told"), [row[1:] for row in BREAKING], ids=[row[0] for row in BREAKING]
)
def test_what_breaks_readers_is_told_with_its_place(old: Json, new: Json, told: str) -> None:
    assert breaking_changes(old, new) == [told]


@pytest.mark.parametrize(
    ("old", "new"), [row[1:] for row in COMPATIBLE], ids=[row[0] for row in COMPATIBLE]
)
def test_what_readers_do_not_notice_is_no_change(old: Json, new: Json) -> None:
    assert breaking_changes(old, new) == []


def test_every_change_is_told_at_once() -> None:
    old = having(TEXT, y=TEXT, z=TEXT)
    new = having(NUMBER, z=UUID_TEXT)

    assert breaking_changes(old, new) == ["data.x: may be number now", "data.y: was removed"]


def test_no_keyword_that_we_publish_is_beyond_judging() -> None:
    """Were one not understood, any change of it would be refused."""
    keywords: dict[str, Any] = {}

    def collect(schema: Json) -> None:
        keywords.update(schema)
        for inner in [*schema.get("properties", {}).values(), schema.get("items", {})]:
            if inner:
                collect(inner)

    for item in event_versions():
        collect(event_schema(item))

    assert {"enum", "const", "format", "pattern", "minimum", "items"} <= set(keywords)
    for name, value in keywords.items():
        assert "judged" not in str(breaking_changes({}, {name: value})), name
