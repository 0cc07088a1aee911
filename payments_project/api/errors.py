"""Refusals that are HTTP's own, and the body of every error."""

from typing import Any

from django.conf import settings

from payments_project.errors import FieldError, ServiceError


class HttpRefusal(ServiceError):
    """A request refused for its form, before any of its content was looked at."""

    http_status = 400


class PayloadTooLarge(HttpRefusal):
    """The body is over 256 KiB; where files are taken, over ``limit``."""

    default_code = "payload_too_large"
    http_status = 413

    def __init__(self, limit: str = "256 KiB") -> None:
        super().__init__(f"The body is larger than {limit}.")


class UnsupportedMediaType(HttpRefusal):
    """The body is not JSON, or where files are taken no form, by its own word."""

    default_code = "unsupported_media_type"
    http_status = 415

    def __init__(self, content_type: str, *, wanted: str = "application/json") -> None:
        super().__init__(f"Send the body as {wanted}.", content_type=content_type)


class MethodNotAllowed(HttpRefusal):
    """The resource does not know the method; ``data["allow"]`` lists those that it does."""

    default_code = "method_not_allowed"
    http_status = 405


def error_content(
    *,
    error_type: str,
    code: str,
    message: str,
    request_id: str,
    param: str | None = None,
    errors: tuple[FieldError, ...] = (),
    decline_code: str | None = None,
    transaction: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of an error, in the one shape that the API's contract (/docs) promises.

    Absent fields are left out.
    """
    error: dict[str, Any] = {"type": error_type, "code": code, "message": message}
    if param is not None:
        error["param"] = param
    if errors:
        error["errors"] = [
            {"param": item.param, "code": item.code, "message": item.message} for item in errors
        ]
    if decline_code is not None:
        error["decline_code"] = decline_code
    if transaction is not None:
        error["transaction"] = transaction
    error["request_id"] = request_id
    error["doc_url"] = f"{settings.PUBLIC_URL}/docs#errors-{code}"
    return {"error": error}
