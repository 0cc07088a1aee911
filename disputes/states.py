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
# An inquiry that was answered or closed may still become a chargeback, which is answered anew.
DISPUTE_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (OPEN,),
    OPEN: (UNDER_REVIEW, WON, LOST, WARNING_CLOSED),
    UNDER_REVIEW: (OPEN, WON, LOST, WARNING_CLOSED),
    WON: (),
    LOST: (),
    WARNING_CLOSED: (OPEN,),
}
DISPUTE_STATES = tuple(state for state in DISPUTE_TRANSITIONS if state)
DISPUTE_UNRESOLVED = (OPEN, UNDER_REVIEW)
DISPUTE_OUTCOMES = (WON, LOST, WARNING_CLOSED)
# An inquiry in one of these can become a chargeback.
DISPUTE_ESCALATED_FROM = (*DISPUTE_UNRESOLVED, WARNING_CLOSED)

DISPUTE_OPERATION_MACHINE = "dispute_operation"
DISPUTE_OPERATION_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (PENDING,),
    PENDING: (SUCCEEDED, FAILED),
    SUCCEEDED: (),
    FAILED: (),
}
DISPUTE_OPERATION_STATES = tuple(state for state in DISPUTE_OPERATION_TRANSITIONS if state)
