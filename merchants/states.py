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
