"""The base of every API view: who calls, what they may, how often, and how it is answered.

DRF's dispatch is kept; what it does per request that has one answer here (content negotiation,
versions, throttle classes) is not run. Handlers return an ``ApiObject``, alone or after a status.
"""

import json
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.views import APIView

from payments_project.actor import Actor
from payments_project.api.bodies import Body, validate
from payments_project.api.errors import MethodNotAllowed
from payments_project.api.expand import expand_objects, require_expandable
from payments_project.api.idempotency_key import idempotency_key_of
from payments_project.api.objects import ApiObject
from payments_project.api.openapi import Operation, expandable_names
from payments_project.api.query import NoQuery, Query, parse_query
from payments_project.api.rate_limit import Allowance, check_rate_limit
from payments_project.api.request_id import request_id_of
from payments_project.api.strict_json import read_json
from payments_project.client_address import client_address
from payments_project.errors import PermissionDenied, RateLimited
from payments_project.tenancy import Scope

BodyModel = TypeVar("BodyModel", bound=Body)
QueryModel = TypeVar("QueryModel", bound=Query)


# Objects that hold others in ``data``.
LISTS = frozenset({"list", "search_result"})


class ApiView(APIView):
    """A view of the merchant API.

    ``operations`` says of each method what it takes and answers; ``permissions_required`` which
    permission it needs. ``publishable_methods`` are those that a publishable key may use besides.
    """

    http_method_names = ["get", "head", "post", "patch", "delete"]

    operations: ClassVar[dict[str, Operation]] = {}
    permissions_required: ClassVar[dict[str, str]] = {}
    publishable_methods: ClassVar[frozenset[str]] = frozenset()

    caller: Any
    scope: Scope
    actor: Actor
    expand: Sequence[str] = ()
    allowance: Allowance | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticates, counts and authorizes the call. Raises what the error map knows."""
        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            raise MethodNotAllowed(
                "The resource does not know this method.", allow=self.allowed_methods
            )
        self.caller = request.auth
        if self.caller is None:
            self.permission_denied(request)
        django_request: HttpRequest = request._request
        self.scope = Scope(self.caller.merchant_id, self.caller.environment)
        self.actor = Actor(
            kind="api_key",
            id=self.caller.api_key_id,
            request_id=request_id_of(django_request),
            # A publishable key's caller may be anybody, and so may what they write there.
            idempotency_key=(
                None
                if self.caller.key_type == "publishable"
                else idempotency_key_of(django_request)
            ),
            ip=client_address(django_request),
        )
        self.allowance = check_rate_limit(
            key_id=str(self.caller.api_key_id),
            key_read_at=self.caller.read_at,
            endpoint=type(self).__name__,
            per_second=self.caller.rate_limit_per_second or settings.RATE_LIMIT_PER_SECOND,
            per_hour=self.caller.rate_limit_per_hour or settings.RATE_LIMIT_PER_HOUR,
        )
        if self.allowance is None:
            self.caller = self.caller.remembered_alone()
        else:
            if not self.allowance.allowed:
                raise RateLimited(
                    "Too many requests; slow down.", retry_after=self.allowance.reset_seconds
                )
            if self.allowance.key_changed:
                self.caller = self.caller.read_anew()
        self._require_permission()

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Renders what the handler returned."""
        if not isinstance(response, HttpResponseBase):
            status, answer = response if isinstance(response, tuple) else (200, response)
            response = self.render(answer, status)
        rendered: HttpResponseBase = response
        if self.allowance is not None:
            rendered.headers["RateLimit-Limit"] = str(self.allowance.limit)
            rendered.headers["RateLimit-Remaining"] = str(self.allowance.remaining)
            rendered.headers["RateLimit-Reset"] = str(self.allowance.reset_seconds)
        return rendered

    def render(self, answer: ApiObject | dict[str, Any], status: int = 200) -> HttpResponse:
        """``answer`` as JSON."""
        return HttpResponse(render_body(answer), status=status, content_type="application/json")

    def body(self, model: type[BodyModel]) -> BodyModel:
        """The request's body; its query string may hold ``expand[]`` alone, or what ``query`` took
        before. Raises ``InvalidInput`` and the refusals of ``read_json``."""
        if self.request._request.META.get("QUERY_STRING"):
            self.query(NoQuery)
        return validate(model, read_json(self.request._request))

    def query(self, model: type[QueryModel]) -> QueryModel:
        """The request's query parameters; what is to be expanded is kept as ``expand``. Raises
        ``InvalidInput``, and ``PermissionDenied`` for what the caller may not read."""
        parameters = parse_query(self.request._request, model)
        if parameters.expand:
            names = expandable_names(self.operations[self._method])
            self.expand = require_expandable(parameters.expand, names, may=self.caller.has)
        return parameters

    def expanded(self, answer: ApiObject) -> ApiObject | dict[str, Any]:
        """``answer`` with objects in place of the ids that the caller named in ``expand[]``; a
        list's members are expanded."""
        if not self.expand:
            return answer
        content = answer.model_dump(mode="json")
        rows = content["data"] if content.get("object") in LISTS else [content]
        expand_objects(rows, self.expand, scope=self.scope)
        return content

    @property
    def _method(self) -> str:
        """What is asked for; HEAD is GET without the answer's body."""
        method = self.request.method or ""
        return "GET" if method == "HEAD" else method

    def _require_permission(self) -> None:
        method = self._method
        needed = self.permissions_required[method]
        if self.caller.key_type == "publishable" and method not in self.publishable_methods:
            raise PermissionDenied(
                f"A publishable key does not have the permission {needed}.", permission=needed
            )
        if not self.caller.has(needed):
            raise PermissionDenied(f"The key lacks the permission {needed}.", permission=needed)


def render_body(answer: ApiObject | dict[str, Any]) -> str:
    """An answer's JSON text."""
    if isinstance(answer, BaseModel):
        return answer.model_dump_json()
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
