"""What staff do about disputes: open one, answer it for the merchant, accept it, record its end."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest

from disputes import states
from disputes.errors import DisputeStateInvalid
from disputes.evidence import REASONS
from disputes.models import CHARGEBACK, DISPUTE_TYPES, Dispute
from disputes.services.accept_dispute import accept_dispute
from disputes.services.ask_about_disputes import ask_about_dispute
from disputes.services.close_dispute import close_dispute
from disputes.services.dispute_acts import is_overdue, pending_operation
from disputes.services.escalate_dispute import escalate_dispute
from disputes.services.open_dispute import day_to_respond, open_dispute
from payments_project.console.acts import Act, ActForm, Done, register_act, staff_actor
from payments_project.console.display import object_url
from payments_project.console.money_field import MoneyField
from payments_project.errors import InvalidInput
from payments_project.idempotency.replies import NoReplies
from payments_project.money import format_amount
from payments_project.staff.audit import record_audit
from transactions import states as transaction_states
from transactions.errors import TransactionStateInvalid
from transactions.locking import lock_transaction
from transactions.models import Transaction

_DAY = forms.DateInput(attrs={"type": "date"})
_NETWORK_ID_LENGTH_MAX = 100


class _ChargebackForm(ActForm):
    """What is disputed, and until when it can be answered."""

    amount = MoneyField()
    due_date = forms.DateField(
        label="Last day to answer", widget=_DAY, help_text="It ends at midnight UTC."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        payment = self.payment()
        field: MoneyField = self.fields["amount"]  # type: ignore[assignment]
        field.take(payment.captured_amount or 0, payment.currency)
        self.initial.setdefault("due_date", day_to_respond().isoformat())

    def payment(self) -> Transaction:
        """The payment that is disputed; each form finds it from its own object."""
        raise NotImplementedError

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        payment = self.payment()
        captured = payment.captured_amount or 0
        if amount > captured:
            raise forms.ValidationError(
                f"Only {format_amount(captured, payment.currency)} was taken."
            )
        return amount

    def clean_due_date(self) -> Any:
        day = self.cleaned_data["due_date"]
        if day < datetime.now(UTC).date():
            raise forms.ValidationError("That day is over.")
        return day


class OpenDisputeForm(_ChargebackForm):
    """A dispute that staff learned of by another way than the gateway's."""

    dispute_type = forms.ChoiceField(
        label="Type",
        choices=[(kind, kind) for kind in DISPUTE_TYPES],
        help_text="A chargeback holds the amount and the fee; an inquiry holds nothing.",
    )
    reason_code = forms.ChoiceField(
        label="The cardholder's reason",
        choices=[(name, name.replace("_", " ")) for name in REASONS],
    )
    gateway_dispute_id = forms.CharField(
        label="The network's id of it",
        required=False,
        max_length=_NETWORK_ID_LENGTH_MAX,
        help_text="Should the gateway tell of the same one later, it is known by this.",
    )
    field_order = ("dispute_type", "reason_code", "amount", "due_date", "gateway_dispute_id")

    def payment(self) -> Transaction:
        found: Transaction = self.instance
        return found


class EscalateForm(_ChargebackForm):
    """The chargeback that an inquiry has become."""

    def payment(self) -> Transaction:
        found: Transaction = self.instance.transaction
        return found


def _open(request: HttpRequest, payment: Transaction, values: Mapping[str, Any]) -> Done:
    locked = lock_transaction(transaction_id=payment.pk)
    if locked.status not in transaction_states.SUCCESSFUL:
        raise TransactionStateInvalid(f"A payment that is {locked.status} can't be disputed.")
    network_id = values["gateway_dispute_id"] or None
    if network_id and Dispute.objects.filter(gateway_dispute_id=network_id).exists():
        raise InvalidInput("There is a dispute of that id.", param="gateway_dispute_id")
    dispute = open_dispute(
        transaction=locked,
        dispute_type=values["dispute_type"],
        reason_code=values["reason_code"],
        amount=values["amount"],
        gateway_dispute_id=network_id,
        due_date=values["due_date"],
        actor=staff_actor(request),
    )
    after = {name: values[name] for name in ("dispute_type", "reason_code", "amount")}
    record_audit(
        request=request,
        action="dispute.opened",
        obj=dispute,
        after={**after, "due_date": str(values["due_date"]), "transaction": str(payment.pk)},
        reason=values["reason"],
    )
    return Done("The dispute is open.", url=object_url("disputes.Dispute", dispute.pk) or "")


def _escalate(request: HttpRequest, dispute: Dispute, values: Mapping[str, Any]) -> Done:
    before = {"dispute_type": dispute.dispute_type, "status": dispute.status}
    lock_transaction(transaction_id=dispute.transaction_id)
    if pending_operation(dispute) is not None:
        raise DisputeStateInvalid("The gateway is being asked about it; try again.")
    escalated = escalate_dispute(
        dispute_id=dispute.pk,
        amount=values["amount"],
        reason_code=None,
        due_date=values["due_date"],
        actor=staff_actor(request),
    )
    record_audit(
        request=request,
        action="dispute.escalated",
        obj=escalated,
        before=before,
        after={"dispute_type": CHARGEBACK, "status": states.OPEN, "amount": values["amount"]},
        reason=values["reason"],
    )
    return Done("It is a chargeback now; amount and fee are held.")


def _accept(request: HttpRequest, dispute: Dispute, values: Mapping[str, Any]) -> Done:
    accepted = accept_dispute(
        scope=None,
        dispute_id=dispute.pk,
        actor=staff_actor(request),
        claim=None,
        replies=NoReplies(),
        within=lambda locked: record_audit(
            request=request,
            action="dispute.accepted",
            obj=locked,
            before={"status": locked.status},
            after={"accepted": True},
            reason=values["reason"],
        ),
    )
    if accepted.status == states.OPEN:
        return Done("The gateway has not answered yet; it is asked again until it has.")
    return Done(f"Accepted: the dispute is {_words(accepted.status)}.")


class DecideForm(ActForm):
    """How it ended; where a gateway would tell, only for those who know better."""

    outcome = forms.ChoiceField()
    knows_better = forms.BooleanField(
        required=False,
        label="I know it from elsewhere",
        help_text="The gateway tells how this dispute ends. Should it tell otherwise later, that is "
        "kept as a contradiction, and the money stays where this puts it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        outcomes = [states.WON, states.LOST]
        if self.instance.dispute_type != CHARGEBACK:
            outcomes.append(states.WARNING_CLOSED)
        field: forms.ChoiceField = self.fields["outcome"]  # type: ignore[assignment]
        field.choices = [(name, _words(name)) for name in outcomes]
        if not self.instance.is_at_gateway:
            del self.fields["knows_better"]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if "knows_better" in self.fields and not values.get("knows_better"):
            self.add_error("knows_better", "Wait for the gateway, or say that you know.")
        return values


def _decide(request: HttpRequest, dispute: Dispute, values: Mapping[str, Any]) -> Done:
    lock_transaction(transaction_id=dispute.transaction_id)
    if pending_operation(dispute) is not None:
        raise DisputeStateInvalid("The gateway is being asked about it; try again.")
    closed = close_dispute(
        dispute_id=dispute.pk, status=values["outcome"], actor=staff_actor(request)
    )
    record_audit(
        request=request,
        action="dispute.decided",
        obj=closed,
        before={"status": dispute.status},
        after={"status": closed.status},
        reason=values["reason"],
    )
    return Done(f"The dispute is {_words(closed.status)}.")


def _ask(request: HttpRequest, dispute: Dispute, values: Mapping[str, Any]) -> Done:
    asked = ask_about_dispute(
        dispute_id=dispute.pk,
        actor=staff_actor(request),
        within=lambda locked: record_audit(
            request=request,
            action="dispute.asked_about",
            obj=locked,
            before={"status": dispute.status},
            after={"status": locked.status},
            reason=values["reason"],
        ),
    )
    if asked.status == dispute.status:
        return Done("The gateway has not decided it.")
    return Done(f"The gateway says that it is {_words(asked.status)}.")


def is_open(dispute: Dispute) -> bool:
    """Whether it waits for the merchant's answer, and nothing is being asked about it."""
    return dispute.status == states.OPEN and pending_operation(dispute) is None


def is_answerable(dispute: Dispute) -> bool:
    """Whether evidence can still be given and sent."""
    return is_open(dispute) and not is_overdue(dispute)


def _is_undecided(dispute: Dispute) -> bool:
    return dispute.status in states.DISPUTE_UNRESOLVED and pending_operation(dispute) is None


def _words(status: str) -> str:
    return status.replace("_", " ")


ACCEPT = Act(
    name="accept",
    title="Accept",
    icon="handshake",
    permission="disputes.accept_dispute",
    explanation="For good, in the merchant's name: a chargeback is lost and what was held goes to "
    "the cardholder; an inquiry is closed and costs nothing.",
    perform=_accept,
    is_offered=is_open,
    is_dangerous=True,
    in_transaction=False,
)
DECIDE = Act(
    name="decide",
    title="Record the outcome",
    icon="gavel",
    permission="disputes.decide_dispute",
    explanation="Releases what is held, or takes it, for good. For disputes that no gateway tells "
    "of; evidence need not have been sent.",
    form=DecideForm,
    perform=_decide,
    is_offered=_is_undecided,
    is_dangerous=True,
)
ASK = Act(
    name="ask",
    title="Ask the gateway",
    icon="sync",
    permission="disputes.decide_dispute",
    explanation="A message can be lost: the gateway is asked how the dispute stands, and what it "
    "has decided is taken over.",
    perform=_ask,
    is_offered=lambda dispute: dispute.is_at_gateway and _is_undecided(dispute),
    in_transaction=False,
)
ESCALATE = Act(
    name="escalate",
    title="It became a chargeback",
    icon="trending_up",
    permission="disputes.open_dispute",
    explanation="The amount and the fee are held from now on, and it can be answered anew.",
    form=EscalateForm,
    perform=_escalate,
    is_offered=lambda dispute: (
        dispute.dispute_type != CHARGEBACK
        and dispute.status in states.DISPUTE_ESCALATED_FROM
        and not dispute.is_at_gateway
    ),
)
register_act(
    "transactions.transaction",
    Act(
        name="open-dispute",
        title="Open a dispute",
        icon="gavel",
        permission="disputes.open_dispute",
        explanation="For a dispute that the gateway does not tell of, such as one of a payment "
        "taken elsewhere. A chargeback holds the amount and the fee at once, and the merchant is "
        "told by e-mail. Staff send the evidence on, and record how it ends.",
        form=OpenDisputeForm,
        perform=_open,
        is_offered=lambda payment: payment.status in transaction_states.SUCCESSFUL,
        is_dangerous=True,
        is_once=True,
    ),
)
