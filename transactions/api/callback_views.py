"""Where gateways send their messages."""

import json
from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from payments_project.api.errors import MethodNotAllowed, PayloadTooLarge
from payments_project.api.exception_handler import error_response
from payments_project.api.objects import ApiObject
from payments_project.api.openapi import Operation
from payments_project.api.strict_json import BODY_BYTES_MAX
from payments_project.errors import InvalidInput
from transactions.gateways.interface import InvalidCallback
from transactions.services.callbacks import receive_callback


class CallbackReceipt(ApiObject):
    """The message was kept; ``duplicate`` if it had been before."""

    received: bool
    duplicate: bool


@method_decorator(csrf_exempt, name="dispatch")
class GatewayCallbackView(View):
    """``/v1/gateways/{name}/webhook``: verified by signature, kept, answered; applied later."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: CallbackReceipt}, also=(413,), public=True),
    }

    def dispatch(self, request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        try:
            if request.method != "POST":
                raise MethodNotAllowed("The resource does not know this method.", allow=["POST"])
            return self._receive(request, kwargs["name"])
        except Exception as error:
            return error_response(error, request)

    def _receive(self, request: HttpRequest, name: str) -> HttpResponse:
        if len(request.body) > BODY_BYTES_MAX:
            raise PayloadTooLarge
        try:
            kept = receive_callback(
                gateway_name=name, headers=dict(request.headers), body=request.body
            )
        except InvalidCallback as refusal:
            raise InvalidInput(str(refusal), code="signature_invalid") from None
        content = {"received": True, "duplicate": kept is None}
        return HttpResponse(json.dumps(content), content_type="application/json")
