"""What the domain refuses, as classes with a stable code.

Services raise these; ``payments_project.api.exception_handler`` is the one place that turns them
into HTTP. A declined payment is a result, not an error, and so is an unknown gateway answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field's fault; ``param`` is its path in the request, such as ``card.number``."""

    param: str
    code: str
    message: str


class ServiceError(Exception):
    """A refusal with a stable ``code``; ``data`` holds what the caller may need to act on it.

    ``is_stored``: the reply that tells it is stored under the request's idempotency key, so that it
    is the key's first answer.
    """

    default_code: ClassVar[str] = "internal_error"
    is_stored = False

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, **data: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.default_code
        self.data = data


class InvalidInput(ServiceError):
    """The request's content is at fault; ``errors`` lists every field that is."""

    default_code = "parameter_invalid"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        **data: Any,
    ) -> None:
        super().__init__(message, param=param, code=code, **data)
        self.errors = tuple(errors)


class ResourceMissing(ServiceError):
    """No such object for this merchant and environment.

    With ``param`` the reference stands in a body, filter or cursor (400), else in the path (404).
    """

    default_code = "resource_missing"


class Conflict(ServiceError):
    """The object's present state, or an amount that is left, does not allow the act."""

    default_code = "transaction_state_invalid"


class NotAuthenticated(ServiceError):
    """No valid API key."""

    default_code = "api_key_invalid"


class PermissionDenied(ServiceError):
    """The key is valid and may not do this."""

    default_code = "permission_denied"


class RateLimited(ServiceError):
    """Too many calls; ``data["retry_after"]`` in seconds."""

    default_code = "rate_limited"


class IdempotencyKeyReused(ServiceError):
    """The key was used before with other parameters or at another endpoint."""

    default_code = "idempotency_key_reused"


class IdempotencyKeyInUse(ServiceError):
    """A call with the key is under way; ``data["retry_after"]`` in seconds."""

    default_code = "idempotency_key_in_use"


class Unavailable(ServiceError):
    """The service can't answer now and nothing was done; ``data["retry_after"]`` in seconds."""
