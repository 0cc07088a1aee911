"""Which methods an address knows, for views that are plain functions."""

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from payments_project.api.errors import MethodNotAllowed
from payments_project.api.exception_handler import error_response

View = Callable[..., HttpResponse]


def read_only(view: View) -> View:
    """``view`` for GET and HEAD; any other method is a 405 in the API's shape."""

    @functools.wraps(view)
    def answer(request: HttpRequest, **parameters: Any) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request, **parameters)
        refusal = MethodNotAllowed("The resource can only be read.", allow=["GET", "HEAD"])
        return error_response(refusal, request)

    # It changes nothing; a missing token must not be told before the method is.
    return csrf_exempt(answer)
