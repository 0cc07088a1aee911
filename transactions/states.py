"""The lives of a transaction and of an act on one: which state may follow which.

The database enforces the same table (``status_transitions``); a test tries every pair in both.
What each state means is in docs/payments.md.
"""

PENDING = "pending"
AUTHORIZED = "authorized"
CAPTURED = "captured"
SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELLED = "cancelled"
REFUNDED = "refunded"
DISPUTED = "disputed"

MACHINE = "transaction"

# From "" are the first states: a payment taken elsewhere is recorded as it stands.
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (PENDING, SUCCEEDED, REFUNDED),
    PENDING: (AUTHORIZED, CAPTURED, SUCCEEDED, FAILED, CANCELLED),
    AUTHORIZED: (CAPTURED, SUCCEEDED, CANCELLED),
    CAPTURED: (SUCCEEDED, FAILED),
    SUCCEEDED: (REFUNDED, DISPUTED),
    REFUNDED: (SUCCEEDED, DISPUTED),
    DISPUTED: (SUCCEEDED, REFUNDED),
    FAILED: (),
    CANCELLED: (),
}

STATES = tuple(state for state in TRANSITIONS if state)

OPERATION_MACHINE = "operation"
# A capture or void at the gateway. What it was settled as stands: a second try is an act of its own.
OPERATION_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (PENDING,),
    PENDING: (SUCCEEDED, FAILED),
    SUCCEEDED: (),
    FAILED: (),
}

# Reached success at some time; what was captured is or was the merchant's.
SUCCESSFUL = (SUCCEEDED, REFUNDED, DISPUTED)

REVIEW_MACHINE = "review"
OPEN = "open"
CLEARED = "cleared"
REJECTED = "rejected"
# A person's look at a payment; it moves no money. Whoever has doubts again opens another.
REVIEW_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (OPEN,),
    OPEN: (CLEARED, REJECTED),
    CLEARED: (),
    REJECTED: (),
}
REVIEW_STATES = tuple(state for state in REVIEW_TRANSITIONS if state)
# ``transactions.compliance_status``: its newest review's state, "pending" without any.
COMPLIANCE = {OPEN: "review", CLEARED: "cleared", REJECTED: "rejected"}

PAYOUT_MACHINE = "payout"
PAID = "paid"
# Banks return money that they had paid: a paid payout can still fail, and its money comes back.
PAYOUT_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (PENDING,),
    PENDING: (PAID, FAILED, CANCELLED),
    PAID: (FAILED,),
    FAILED: (),
    CANCELLED: (),
}
PAYOUT_STATES = tuple(state for state in PAYOUT_TRANSITIONS if state)

PAYOUT_ACCOUNT_MACHINE = "payout_account"
UNCONFIRMED = "unconfirmed"
CONFIRMED = "confirmed"
REMOVED = "removed"
# An account's numbers never change: other numbers are another account, which a second person has to
# confirm before money is sent there.
PAYOUT_ACCOUNT_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (UNCONFIRMED,),
    UNCONFIRMED: (CONFIRMED, REMOVED),
    CONFIRMED: (REMOVED,),
    REMOVED: (),
}
PAYOUT_ACCOUNT_STATES = tuple(state for state in PAYOUT_ACCOUNT_TRANSITIONS if state)
