"""Events held against the schemas of their types."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from payments_project.events.catalogue import event_type
from payments_project.events.models import Event
from payments_project.events.schemas import event_schema


@cache
def validator_of(name: str) -> Draft202012Validator:
    """Of the closed form, in which a field that no model names is a fault."""
    schema = event_schema(event_type(name), is_closed=True)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def faults_of(name: str, data: Any) -> list[str]:
    """What of an event's ``data`` is not as the schema of its type says."""
    return [
        f"{name} {error.json_path}: {error.message}"
        for error in validator_of(name).iter_errors(data)
    ]


def faults_in(events: Iterable[Event]) -> set[str]:
    """Of all these; what many have, once."""
    return {fault for event in events for fault in faults_of(event.type, event.payload)}
