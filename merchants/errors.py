"""What the merchant services refuse."""

from typing import ClassVar

from payments_project.errors import Conflict, NotAuthenticated, PermissionDenied


class ApiKeyExpired(NotAuthenticated):
    """The key was valid until ``expires_at``."""

    default_code: ClassVar[str] = "api_key_expired"


class MerchantNotActive(PermissionDenied):
    """The account may not take live payments (any more)."""

    default_code: ClassVar[str] = "merchant_not_active"


class ApiKeyInactive(Conflict):
    """The key is revoked or expired: there is nothing left to rotate."""

    default_code: ClassVar[str] = "api_key_inactive"


class ChecklistIncomplete(Conflict):
    """Something about the merchant is not known or checked yet."""

    default_code: ClassVar[str] = "checklist_incomplete"


class MerchantStateInvalid(Conflict):
    """The account's state does not allow the change."""

    default_code: ClassVar[str] = "merchant_state_invalid"


class WebhookEndpointsMax(Conflict):
    """The merchant has as many webhook endpoints as it may have."""

    default_code: ClassVar[str] = "webhook_endpoints_max"


class WebhookEndpointDisabled(Conflict):
    """Nothing is sent to a disabled webhook endpoint."""

    default_code: ClassVar[str] = "webhook_endpoint_disabled"


class EventTooOld(Conflict):
    """The event is too old to be sent again."""

    default_code: ClassVar[str] = "event_too_old"
