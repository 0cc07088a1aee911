"""The one map from errors to HTTP."""

import json
import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as drf

from payments_project import errors as domain
from payments_project.api.errors import (
    HttpRefusal,
    MethodNotAllowed,
    PayloadTooLarge,
    error_content,
)
from payments_project.api.request_id import request_id_of
from payments_project.database.transaction_manager import sqlstate

logger = logging.getLogger("payments.api")

INVALID_REQUEST = "invalid_request_error"

# Class → (status, type); a subclass is found through its base.
_STATUS: dict[type[domain.ServiceError], tuple[int, str]] = {
    domain.InvalidInput: (400, INVALID_REQUEST),
    domain.ResourceMissing: (404, INVALID_REQUEST),
    domain.Conflict: (409, INVALID_REQUEST),
    domain.NotAuthenticated: (401, INVALID_REQUEST),
    domain.PermissionDenied: (403, INVALID_REQUEST),
    domain.RateLimited: (429, "rate_limit_error"),
    domain.IdempotencyKeyReused: (400, "idempotency_error"),
    domain.IdempotencyKeyInUse: (409, "idempotency_error"),
    domain.Unavailable: (503, "api_error"),
    domain.ServiceError: (500, "api_error"),
}
# The lock was not given, or the statement ran too long: nothing was done, try again.
_BUSY_SQLSTATES = frozenset({"55P03", "57014", "40001", "40P01"})


def handle_exception(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's hook: every exception of a view becomes a response here."""
    return error_response(error, context["request"]._request)


def error_response(error: Exception, request: HttpRequest) -> HttpResponse:
    """The response to an error. What nobody expected is a 500, logged without the request's body."""
    known = _as_service_error(error)
    if known is None:
        logger.error(
            "unexpected %s in %s %s (%s)",
            type(error).__name__,
            request.method,
            request.path,
            request_id_of(request),
            exc_info=error,
        )
        known = domain.ServiceError("Something went wrong on our side.")
    status, content = error_parts(known, request_id=request_id_of(request))
    response = HttpResponse(
        json.dumps(content, separators=(",", ":")), status=status, content_type="application/json"
    )
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="payments"'
    if "retry_after" in known.data:
        response.headers["Retry-After"] = str(known.data["retry_after"])
    if "allow" in known.data:
        response.headers["Allow"] = ", ".join(known.data["allow"])
    return response


def error_parts(error: domain.ServiceError, *, request_id: str) -> tuple[int, dict[str, Any]]:
    """Status and body of a refusal."""
    if isinstance(error, HttpRefusal):
        status, error_type = error.http_status, INVALID_REQUEST
    else:
        status, error_type = next(_STATUS[base] for base in type(error).__mro__ if base in _STATUS)
    if isinstance(error, domain.ResourceMissing) and error.param is not None:
        status = 400
    return status, error_content(
        error_type=error_type,
        code=error.code,
        message=error.message,
        request_id=request_id,
        param=error.param,
        errors=error.errors if isinstance(error, domain.InvalidInput) else (),
        transaction=error.data.get("transaction"),
    )


def _as_service_error(error: Exception) -> domain.ServiceError | None:
    """What is known of an exception that is not ours: DRF's, Django's, the database's."""
    if isinstance(error, domain.ServiceError):
        return error
    if isinstance(error, drf.MethodNotAllowed):
        return MethodNotAllowed("The resource does not know this method.")
    if isinstance(error, Http404 | drf.NotFound):
        return domain.ResourceMissing("There is nothing at this address.")
    if isinstance(error, RequestDataTooBig):
        return PayloadTooLarge()
    if isinstance(error, TooManyFieldsSent | SuspiciousOperation | drf.ParseError):
        return domain.InvalidInput("The request is malformed.")
    if isinstance(error, drf.NotAuthenticated | drf.AuthenticationFailed):
        return domain.NotAuthenticated("No valid API key.")
    if isinstance(error, drf.PermissionDenied):
        return domain.PermissionDenied("Not allowed.")
    if isinstance(error, DatabaseError | InterfaceError):
        if sqlstate(error) in _BUSY_SQLSTATES:
            return domain.Unavailable("The service is busy; try again.", retry_after=1)
        if isinstance(error, OperationalError | InterfaceError):
            logger.error("database unavailable: %s", type(error).__name__)
            return domain.Unavailable("The service can't answer now; try again.", retry_after=2)
    return None
