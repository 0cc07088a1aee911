"""Reading a form with one file: the one place where bodies that are not JSON are taken."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import (
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict

from payments_project.api.bodies import shown_name
from payments_project.api.errors import PayloadTooLarge, UnsupportedMediaType
from payments_project.card_numbers import contains_card_number
from payments_project.errors import FieldError, InvalidInput

FILE_BYTES_MAX = 5 * 1024 * 1024
# The file, and the form around it.
UPLOAD_BYTES_MAX = FILE_BYTES_MAX + 64 * 1024
# Where such bodies are taken; the web server's front has to know before anybody reads.
UPLOAD_PATHS = ("/v1/files",)
_LIMIT = "5 MiB"
_MEDIA_TYPE = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Upload:
    """A form's file, and its other fields."""

    filename: str
    content: bytes
    fields: dict[str, str]


def read_upload(request: HttpRequest, *, fields: tuple[str, ...]) -> Upload:
    """The form's one file, called ``file``, and its ``fields``, each of which it must have.

    Raises ``UnsupportedMediaType``, ``PayloadTooLarge``, and ``InvalidInput`` for fields that are
    missing, unknown or there twice, for a file name with a card number, and for an empty file.
    """
    if request.content_type != _MEDIA_TYPE:
        raise UnsupportedMediaType(request.content_type or "none", wanted=_MEDIA_TYPE)
    if int(request.META.get("CONTENT_LENGTH") or 0) > UPLOAD_BYTES_MAX:
        raise PayloadTooLarge(_LIMIT)
    try:
        texts, files = request.POST, request.FILES
    except RequestDataTooBig:
        raise PayloadTooLarge(_LIMIT) from None
    except (
        MultiPartParserError,
        SuspiciousOperation,
        TooManyFieldsSent,
        TooManyFilesSent,
        ValueError,
    ):
        raise InvalidInput("The form can't be read.", code="parameter_invalid") from None
    _check_names(texts, files, fields)
    file: Any = files["file"]
    if file.size > FILE_BYTES_MAX:
        raise PayloadTooLarge(_LIMIT)
    if not file.size:
        raise InvalidInput("The file is empty.", param="file")
    name = _plain(file.name or "")
    if contains_card_number(name):
        raise InvalidInput("A card number must not be sent in a file's name.", param="file")
    return Upload(name, file.read(), {name: texts[name] for name in fields})


def _check_names(
    texts: MultiValueDict[str, Any], files: MultiValueDict[str, Any], fields: tuple[str, ...]
) -> None:
    errors = [
        FieldError(shown_name(name), "unknown_parameter", "There is no such parameter.")
        for name in [*set(texts) - set(fields), *set(files) - {"file"}]
    ]
    for given, wanted in ((texts, fields), (files, ("file",))):
        for name in wanted:
            values = given.getlist(name)
            if not values:
                errors.append(FieldError(name, "parameter_missing", "This parameter is required."))
            elif len(values) > 1:
                errors.append(FieldError(name, "parameter_invalid", "Must be given once."))
    if errors:
        first = errors[0]
        raise InvalidInput(
            f"{first.param}: {first.message}",
            param=first.param,
            code=first.code,
            errors=errors if len(errors) > 1 else (),
        )


def _plain(name: str) -> str:
    """A file's name without control characters and surrogates; Django has cut off its folders."""
    return "".join(character for character in name if character.isprintable()) or "file"
