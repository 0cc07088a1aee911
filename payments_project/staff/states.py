"""The life of a request for a second person; the database enforces the same table."""

PENDING = "pending"
APPROVED = "approved"
REJECTED = "rejected"
WITHDRAWN = "withdrawn"

APPROVAL_MACHINE = "approval"
APPROVAL_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (PENDING,),
    PENDING: (APPROVED, REJECTED, WITHDRAWN),
    APPROVED: (),
    REJECTED: (),
    WITHDRAWN: (),
}
APPROVAL_STATES = tuple(state for state in APPROVAL_TRANSITIONS if state)
