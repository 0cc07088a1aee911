"""Where a merchant's payments begin."""

from datetime import datetime
from uuid import UUID

from merchants.models import Merchant


def extend_history(*, merchant_id: UUID, moment: datetime) -> None:
    """Makes the merchant's history begin at ``moment`` (UTC) or earlier.

    To be committed before a payment of that time is: lists look no further back than the history.
    Once it begins early enough nothing is written.
    """
    Merchant.objects.filter(pk=merchant_id, history_starts_at__gt=moment).update(
        history_starts_at=moment
    )
