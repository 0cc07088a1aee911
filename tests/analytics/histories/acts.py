"""What may happen: each act is a value that reads as what it does.

Payments, customers, refunds and disputes are named by number, counted round, so that any list of
acts is a history: an act that finds nothing to act on, or is refused, is part of it too.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from analytics.services.refresh_monthly_stats import refresh_monthly_stats
from analytics.services.roll_up_due_days import roll_up_due_days
from analytics.services.roll_up_whole_days import roll_up_whole_days
from disputes.models import Dispute
from tests.analytics.histories.agreement import tables_agree
from tests.analytics.histories.world import NOBODY, Act, Customer, World, outcome
from tests.gateway_messages import deliver_gateway_messages, told
from transactions.balances import fold_balances
from transactions.gateways.simulator.disputes import decide_dispute, raise_dispute
from transactions.models import Transaction
from transactions.services.resolve import resolve_unknown_outcomes
from transactions.services.settle import settle_due

CARDS = {
    "visa": "4242424242424242",
    "amex": "378282246310005",
    "available at once": "4000000000000077",
    "declined": "4000000000000002",
    "blocked": "4100000000000019",
    "risky": "4000000000004954",
    "fraud": "4000000000000259",
    "not received": "4000000000002685",
    "inquiry": "4000000000001976",
    "refund waits": "4000000000007726",
    "refund fails": "4000000000005126",
    "confirmed later": "4000000000006033",
    "times out": "4000000000006009",
}
SUCCESSFUL = ("succeeded", "refunded", "disputed")
REFUNDABLE = ("succeeded",)
HELD = ("authorized",)
ANY = ()
UNDECIDED = ("open", "under_review")
KINDS = (Dispute.CHARGEBACK, Dispute.INQUIRY)


@dataclass(frozen=True, repr=False)
class Pay(Act):
    shop: int = 0
    card: str = "visa"
    amount: int = 1000
    currency: str = "USD"
    capture: bool = True
    description: str = ""
    order: str = ""
    customer: int | None = None

    def do(self, world: World) -> str:
        api, body = world.apis[self.shop], _texts(world, self.description, self.order)
        owner = None if self.customer is None else world.customer(self.customer, shop=self.shop)
        more: dict[str, Any] = {}
        if owner is not None:
            more = {"customer": owner.id}
        made = api.post(
            "/v1/payment_methods",
            {
                "type": "card",
                "card": {"number": CARDS[self.card], "exp_month": 12, "exp_year": 2034},
                **more,
            },
        )
        if not made.is_success:
            # The customer was deleted.
            return outcome(made)
        body |= {"amount": self.amount, "currency": self.currency, "capture": self.capture}
        body |= {"payment_method": made.json()["id"], **more}
        return world.took(self.shop, api.post("/v1/transactions", body))


@dataclass(frozen=True, repr=False)
class Record(Act):
    """A payment taken elsewhere, at one of ``MOMENTS``."""

    shop: int = 0
    moment: str = "yesterday"
    amount: int = 1000
    currency: str = "USD"
    fee: int = 0
    refund: int | None = None
    description: str = ""
    customer: int | None = None

    def do(self, world: World) -> str:
        body = _texts(world, self.description, "")
        owner = None if self.customer is None else world.customer(self.customer, shop=self.shop)
        if owner is not None:
            body |= {"customer": owner.id}
        if self.refund is not None:
            body |= {"refund": {"amount": _part(self.amount, self.refund)}}
        body |= {
            "amount": self.amount,
            "currency": self.currency,
            "fee_amount": min(self.fee, self.amount),
            "payment_method_type": "terminal",
            "external_reference": f"till-{len(world.story)}",
            "occurred_at": moment(self.moment).isoformat(),
        }
        response = world.apis[self.shop].post("/v1/transactions/record", body)
        return world.took(self.shop, response, recorded=True)


@dataclass(frozen=True, repr=False)
class Capture(Act):
    """``percent`` of it, however long after."""

    payment: int
    percent: int = 100

    def do(self, world: World) -> str:
        paid = world.payment(self.payment, HELD)
        if paid is None:
            return NOBODY
        path, amount = f"/v1/transactions/{paid.id}/capture", _part(paid.amount, self.percent)
        return world.of(paid, world.apis[paid.shop].post(path, {"amount": amount}))


@dataclass(frozen=True, repr=False)
class Cancel(Act):
    payment: int

    def do(self, world: World) -> str:
        paid = world.payment(self.payment, HELD)
        if paid is None:
            return NOBODY
        path = f"/v1/transactions/{paid.id}/cancel"
        return world.of(paid, world.apis[paid.shop].post(path))


@dataclass(frozen=True, repr=False)
class RefundPart(Act):
    payment: int
    percent: int = 100

    def do(self, world: World) -> str:
        paid = world.payment(self.payment, REFUNDABLE)
        if paid is None:
            return NOBODY
        response = world.apis[paid.shop].post(
            "/v1/refunds",
            {"transaction": paid.id, "amount": _part(paid.amount, self.percent), "reason": "mug"},
        )
        return world.of(paid, response)


@dataclass(frozen=True, repr=False)
class CancelRefund(Act):
    refund: int

    def do(self, world: World) -> str:
        refund = world.refund(self.refund)
        if refund is None:
            return NOBODY
        return outcome(world.api_of(refund).post(f"/v1/refunds/{refund.pk}/cancel"))


@dataclass(frozen=True, repr=False)
class GatewayTells(Act):
    """The callbacks that are due: confirmations, refunds' ends, disputes."""

    def do(self, world: World) -> str:
        deliver_gateway_messages()
        world.decided.clear()
        return "told"


@dataclass(frozen=True, repr=False)
class DisputePart(Act):
    """A cardholder complains; we hear of it when the gateway tells."""

    payment: int
    percent: int = 100
    kind: str = "chargeback"
    reason: str = "fraudulent"

    def do(self, world: World) -> str:
        paid = world.payment(self.payment, SUCCESSFUL, may_be_recorded=False)
        if paid is None:
            return NOBODY
        status = Transaction.objects.get(pk=paid.id).status
        if status not in SUCCESSFUL:
            return f"payment {world.payments.index(paid)} is {status}"
        raise_dispute(
            charge=UUID(paid.id),
            amount=_part(paid.amount, self.percent),
            dispute_type=self.kind,
            reason=self.reason,
        )
        return f"payment {world.payments.index(paid)}"


@dataclass(frozen=True, repr=False)
class Answer(Act):
    dispute: int
    evidence: str

    def do(self, world: World) -> str:
        found = world.dispute(self.dispute, KINDS, UNDECIDED)
        if found is None:
            return NOBODY
        world.decided.add(str(found.pk))
        response = world.api_of(found).post(
            f"/v1/disputes/{found.pk}",
            {"evidence": {"uncategorized_text": self.evidence}, "submit": True},
        )
        return outcome(response)


@dataclass(frozen=True, repr=False)
class Accept(Act):
    dispute: int

    def do(self, world: World) -> str:
        found = world.dispute(self.dispute, KINDS, UNDECIDED)
        if found is None:
            return NOBODY
        world.decided.add(str(found.pk))
        return outcome(world.api_of(found).post(f"/v1/disputes/{found.pk}/accept"))


@dataclass(frozen=True, repr=False)
class Decide(Act):
    """The cardholder's bank does, whatever was shown."""

    dispute: int
    is_won: bool

    def do(self, world: World) -> str:
        found = world.dispute(self.dispute, KINDS, UNDECIDED)
        if found is None:
            return NOBODY
        world.decided.add(str(found.pk))
        status = "lost"
        if self.is_won:
            status = "won" if found.dispute_type == Dispute.CHARGEBACK else "warning_closed"
        decide_dispute(dispute=str(found.gateway_dispute_id), status=status)
        return status


@dataclass(frozen=True, repr=False)
class Escalate(Act):
    """An inquiry becomes a chargeback, though it may have been closed."""

    dispute: int
    reason: str = "fraudulent"

    def do(self, world: World) -> str:
        found = world.dispute(self.dispute, [Dispute.INQUIRY], (*UNDECIDED, "warning_closed"))
        if found is None:
            return NOBODY
        world.decided.add(str(found.pk))
        raise_dispute(
            charge=found.transaction_id,
            amount=found.amount,
            reason=self.reason,
            dispute=found.gateway_dispute_id,
        )
        return "raised"


@dataclass(frozen=True, repr=False)
class GiveReason(Act):
    """The gateway tells of another reason for a dispute that goes on; nothing else changes."""

    dispute: int
    reason: str

    def do(self, world: World) -> str:
        found = world.dispute(self.dispute, KINDS, UNDECIDED)
        if found is None:
            return NOBODY
        told("dispute.updated", dispute=found.gateway_dispute_id, reason=self.reason)
        return f"it was {found.reason_code}"


@dataclass(frozen=True, repr=False)
class Describe(Act):
    payment: int
    description: str
    order: str

    def do(self, world: World) -> str:
        paid = world.payment(self.payment, ANY)
        if paid is None:
            return NOBODY
        world.texts += [self.description, self.order]
        # An empty value takes the key away.
        body = {"description": self.description, "metadata": {"order": self.order}}
        path = f"/v1/transactions/{paid.id}"
        return world.of(paid, world.apis[paid.shop].patch(path, body))


@dataclass(frozen=True, repr=False)
class NewCustomer(Act):
    shop: int
    email: str

    def do(self, world: World) -> str:
        world.texts.append(self.email)
        response = world.apis[self.shop].post("/v1/customers", {"email": self.email})
        world.customers.append(Customer(self.shop, response.json()["id"]))
        return f"customer {len(world.customers) - 1}"


@dataclass(frozen=True, repr=False)
class MoveCustomer(Act):
    customer: int
    email: str

    def do(self, world: World) -> str:
        found = world.customer(self.customer)
        if found is None:
            return NOBODY
        world.texts.append(self.email)
        path = f"/v1/customers/{found.id}"
        return outcome(world.apis[found.shop].patch(path, {"email": self.email}))


@dataclass(frozen=True, repr=False)
class DeleteCustomer(Act):
    customer: int

    def do(self, world: World) -> str:
        found = world.customer(self.customer)
        if found is None:
            return NOBODY
        return outcome(world.apis[found.shop].delete(f"/v1/customers/{found.id}"))


@dataclass(frozen=True, repr=False)
class Handle(Act):
    """A consumer hears of a part of what it has not heard yet; the rest comes late."""

    consumer: str
    part: str = "all"
    newest_first: bool = False
    batch: int = 500
    times: int = 1

    def do(self, world: World) -> str:
        delivery = world.deliveries.get(self.consumer)
        if delivery is None:
            return NOBODY
        handled = delivery.hand_over(
            part=self.part, newest_first=self.newest_first, batch=self.batch, times=self.times
        )
        return f"{handled} events"


@dataclass(frozen=True, repr=False)
class RunJob(Act):
    job: str

    def do(self, world: World) -> str:
        return str(JOBS[self.job]())


@dataclass(frozen=True, repr=False)
class Look(Act):
    """In the middle of it, all that is kept agrees."""

    def do(self, world: World) -> str:
        tables_agree(world)
        return "it agrees"


def _roll_up_nights() -> int:
    today = datetime.now(UTC).date()
    days = roll_up_whole_days(first=today - timedelta(days=3), last=today)
    return sum(day.summaries for day in days)


JOBS = {
    "roll up due days": roll_up_due_days,
    "roll up whole days": _roll_up_nights,
    "refresh months": refresh_monthly_stats,
    "fold balances": fold_balances,
    "settle": settle_due,
    "resolve": resolve_unknown_outcomes,
}


def moment(name: str) -> datetime:
    """A time of long ago, by its name: the days' and the monthly view's borders are among them."""
    now = datetime.now(UTC)
    window = datetime(now.year - 2, now.month, 1, tzinfo=UTC)
    midnight = _midnight(now.date() - timedelta(days=40))
    before = timedelta(milliseconds=1)
    return {
        "yesterday": now - timedelta(days=1),
        "midnight": midnight,
        "before midnight": midnight - before,
        "two years, first day": window,
        "two years, day before": window - before,
        "long ago": midnight - timedelta(days=365 * 5),
    }[name]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _part(amount: int, percent: int) -> int:
    return max(1, amount * percent // 100)


def _texts(world: World, description: str, order: str) -> dict[str, Any]:
    world.texts += [description, order]
    body: dict[str, Any] = {}
    if description:
        body["description"] = description
    if order:
        body["metadata"] = {"order": order}
    return body
