"""The OpenAPI document: made from the URL table, the views and their pydantic models.

A view says in ``operations`` what each of its methods takes and answers; everything that holds for
all endpoints (errors, headers, security, rate limits) is added here. drf-spectacular finds the
endpoints and puts the document together; ``ApiSchema`` describes one of them.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue

from payments_project.api import reference, webhook_reference
from payments_project.api.query import NoQuery, Query

Json = dict[str, Any]

PREFIX = "/v1/"
_REF = "#/components/schemas/"
_FORMATS: dict[type, str] = {datetime: "date-time", date: "date", UUID: "uuid"}
# Field of an answer that ``expand[]`` can replace: the object that then stands there.
_EXPANDABLE = {
    "customer": "CustomerObject",
    "payment_method": "PaymentMethodObject",
    "transaction": "TransactionObject",
}


@dataclass(frozen=True, slots=True)
class ListOf:
    """An answer that is a page of ``item``."""

    item: type[BaseModel]


@dataclass(frozen=True, slots=True)
class Content:
    """An answer that is no JSON: a file of one of these media types."""

    media_types: tuple[str, ...]
    description: str


Answer = type[BaseModel] | ListOf | Content
JSON = "application/json"
FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Operation:
    """What a method of a view takes and answers, beside what holds everywhere.

    ``also`` are error statuses of its own; ``public`` needs no API key. ``body_type`` is the media
    type of the body, of which a form's fields stand in ``body`` too. ``or_file`` is what the caller
    may have in place of a 200 in JSON.
    """

    answers: Mapping[int, Answer]
    body: type[BaseModel] | None = None
    query: type[Query] = NoQuery
    also: tuple[int, ...] = ()
    public: bool = False
    body_type: str = JSON
    or_file: Content | None = None


class ApiSchema(AutoSchema):
    """drf-spectacular's view of an endpoint: the operation that its view declares."""

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> Any:
        """The operation object; None leaves out what is not under ``/v1``."""
        if not path.startswith(PREFIX):
            return None
        return describe(path, method, type(self.view))


def complete(result: Json, generator: Any, request: Any, public: bool) -> Json:
    """drf-spectacular's last step: endpoints that are not DRF's, webhooks, components, tags."""
    for path, view_class in endpoints():
        for method in getattr(view_class, "operations", {}):
            item = result["paths"].setdefault(path, {})
            if method.lower() not in item:
                item[method.lower()] = describe(path, method, view_class)
    result["paths"] |= reference.PROBES
    result["webhooks"] = webhook_reference.webhooks()
    result["servers"] = [{"url": settings.PUBLIC_URL}]
    tags = sorted({tag for item in result["paths"].values() for tag in _tags_of(item)})
    result["tags"] = [{"name": tag, "description": reference.TAGS.get(tag, "")} for tag in tags]
    result["components"] = {
        "schemas": _components(),
        "headers": reference.HEADERS,
        "responses": {
            f"Error{status}": _error_response(status) for status in reference.ERROR_STATUSES
        },
        "parameters": {
            "IdempotencyKey": reference.IDEMPOTENCY_KEY,
            **webhook_reference.PARAMETERS,
        },
        "securitySchemes": reference.SECURITY_SCHEMES,
    }
    return result


def endpoints() -> Iterator[tuple[str, Any]]:
    """Every class-based view under ``/v1`` in the URL table: path (``{id}`` in it) and class."""
    for route, pattern in _patterns(get_resolver().url_patterns):
        view_class = getattr(pattern.callback, "cls", None) or getattr(
            pattern.callback, "view_class", None
        )
        path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
        if view_class is not None and path.startswith(PREFIX):
            yield path, view_class


def document(request: HttpRequest) -> HttpResponse:
    """``GET /v1/openapi.json``: this very document, for tools; no key is needed."""
    response = HttpResponse(_document(), content_type="application/json")
    # So that any tool in a browser can read it; it is public and says nothing of anyone.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


def build() -> Json:
    """The document, made anew."""
    from drf_spectacular.generators import SchemaGenerator

    generator: Any = SchemaGenerator
    made: Json = generator().get_schema(request=None, public=True)
    return made


@functools.cache
def _document() -> bytes:
    return json.dumps(build(), ensure_ascii=False, separators=(",", ":")).encode()


def describe(path: str, method: str, view_class: Any) -> Json:
    """The operation object of one endpoint. Raises ``KeyError`` if its view declares none."""
    operation: Operation = view_class.operations[method]
    handler = getattr(view_class, method.lower(), view_class)
    summary, _, detail = (handler.__doc__ or "").strip().partition("\n\n")
    # A class says where it is first. A summary is plain text.
    summary = _prose(re.sub(r"^``/v1/\S+``: ", "", summary)).rstrip(".").replace("`", "")
    summary = summary[:1].upper() + summary[1:]
    tag = _tag(path)
    described: Json = {
        "operationId": _operation_id(path, method),
        "tags": [tag],
        "summary": summary,
        "parameters": [*_path_parameters(path), *_query_parameters(operation)],
        "responses": {
            str(status): _answer_response(answer, operation, method, path)
            for status, answer in sorted(operation.answers.items())
        },
    }
    described["responses"] |= {
        str(status): {"$ref": f"#/components/responses/Error{status}"}
        for status in sorted(_error_statuses(operation, method, path))
    }
    if operation.public:
        described["security"] = []
    else:
        described["security"] = [{"bearer": []}, {"basic": []}]
    permission = getattr(view_class, "permissions_required", {}).get(method)
    notes = [_prose(detail)] if detail else []
    if permission is not None:
        described["x-permission"] = permission
        notes.append(f"Needs the permission `{permission}`.")
        if method in getattr(view_class, "publishable_methods", ()):
            described["x-publishable-key"] = True
            notes.append("A publishable key may call this too.")
    described["description"] = "\n\n".join(notes)
    if method == "POST" and not operation.public:
        described["parameters"].append({"$ref": "#/components/parameters/IdempotencyKey"})
    if operation.body is not None:
        described["requestBody"] = _request_body(
            operation.body, operation.body_type, described["operationId"]
        )
    return described


def _operation_id(path: str, method: str) -> str:
    verb = {"GET": "get", "POST": "post", "PATCH": "update", "DELETE": "delete"}[method]
    parts = path.removeprefix(PREFIX).replace(".", "_").split("/")
    return "_".join([verb, *("by_id" if part.startswith("{") else part for part in parts)])


def _tag(path: str) -> str:
    name = path.removeprefix(PREFIX).partition("/")[0].replace("_", " ").capitalize()
    return name.replace("Api ", "API ")


def _tags_of(item: Json) -> list[str]:
    return [tag for operation in item.values() for tag in operation["tags"]]


def _path_parameters(path: str) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
            "description": reference.PATH_PARAMETERS.get(name, "The object's id."),
        }
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(operation: Operation) -> list[Json]:
    schema = _schema_of(operation.query, "validation")
    parameters = []
    for name, value in schema.get("properties", {}).items():
        value = _without_null(value)
        description = value.pop("description", None) or _parameter_description(name)
        if name == "expand[]":
            names = expandable_names(operation)
            if not names:
                continue
            value = {"type": "array", "items": {"type": "string", "enum": list(names)}}
        parameter = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": value,
            "description": description,
        }
        if value.get("type") == "array":
            parameter |= {"style": "form", "explode": True}
        parameters.append(parameter)
    return parameters


def _parameter_description(name: str) -> str:
    base, _, end = name.partition("[")
    if end and base != "expand":
        words = reference.RANGE_ENDS[end.removesuffix("]")]
        return f"Only those whose `{base}` is {words[base == 'created_at']} this."
    return reference.QUERY_PARAMETERS.get(name, f"Only those whose `{name}` is this.")


def expandable_names(operation: Operation) -> tuple[str, ...]:
    """What ``expand[]`` can name for the operation's answers."""
    names: list[str] = []
    for answer in operation.answers.values():
        if isinstance(answer, Content):
            continue
        model = _members(answer)
        names += [name for name in _EXPANDABLE if name in model.model_fields]
        if model.__name__ == "TransactionObject":
            names.append("refunds")
    return tuple(dict.fromkeys(names))


def _members(answer: type[BaseModel] | ListOf) -> type[BaseModel]:
    """What ``expand[]`` is about: the objects in an answer's ``data``, or else the answer."""
    if isinstance(answer, ListOf):
        return answer.item
    data = answer.model_fields.get("data")
    held = get_args(data.annotation) if data else ()
    if held and isinstance(held[0], type) and issubclass(held[0], BaseModel):
        return held[0]
    return answer


def _request_body(model: type[BaseModel], body_type: str, operation_id: str) -> Json:
    content: Json = {"schema": {"$ref": _REF + component_name(model)}}
    if operation_id in reference.BODIES:
        content["examples"] = reference.BODIES[operation_id]
    required = any(field.is_required() for field in model.model_fields.values())
    return {"required": required, "content": {body_type: content}}


def _answer_response(answer: Answer, operation: Operation, method: str, path: str) -> Json:
    headers = dict.fromkeys(("Request-Id",))
    if not operation.public:
        headers |= dict.fromkeys(("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"))
        if method == "POST":
            headers["Idempotent-Replayed"] = None
    if isinstance(answer, Content):
        return {
            "description": answer.description,
            "headers": {header: {"$ref": f"#/components/headers/{header}"} for header in headers},
            "content": {name: {} for name in answer.media_types},
        }
    if isinstance(answer, ListOf):
        name = component_name(answer.item)
        schema: Json = _list_schema(name)
        description = f"A page of {name} objects."
    else:
        name = component_name(answer)
        schema = {"$ref": _REF + name}
        description = _prose(answer.__doc__)
    content: Json = {"schema": schema}
    example = reference.ANSWERS.get(name)
    if example is not None and not isinstance(answer, ListOf):
        content["example"] = example
    elif example is not None:
        url = path.replace("{transaction_id}", reference.TRANSACTION_ID)
        url = url.replace("{endpoint_id}", reference.ENDPOINT_ID)
        content["example"] = {"object": "list", "url": url, "has_more": False, "data": [example]}
    contents = {JSON: content}
    if operation.or_file is not None:
        description = f"{description} {operation.or_file.description}"
        contents |= {name: {"schema": {"type": "string"}} for name in operation.or_file.media_types}
    return {
        "description": description,
        "headers": {header: {"$ref": f"#/components/headers/{header}"} for header in headers},
        "content": contents,
    }


def _list_schema(name: str) -> Json:
    return {
        "type": "object",
        "properties": {
            "object": {"const": "list", "type": "string"},
            "url": {"type": "string"},
            "has_more": {"type": "boolean"},
            "data": {"type": "array", "items": {"$ref": _REF + name}},
        },
        "required": ["object", "url", "has_more", "data"],
    }


def _error_statuses(operation: Operation, method: str, path: str) -> set[int]:
    statuses = {400, 500, 503, *operation.also}
    if not operation.public:
        statuses |= {401, 403, 429}
    if "{" in path:
        statuses.add(404)
    if operation.body is not None:
        statuses |= {413, 415}
    if method == "POST" and not operation.public:
        statuses.add(409)
    return statuses


def _error_response(status: int) -> Json:
    headers = ["Request-Id", *reference.ERROR_HEADERS.get(status, ())]
    return {
        "description": reference.ERROR_STATUSES[status],
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {
            "application/json": {
                "schema": {"$ref": _REF + "Error"},
                "example": reference.ERRORS[status],
            }
        },
    }


# Models.


class _Schemas(GenerateJsonSchema):
    """Pydantic's JSON schema, with the formats that a rendered value has lost."""

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model = schema["cls"]
        made.pop("title", None)
        answers = self.mode == "serialization"
        if answers:
            made["description"] = _prose(model.__doc__)
        else:
            # A body's docstring is for us; what a merchant needs stands at the operation.
            made.pop("description", None)
        properties = made.get("properties", {})
        for name, field in model.model_fields.items():
            if (field.alias or name) in properties:
                properties[field.alias or name] = _tidy(
                    field.alias or name, properties[field.alias or name], field.annotation
                )
        if answers:
            # What is None by default may be left out of an answer: a secret, shown only once.
            made["required"] = [
                name
                for name, field in model.model_fields.items()
                if field.is_required() or field.default is not None
            ]
        return made


def _tidy(name: str, schema: Json, annotation: Any) -> Json:
    """A field's schema: its format set, its limits in JSON Schema's own words."""
    schema.pop("title", None)
    _set_format(schema, _format_of(annotation))
    members = [item for item in schema.get("anyOf", ()) if item != {"type": "null"}]
    for item in [schema, *members]:
        for word, own in (("ge", "minimum"), ("le", "maximum")):
            if word in item:
                item[own] = item.pop(word)
        if name == "metadata" and item.get("maxProperties"):
            item["propertyNames"] = {"minLength": 1, "maxLength": 40}
            item["additionalProperties"] = {"type": "string", "maxLength": 500}
    # An id that is a UUID for most objects, and composed for some.
    if len(members) > 1 and all(item.get("type") == "string" for item in members):
        return {"type": "string"}
    return schema


def _prose(docstring: str | None) -> str:
    return " ".join((docstring or "").split()).replace("``", "`")


def component_name(model: type[BaseModel]) -> str:
    """A model's name in the document: ``TransactionObject`` is ``Transaction`` to a merchant."""
    return model.__name__.removesuffix("Object")


@functools.cache
def _all_schemas(model: type[BaseModel], mode: JsonSchemaMode) -> Json:
    made = model.model_json_schema(
        mode=mode, schema_generator=_Schemas, ref_template=_REF + "{model}"
    )
    renamed = json.loads(re.sub(rf'"{_REF}(\w+?)(?:Object)?"', rf'"{_REF}\1"', json.dumps(made)))
    return dict(renamed)


def _schema_of(model: type[BaseModel], mode: JsonSchemaMode) -> Json:
    made = dict(_all_schemas(model, mode))
    made.pop("$defs", None)
    return made


def _components() -> Json:
    """The schema of every model that a view or a webhook names, and of those within them."""
    schemas: Json = {"Error": reference.ERROR_SCHEMA, **webhook_reference.object_components()}
    for _path, view_class in endpoints():
        for operation in getattr(view_class, "operations", {}).values():
            if operation.body is not None:
                _add(schemas, operation.body, "validation")
            for answer in operation.answers.values():
                if isinstance(answer, Content):
                    continue
                model = answer.item if isinstance(answer, ListOf) else answer
                _add(schemas, model, "serialization")
                _make_expandable(schemas, model)
    return dict(sorted(schemas.items()))


def _add(schemas: Json, model: type[BaseModel], mode: JsonSchemaMode) -> None:
    made = json.loads(json.dumps(_all_schemas(model, mode)))
    for name, inner in made.pop("$defs", {}).items():
        schemas.setdefault(name.removesuffix("Object"), inner)
    schemas.setdefault(component_name(model), made)


def _make_expandable(schemas: Json, model: type[BaseModel]) -> None:
    """An id that may be expanded is an id or the object."""
    properties = schemas[component_name(model)]["properties"]
    for name, object_name in _EXPANDABLE.items():
        reference = {"$ref": _REF + object_name.removesuffix("Object")}
        if name in properties and reference not in properties[name].get("anyOf", ()):
            held = properties[name].get("anyOf") or [dict(properties[name])]
            properties[name] = {
                "anyOf": [*held, reference],
                "description": f"The id; with `expand[]={name}` the object.",
            }
    if model.__name__ == "TransactionObject":
        properties["refunds"] = _list_schema("Refund") | {
            "description": "Only with `expand[]=refunds`."
        }


def _without_null(schema: Json) -> Json:
    """A query parameter can be absent, not null."""
    schema = {name: value for name, value in schema.items() if name not in ("default", "title")} | (
        {"default": schema["default"]} if schema.get("default") is not None else {}
    )
    members = [item for item in schema.get("anyOf", ()) if item != {"type": "null"}]
    if len(members) == 1:
        rest = {name: value for name, value in schema.items() if name != "anyOf"}
        return {**members[0], **rest}
    return schema


def _format_of(annotation: Any) -> str | None:
    if annotation in _FORMATS:
        return _FORMATS[annotation]
    found = [name for item in get_args(annotation) if (name := _format_of(item))]
    # A union with a plain string (an id that may be composed) has no format.
    return found[0] if found and str not in get_args(annotation) else None


def _set_format(schema: Json, name: str | None) -> None:
    if name is None:
        return
    for item in [schema, *schema.get("anyOf", ())]:
        if item.get("type") == "string":
            item.setdefault("format", name)


def _patterns(
    entries: list[URLPattern | URLResolver], before: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    for entry in entries:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            # The console's many URLs are nobody's API.
            if not route.startswith("admin"):
                yield from _patterns(entry.url_patterns, route)
        else:
            yield route, entry
