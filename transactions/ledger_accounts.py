"""The ledger's accounts and the types of its entries.

``pending``, ``available`` and ``reserved`` are what we owe a merchant (a credit raises them);
``gateway`` is what gateways hold or paid for us, ``fees`` our income, ``bank`` what left to
merchants' accounts, ``adjustments`` corrections by finance.
"""

PENDING = "pending"
AVAILABLE = "available"
RESERVED = "reserved"
GATEWAY = "gateway"
FEES = "fees"
BANK = "bank"
ADJUSTMENTS = "adjustments"

# The merchant's money; the API calls these buckets.
BUCKETS = (PENDING, AVAILABLE, RESERVED)
ACCOUNTS = (*BUCKETS, GATEWAY, FEES, BANK, ADJUSTMENTS)

PAYMENT = "payment"
FEE = "fee"
REFUND = "refund"
REFUND_FAILURE = "refund_failure"
DISPUTE_HOLD = "dispute_hold"
DISPUTE_RELEASE = "dispute_release"
DISPUTE_LOSS = "dispute_loss"
SETTLEMENT = "settlement"
PAYOUT = "payout"
PAYOUT_FAILURE = "payout_failure"
ADJUSTMENT = "adjustment"

TYPES = (
    PAYMENT,
    FEE,
    REFUND,
    REFUND_FAILURE,
    DISPUTE_HOLD,
    DISPUTE_RELEASE,
    DISPUTE_LOSS,
    SETTLEMENT,
    PAYOUT,
    PAYOUT_FAILURE,
    ADJUSTMENT,
)
