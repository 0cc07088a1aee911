"""What the refund and dispute services refuse."""

from typing import ClassVar

from payments_project.errors import Conflict


class AmountExceedsRefundable(Conflict):
    """More was asked back than was captured and not yet refunded."""

    default_code: ClassVar[str] = "amount_exceeds_refundable"


class RefundStateInvalid(Conflict):
    """The refund is settled, or its gateway has carried it out."""

    default_code: ClassVar[str] = "refund_state_invalid"


class DisputeStateInvalid(Conflict):
    """The dispute's state does not allow the act."""

    default_code: ClassVar[str] = "dispute_state_invalid"


class EvidenceAlreadySubmitted(Conflict):
    """The evidence was sent, once and for all."""

    default_code: ClassVar[str] = "evidence_already_submitted"


class DisputeOverdue(Conflict):
    """The day by which the dispute had to be answered is over."""

    default_code: ClassVar[str] = "dispute_overdue"


class ExternalReferenceUsed(Conflict):
    """A payment taken elsewhere was recorded under this reference before."""

    default_code: ClassVar[str] = "external_reference_used"
