"""Reading a request's body: the one place where JSON is taken, and taken strictly.

Python's parser accepts what PostgreSQL or a merchant would stumble over later: duplicate names,
NaN, NUL characters, lone surrogates, any depth. All of it is refused here with a 400.
"""

import json
from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from rest_framework.parsers import BaseParser

from payments_project.api.errors import PayloadTooLarge, UnsupportedMediaType
from payments_project.errors import InvalidInput

BODY_BYTES_MAX = 256 * 1024
DEPTH_MAX = 32
# Longer than any integer of ours, 64 bits and a sign; Python takes time over thousands of digits.
INTEGER_DIGITS_MAX = 21


class StrictJSONParser(BaseParser):
    """The DRF face of ``parse_json``; views read bodies through ``read_json``."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return parse_json(stream.read())


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The request's body as an object; an absent body is an empty one.

    Raises ``PayloadTooLarge``, ``UnsupportedMediaType`` and ``InvalidInput`` (``json_invalid``).
    """
    try:
        raw = request.body
    except RequestDataTooBig:
        raise PayloadTooLarge from None
    if len(raw) > BODY_BYTES_MAX:
        raise PayloadTooLarge
    if not raw:
        return {}
    if request.content_type != "application/json":
        raise UnsupportedMediaType(request.content_type or "none")
    return parse_json(raw)


def parse_json(raw: bytes) -> dict[str, Any]:
    """``raw`` as an object of JSON's values.

    Numbers keep their kind: ``1.0`` is a ``float``, which no field of ours takes, so that the field
    is named in the refusal; an integer out of every range is cut to one that is so still.
    """
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
    except UnicodeDecodeError:
        _refuse("The body is not UTF-8.")
    except RecursionError:
        _refuse_depth()
    except ValueError as error:
        _refuse(f"The body is not valid JSON: {error}" if _is_syntax(error) else str(error))
    if not isinstance(value, dict):
        _refuse("The body must be a JSON object.")
    # Only an escape can make a NUL or a lone surrogate: raw ones are refused by the decoders.
    escaped = b"\\u" in raw
    if escaped or raw.count(b"{") + raw.count(b"[") > DEPTH_MAX:
        _walk(value, escaped=escaped)
    return value


class _Refusal(ValueError):
    """A value that the parser would take and we do not; its text names no part of the body."""


def _is_syntax(error: ValueError) -> bool:
    return isinstance(error, json.JSONDecodeError)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise _Refusal("The body names a parameter twice.")
    return content


def _integer(digits: str) -> int:
    return int(digits[:INTEGER_DIGITS_MAX])


def _no_constant(_text: str) -> NoReturn:
    raise _Refusal("The body holds NaN or Infinity, which JSON has not.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_constant=_no_constant,
)


def _walk(value: Any, *, escaped: bool) -> None:
    """Checks depth and, after escapes, characters; without recursion."""
    pending: list[tuple[Any, int]] = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        if isinstance(item, str):
            if escaped:
                _check_characters(item)
        elif isinstance(item, dict | list):
            if depth > DEPTH_MAX:
                _refuse_depth()
            if isinstance(item, dict):
                pending += [(key, depth) for key in item]
                item = item.values()
            pending += [(child, depth + 1) for child in item]


def _check_characters(text: str) -> None:
    if "\x00" in text:
        _refuse("The body holds a NUL character.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        _refuse("The body holds a lone surrogate.")


def _refuse_depth() -> NoReturn:
    _refuse(f"The body is nested more than {DEPTH_MAX} deep.")


def _refuse(message: str) -> NoReturn:
    raise InvalidInput(message, code="json_invalid") from None
