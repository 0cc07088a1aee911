"""The life of a merchant's account; the database enforces the same table."""

PENDING = "pending"
ACTIVE = "active"
SUSPENDED = "suspended"
CLOSED = "closed"

MACHINE = "merchant"

# A platform may create an account that is active from the start, such as its own.
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (PENDING, ACTIVE),
    PENDING: (ACTIVE, CLOSED),
    ACTIVE: (SUSPENDED, CLOSED),
    SUSPENDED: (ACTIVE, CLOSED),
    CLOSED: (),
}

STATES = tuple(state for state in TRANSITIONS if state)

# Webhook endpoints: switched off by the merchant, by staff, or because nobody answers there.
ENABLED = "enabled"
DISABLED = "disabled"

ENDPOINT_MACHINE = "webhook_endpoint"

ENDPOINT_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (ENABLED, DISABLED),
    ENABLED: (DISABLED,),
    DISABLED: (ENABLED,),
}

ENDPOINT_STATES = tuple(state for state in ENDPOINT_TRANSITIONS if state)

# Why an endpoint is disabled.
BY_MERCHANT = "merchant"
BY_STAFF = "staff"
AS_DELETED = "deleted"
AS_GONE = "gone"
AS_FAILING = "failing"
# It answered 410, or failed for days.
ENDPOINTS_OWN_FAULT = (AS_GONE, AS_FAILING)

# Deliveries of webhooks. Both ends can be left again: by sending anew.
DELIVERY_PENDING = "pending"
DELIVERY_SUCCEEDED = "succeeded"
DELIVERY_FAILED = "failed"

DELIVERY_MACHINE = "webhook_delivery"

DELIVERY_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (DELIVERY_PENDING,),
    DELIVERY_PENDING: (DELIVERY_SUCCEEDED, DELIVERY_FAILED),
    DELIVERY_SUCCEEDED: (DELIVERY_PENDING,),
    DELIVERY_FAILED: (DELIVERY_PENDING, DELIVERY_SUCCEEDED),
}

DELIVERY_STATES = tuple(state for state in DELIVERY_TRANSITIONS if state)
