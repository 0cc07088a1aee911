"""Every response has a ``Request-Id``, and everything that is logged or recorded for it too."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "Request-Id"


def request_id_of(request: HttpRequest) -> str:
    """The request's id, ``req_`` and 24 characters."""
    value = getattr(request, "request_id", None)
    if value is None:
        value = request.request_id = f"req_{secrets.token_hex(12)}"  # type: ignore[attr-defined]
    return str(value)


class RequestIdMiddleware:
    """Outermost: gives the request its id and the response its header, errors included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request_id_of(request)
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response
