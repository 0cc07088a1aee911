"""The lives of a refund and of a dispute; the database enforces the same tables."""

PENDING = "pending"
SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELLED = "cancelled"

REFUND_MACHINE = "refund"
# A succeeded refund can still fail at the customer's bank; its money then comes back.
REFUND_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (PENDING, SUCCEEDED),
    PENDING: (SUCCEEDED, FAILED, CANCELLED),
    SUCCEEDED: (FAILED,),
    FAILED: (),
    CANCELLED: (),
}
REFUND_STATES = tuple(state for state in REFUND_TRANSITIONS if state)
# Final, with the money still where it was.
REFUND_UNPAID = (FAILED, CANCELLED)

OPEN = "open"
UNDER_REVIEW = "under_review"
WON = "won"
LOST = "lost"
WARNING_CLOSED = "warning_closed"

DISPUTE_MACHINE = "dispute"
DISPUTE_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (OPEN,),
    OPEN: (UNDER_REVIEW, WON, LOST, WARNING_CLOSED),
    UNDER_REVIEW: (WON, LOST, WARNING_CLOSED),
    WON: (),
    LOST: (),
    WARNING_CLOSED: (),
}
DISPUTE_STATES = tuple(state for state in DISPUTE_TRANSITIONS if state)
DISPUTE_UNRESOLVED = (OPEN, UNDER_REVIEW)
