"""Drawing histories: which acts, how often, and of what."""

from hypothesis import strategies as st

from tests.analytics.histories.acts import (
    CARDS,
    JOBS,
    Accept,
    Answer,
    Cancel,
    CancelRefund,
    Capture,
    Decide,
    DeleteCustomer,
    Describe,
    DisputePart,
    Escalate,
    GatewayTells,
    GiveReason,
    Handle,
    Look,
    MoveCustomer,
    NewCustomer,
    Pay,
    Record,
    RefundPart,
    RunJob,
)
from tests.analytics.histories.world import DOCUMENTS, SHOPS, SUMMARIES, WORDS, Act

# Cards of which something is still to come.
OFTEN = ("fraud", "inquiry", "refund fails", *["refund waits"] * 5)
CURRENCIES = ("USD", "EUR", "JPY", "KWD")
DESCRIPTIONS = (
    "Café crème", "blue-heron mug", "Blue mug, large", "Kettle", "Hero poster", "heron",
    "gift for Zoë", "",
)  # fmt: skip
ORDERS = ("ORD-10427", "10427", "ord 10428", "ORD-77001", "kettle/7", "")
EMAILS = ("ann.lee@example.org", "ann@before.test", "zoe@heron.test", "bob+mug@example.org")
REASONS = ("fraudulent", "10.4", "4837", "product_not_received", "13.1")
EVIDENCE = ("winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "It arrived.")
MOMENTS = (
    "yesterday", "midnight", "before midnight", "two years, first day", "two years, day before",
    "long ago",
)  # fmt: skip

# The same few payments have most of what happens.
NUMBERS = st.integers(0, 3) | st.integers(0, 15)
FEW = st.integers(0, 4)
PARTS = st.sampled_from([30, 1, 50, 100])
AMOUNTS = st.sampled_from([1000, 1, 7, 199, 2500, 99_999])
SHOP = st.sampled_from([*range(len(SHOPS)), 0])
MAYBE_SOMEBODY = st.none() | FEW

PAYMENTS = st.builds(
    Pay,
    shop=SHOP,
    card=st.sampled_from([*CARDS, *OFTEN]),
    amount=AMOUNTS,
    currency=st.sampled_from(CURRENCIES),
    capture=st.sampled_from([True, True, False]),
    description=st.sampled_from(DESCRIPTIONS),
    order=st.sampled_from(ORDERS),
    customer=MAYBE_SOMEBODY,
)
RECORDS = st.builds(
    Record,
    shop=SHOP,
    moment=st.sampled_from(MOMENTS),
    amount=AMOUNTS,
    currency=st.sampled_from(CURRENCIES),
    fee=st.sampled_from([0, 25]),
    refund=st.none() | PARTS,
    description=st.sampled_from(DESCRIPTIONS),
    customer=MAYBE_SOMEBODY,
)
ON_PAYMENTS = st.one_of(
    st.builds(Capture, NUMBERS, PARTS),
    st.builds(RefundPart, NUMBERS, PARTS),
    st.builds(RefundPart, NUMBERS, PARTS),
    st.builds(RefundPart, NUMBERS, PARTS),
    st.builds(RefundPart, NUMBERS, PARTS),
    st.builds(
        DisputePart,
        NUMBERS,
        PARTS,
        st.sampled_from(["chargeback", "inquiry"]),
        st.sampled_from(REASONS),
    ),
    st.builds(Describe, NUMBERS, st.sampled_from(DESCRIPTIONS), st.sampled_from(ORDERS)),
    st.builds(Cancel, NUMBERS),
)
ON_DISPUTES = st.one_of(
    st.builds(Answer, FEW, st.sampled_from(EVIDENCE)),
    st.builds(Decide, FEW, st.booleans()),
    st.builds(Accept, FEW),
    st.builds(GiveReason, FEW, st.sampled_from(REASONS)),
    st.builds(GiveReason, FEW, st.sampled_from(REASONS)),
    st.builds(Escalate, FEW, st.sampled_from(REASONS)),
    st.builds(CancelRefund, FEW),
)
ON_CUSTOMERS = st.one_of(
    st.builds(NewCustomer, SHOP, st.sampled_from(EMAILS)),
    st.builds(NewCustomer, SHOP, st.sampled_from(EMAILS)),
    st.builds(MoveCustomer, FEW, st.sampled_from(EMAILS)),
    st.builds(DeleteCustomer, FEW),
)
MACHINERY = st.one_of(
    st.builds(
        Handle,
        consumer=st.sampled_from([SUMMARIES, WORDS, DOCUMENTS]),
        part=st.sampled_from(["all", "even", "odd"]),
        newest_first=st.booleans(),
        batch=st.sampled_from([500, 1, 7]),
        times=st.sampled_from([1, 2]),
    ),
    st.builds(RunJob, st.sampled_from(list(JOBS))),
    st.builds(GatewayTells),
)
# How often each kind comes: payments and what becomes of them are the most of it.
_KINDS = (
    (PAYMENTS, 5),
    (RECORDS, 2),
    (ON_PAYMENTS, 11),
    (ON_DISPUTES, 3),
    (ON_CUSTOMERS, 3),
    (MACHINERY, 6),
    (st.builds(Look), 2),
)
_ACTS = st.sampled_from([kind for kind, often in _KINDS for _ in range(often)]).flatmap(
    lambda kind: kind
)


def histories(*, longest: int) -> st.SearchStrategy[list[Act]]:
    """Lists of acts, up to ``longest`` and not much shorter."""
    return st.integers(longest * 2 // 3, longest).flatmap(
        lambda length: st.lists(_ACTS, min_size=length, max_size=length)
    )
