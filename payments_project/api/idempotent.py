"""How POST endpoints honour ``Idempotency-Key``.

``atomic_operation`` wraps a handler whose work is one database transaction: claim, work and reply
commit together. Endpoints that call a gateway claim in their first phase and store the reply in
their last; ``run_gateway_operation`` does for them what comes before and after.
"""

import functools
import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from django.conf import settings
from django.http import HttpResponse

from payments_project.api.exception_handler import error_parts
from payments_project.api.idempotency_key import HEADER, is_valid_key
from payments_project.api.objects import ApiObject
from payments_project.api.request_id import request_id_of
from payments_project.api.strict_json import read_json
from payments_project.api.views import ApiView, render_body
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.encryption.keyed_hash import keyed_hash
from payments_project.errors import (
    Conflict,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidInput,
    PermissionDenied,
    ServiceError,
)
from payments_project.idempotency.keys import (
    KeyClaim,
    KeyTaken,
    Reply,
    Resumption,
    claim_key,
    find_reply,
    make_reply,
    request_fingerprint,
    store_reply,
    take_over,
)
from payments_project.idempotency.replies import store_refusal

Subject = TypeVar("Subject")
Handler = TypeVar("Handler", bound=Callable[..., Any])

REPLAYED_HEADER = "Idempotent-Replayed"
# A transaction that only writes rows is done long before.
ATOMIC_LEASE_SECONDS = 60


def key_claim(
    view: ApiView, *, lease_seconds: int, content: dict[str, Any] | None = None
) -> KeyClaim | None:
    """The request's claim, or None without a key. Raises ``InvalidInput`` for a bad key.

    ``content`` is what makes the request the same one; its JSON body by default.
    """
    request = view.request._request
    key = request.META.get(HEADER)
    if key is None:
        return None
    if not is_valid_key(key):
        raise InvalidInput(
            "An Idempotency-Key has 1 to 255 printable ASCII characters and holds no card number.",
            param="Idempotency-Key",
        )
    if view.caller.key_type == "publishable":
        # Such keys are public: whoever reads a page could else take the keys that the merchant's
        # server is about to use. They have a space of their own.
        key = f"publishable:{keyed_hash(settings.REQUEST_FINGERPRINT_KEY, key)}"
    path = f"{request.method} {request.path}"[:200]
    # What is to be expanded is a part of what is asked.
    query = "&".join(sorted(request.META.get("QUERY_STRING", "").split("&")))
    return KeyClaim(
        scope=view.scope,
        key=key,
        request_path=path,
        fingerprint=request_fingerprint(
            path=f"{path}?{query}" if query else path,
            content=read_json(request) if content is None else content,
        ),
        api_key_id=view.caller.api_key_id,
        lease_seconds=lease_seconds,
    )


def replay(view: ApiView, reply: Reply) -> HttpResponse:
    """A stored reply, sent again. Never with ``Retry-After``, which the first answer may have had:
    the reply stays what it is for as long as the key is kept, so another try needs another key.

    Raises ``PermissionDenied`` for a caller who may do less than the one who was answered: what a
    handler would refuse them, or leave out, may stand in it.
    """
    if not view.caller.may_all_of(reply.api_key_id):
        raise PermissionDenied("The key may do less than the one that this reply was made for.")
    response = HttpResponse(reply.whole(), status=reply.status, content_type="application/json")
    response.headers[REPLAYED_HEADER] = "true"
    return response


class ObjectReplies(Generic[Subject]):
    """Puts a service's outcome into words: how ``Replies`` looks for the merchant API.

    The last reply made is kept as ``last``, so that the response is what was stored.
    """

    def __init__(
        self, view: ApiView, answer: Callable[[Subject], tuple[int, ApiObject | dict[str, Any]]]
    ) -> None:
        self._view = view
        self._answer = answer
        self._request_id = request_id_of(view.request._request)
        self.last: Reply | None = None

    def of(self, subject: Subject) -> Reply:
        status, answer = self._answer(subject)
        if self._view.expand and isinstance(answer, ApiObject):
            # Personal data may stand in an object that was expanded.
            names = self._view.expand
            content = self._view.expanded(answer)
            self.last = make_reply(status, cast(dict[str, Any], content), secret_names=names)
        else:
            self.last = Reply(status, render_body(answer))
        return self.last

    def refusing(self, error: ServiceError) -> Reply:
        status, content = error_parts(error, request_id=self._request_id)
        return Reply(status, json.dumps(content, separators=(",", ":")))

    def forget(self) -> None:
        self.last = None

    def response(self, subject: Subject) -> HttpResponse:
        """The response that tells ``subject``: the stored reply, where there is one."""
        reply = self.last or self.of(subject)
        # As bytes: of a text Django would ask the settings for its encoding.
        return HttpResponse(
            reply.whole().encode(), status=reply.status, content_type="application/json"
        )


def run_gateway_operation(
    view: ApiView,
    claim: KeyClaim | None,
    *,
    operate: Callable[[], HttpResponse],
    resume: Callable[[Resumption], HttpResponse],
) -> HttpResponse:
    """Runs ``operate``; where the key has a row already, replays it or has ``resume`` finish it.

    A refusal before any work began leaves no row; but if the key's work was begun before, its reply
    stands or is found out, whatever has become of what the request names. A refusal that
    ``operate`` has just stored is the key's first answer, and no replay.
    """
    if claim is None:
        return operate()
    refusal: ServiceError
    try:
        return operate()
    except KeyTaken:
        refusal = IdempotencyKeyInUse("The key was just used; try again.", retry_after=1)
    except ServiceError as error:
        if error.is_stored:
            raise
        refusal = error
    try:
        stored = find_reply(claim)
    except IdempotencyKeyInUse:
        resumption = take_over(claim)
        if resumption is None:
            raise
        return resume(resumption)
    if stored is None:
        raise refusal
    return replay(view, stored)


def atomic_operation(handler: Handler) -> Handler:
    """For handlers whose work is one database transaction: claim, work and reply commit together.

    A refusal that is final (a conflict) is stored too; one of the request's own making is not.
    Fields in the view's ``secret_fields`` are stored encrypted.
    """

    @functools.wraps(handler)
    def handle(self: ApiView, request: Any, **kwargs: Any) -> Any:
        claim = key_claim(self, lease_seconds=ATOMIC_LEASE_SECONDS)

        def work() -> HttpResponse | ServiceError:
            key_id = claim_key(claim) if claim else None
            try:
                answer = _savepoint(lambda: handler(self, request, **kwargs), nested=bool(key_id))
            except Conflict as refusal:
                if key_id is None:
                    raise
                replies: ObjectReplies[Any] = ObjectReplies(self, lambda _: (500, {}))
                return store_refusal(key_id, refusal, replies)
            status, content = answer if isinstance(answer, tuple) else (200, answer)
            response = self.render(content, status)
            if key_id:
                made = json.loads(response.content)
                reply = make_reply(
                    response.status_code, made, secret_names=getattr(self, "secret_fields", ())
                )
                store_reply(key_id, reply, resource_id=made.get("id"))
            return response

        try:
            done = run_in_transaction(work)
        except (KeyTaken, ServiceError) as error:
            stored = _stored(claim, error)
            if stored is None:
                raise
            return replay(self, stored)
        if isinstance(done, ServiceError):
            raise done
        return done

    return handle  # type: ignore[return-value]


def _stored(claim: KeyClaim | None, error: Exception) -> Reply | None:
    """The key's reply after a claim or the work failed; None where the error itself stands."""
    if claim is None or isinstance(error, IdempotencyKeyReused | IdempotencyKeyInUse):
        return None
    stored = find_reply(claim)
    if stored is None and isinstance(error, KeyTaken):
        raise IdempotencyKeyInUse("The key was just used; try again.", retry_after=1) from None
    return stored


def _savepoint(work: Callable[[], Any], *, nested: bool) -> Any:
    """Runs ``work`` so that its refusal undoes it and not the claim."""
    if not nested:
        return work()
    from django.db import transaction

    with transaction.atomic():
        return work()
