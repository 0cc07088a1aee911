"""Answers for requests that reach no view: unknown addresses, and what Django refuses early."""

from django.http import Http404, HttpRequest, HttpResponse

from payments_project import errors as domain
from payments_project.api.exception_handler import error_response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404 in the API's shape."""
    return error_response(Http404(), request)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400 in the API's shape."""
    return error_response(domain.InvalidInput("The request is malformed."), request)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 in the API's shape."""
    return error_response(domain.PermissionDenied("Not allowed."), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 in the API's shape; Django has logged the cause."""
    return error_response(domain.ServiceError("Something went wrong on our side."), request)
