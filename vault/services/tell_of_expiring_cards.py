"""Telling merchants of customers' cards that expire soon."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.db import router
from django.db.models import F, QuerySet

from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.record import record_event
from vault.models import PaymentMethod
from vault.snapshot import payment_method_snapshot

# So long before the last day of its expiry month a card is told of.
EXPIRING_DAYS = 30
_AT_ONCE = 200


def tell_of_expiring_cards(*, today: date | None = None, cards_max: int = 50_000) -> int:
    """Writes ``payment_method.expiring`` for customers' active cards that can be charged for thirty
    more days or less, at most ``cards_max`` a run. Returns how many were told of.

    Each card is told of once for each expiry date that it gets: its row says for which it was, so a
    run that is missed, late, killed or at once with another one neither forgets nor repeats.
    ``today`` is a day in UTC, the present one by default.
    """
    day = today or datetime.now(UTC).date()
    tokens = list(_untold(day).order_by("expires_at").values_list("token", flat=True)[:cards_max])
    starts = range(0, len(tokens), _AT_ONCE)
    return sum(_tell(tokens[start : start + _AT_ONCE], day) for start in starts)


def _untold(today: date) -> QuerySet[PaymentMethod]:
    return PaymentMethod.objects.filter(
        is_active=True,
        customer_id__isnull=False,
        expires_at__range=(today, today + timedelta(days=EXPIRING_DAYS)),
    ).exclude(expiry_told_for=F("expires_at"))


def _tell(tokens: Sequence[str], today: date) -> int:
    def work() -> int:
        # Who holds a lock changes the card, or tells of it: the next run looks again.
        cards = _untold(today).select_for_update(no_key=True, skip_locked=True)
        told = list(cards.filter(token__in=tokens).order_by("token"))
        for card in told:
            record_event(
                aggregate=card,
                type="payment_method.expiring",
                data=payment_method_snapshot(card),
                actor=SYSTEM,
            )
        PaymentMethod.objects.filter(token__in=[card.token for card in told]).update(
            expiry_told_for=F("expires_at")
        )
        return len(told)

    return run_in_transaction(work, using=router.db_for_write(PaymentMethod))
