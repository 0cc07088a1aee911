"""Views that a web page of any origin may call: where a publishable key is of use.

Browsers ask first (a preflight, without the key) and show a page only the answers that allow it
(https://fetch.spec.whatwg.org/#http-cors-protocol). No cookie is looked at by the merchant API, so
that any origin may be let in: who has no key gets nowhere.
"""

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from payments_project.api.views import ApiView

_TOLD = "Request-Id, Idempotent-Replayed, Retry-After"
_SENT = "Authorization, Content-Type, Idempotency-Key"
PREFLIGHT_SECONDS = 600


class CrossOriginView(ApiView):
    """Lets pages of any origin use its ``publishable_methods``."""

    http_method_names = [*ApiView.http_method_names, "options"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As of any view, but a preflight is answered for whoever asks."""
        if request.method != "OPTIONS":
            super().initial(request, *args, **kwargs)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answers a preflight."""
        response = HttpResponse(status=204)
        response.headers["Access-Control-Allow-Methods"] = ", ".join(
            sorted(self.publishable_methods)
        )
        response.headers["Access-Control-Allow-Headers"] = _SENT
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Renders what the handler returned, readable by the page that asked."""
        rendered = super().finalize_response(request, response, *args, **kwargs)
        if request.method in {*self.publishable_methods, "OPTIONS"}:
            rendered.headers["Access-Control-Allow-Origin"] = "*"
            rendered.headers["Access-Control-Expose-Headers"] = _TOLD
        return rendered
