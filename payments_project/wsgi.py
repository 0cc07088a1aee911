"""WSGI entry point: ``payments_project.wsgi:application``.

The merchant API and the console need different middleware: a payment has no session, no CSRF
cookie and no message, and the seven layers of the console's cost a tenth of its time. So each has
its handler, and the path decides.
"""

import gc
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import django
from django.core.handlers.wsgi import WSGIHandler, get_script_name
from django.db import connections
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.urls import ResolverMatch, set_script_prefix

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payments_project.settings.local")
# Where the processes of one server put their numbers together; its workers have one parent. Set
# before prometheus_client is imported, which reads it once, and for servers only: a command has
# nobody to tell its numbers to.
os.environ.setdefault(
    "PROMETHEUS_MULTIPROC_DIR",
    str(Path(tempfile.gettempdir()) / f"payments-metrics-{os.getuid()}-{os.getppid()}"),
)
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 (after the settings are known)

from payments_project.api.strict_json import BODY_BYTES_MAX  # noqa: E402
from payments_project.api.uploads import UPLOAD_BYTES_MAX, UPLOAD_PATHS  # noqa: E402
from payments_project.web_process import (  # noqa: E402
    keep_to_one_core,
    let_work_finish,
    move_to_huge_pages,
)

_CHUNK_BYTES = 65_536
# Of a refused upload the rest is read, of anything larger no more than that.
_DRAINED_CHUNKS_MAX = 128
API_PREFIXES = ("/v1/", "/healthz", "/readyz", "/metrics")


class ApiHandler(WSGIHandler):
    """Django's handler with ``API_MIDDLEWARE`` in place of ``MIDDLEWARE``; it sets no cookies."""

    _matches: ClassVar[dict[str, ResolverMatch]] = {}

    def __call__(  # type: ignore[override]
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """As Django's, with two differences that each cost as much as a statement: a body goes out
        whole with its length, not in chunks, and connections are given back without signals."""
        set_script_prefix(get_script_name(environ))
        if "HTTP_TRANSFER_ENCODING" in environ:
            _measure_body(environ)
        request = self.request_class(environ)
        response = self.get_response(request)
        if response.status_code >= 400 and not hasattr(request, "_body"):
            _drain(request)
        status = f"{response.status_code} {response.reason_phrase}"
        headers = list(response.items())
        if not isinstance(response, HttpResponse):
            # A stream: its close(), which the server calls, does the rest.
            start_response(status, headers)
            return response
        if response.status_code not in (204, 304):
            headers.append(("Content-Length", str(len(response.content))))
        start_response(status, headers)
        for connection in connections.all(initialized_only=True):
            connection.close_if_unusable_or_obsolete()
        request.close()
        return [response.content]

    def load_middleware(self, is_async: bool = False) -> None:
        console = settings.MIDDLEWARE
        settings.MIDDLEWARE = settings.API_MIDDLEWARE
        try:
            super().load_middleware(is_async)
        finally:
            settings.MIDDLEWARE = console

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Addresses without an id in them are looked up once."""
        match = self._matches.get(request.path_info)
        if match is None:
            match = super().resolve_request(request)
            if not match.kwargs:
                self._matches[request.path_info] = match
        request.resolver_match = match
        return match


def _measure_body(environ: dict[str, Any]) -> None:
    """Gives a body that came in chunks its length: Django takes one without for an empty one.

    Of a body that is too large no more is read than shows it.
    """
    is_upload = environ.get("PATH_INFO") in UPLOAD_PATHS
    body = environ["wsgi.input"].read((UPLOAD_BYTES_MAX if is_upload else BODY_BYTES_MAX) + 1)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = BytesIO(body)


def _drain(request: HttpRequest) -> None:
    """Reads on past a refusal that did not look at the body, such as 401 or 413.

    Over an unread body the server closes the connection, and a client that is still sending, or
    sends its next request, may see that and not the answer. A huge body is not read to its end.
    """
    with suppress(UnreadablePostError):
        for _ in range(_DRAINED_CHUNKS_MAX):
            if not request.read(_CHUNK_BYTES):
                break


_api = ApiHandler()
_console = WSGIHandler()

# What is loaded by now stays: the collector need not look at it again, nor so often at the rest (a
# tenth of a payment's time with Python's own settings).
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
move_to_huge_pages()
if settings.WEB_CORE_PER_PROCESS:
    keep_to_one_core()
    let_work_finish()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Hands a request to the handler of its part."""
    handler = _api if environ.get("PATH_INFO", "").startswith(API_PREFIXES) else _console
    answer: Iterable[bytes] = handler(environ, start_response)
    return answer
