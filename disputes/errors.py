"""What the refund and dispute services refuse."""

from typing import ClassVar

from payments_project.errors import Conflict


class AmountExceedsRefundable(Conflict):
    """More was asked back than was captured and not yet refunded."""

    default_code: ClassVar[str] = "amount_exceeds_refundable"
