"""Payouts as a file for the bank, and what staff record of them afterwards."""

from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from payments_project.actor import Actor
from transactions import states
from transactions.banks.pain001 import debtor_of, write_pain001
from transactions.banks.registry import banks_by_file
from transactions.errors import PayoutStateInvalid
from transactions.locking import lock_payout, lock_payouts
from transactions.payout_models import Payout, PayoutExport
from transactions.services.finish_payout import fail_payout, pay_payout
from transactions.services.send_payouts import sendable_payouts

# More than this in one file is left to the next.
PAYOUTS_MAX = 10_000


def export_payouts(*, environment: str, currency: str, created_by: UUID | None) -> PayoutExport:
    """Puts every payout of a currency that waits for a file into one, in the caller's transaction.

    Locks the payouts' rows and marks them as sent with the file, so that none is in two: the file
    itself is kept, and reading it again gives the same. Payouts that are held, or wait for a second
    person, stay for the next. Raises ``PayoutStateInvalid`` where none waits, ``Unavailable``
    without an account of ours to debit.
    """
    debtor = debtor_of(settings.PAYOUT_DEBTORS, currency)
    waiting = exportable_payouts().filter(environment=environment, currency=currency)
    first = waiting.order_by("pk").values_list("pk", flat=True)[:PAYOUTS_MAX]
    payouts = lock_payouts(
        Payout.objects.filter(
            pk__in=list(first), status=states.PENDING, sent_at__isnull=True, awaits_approval=False
        ).select_related("account")
    )
    if not payouts:
        raise PayoutStateInvalid(f"No payout in {currency} waits for a file.")
    made_at = datetime.now(UTC)
    export_id = _new_id()
    export = PayoutExport(
        id=export_id,
        environment=environment,
        currency=currency,
        count=len(payouts),
        total=sum(payout.amount for payout in payouts),
        content=write_pain001(
            message_id=export_id,
            made_at=made_at,
            debtor=debtor,
            currency=currency,
            payouts=payouts,
        ),
        created_by=created_by,
        created_at=made_at,
    )
    export.save(force_insert=True)
    Payout.objects.filter(pk__in=[payout.pk for payout in payouts]).update(
        sent_at=Now(), export_id=export.pk, awaits_bank=True
    )
    return export


def _new_id() -> UUID:
    """The file's id, which stands in the file, made by PostgreSQL as all ids are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuidv7()")
        made: UUID = cursor.fetchone()[0]
    return made


def exportable_payouts() -> "QuerySet[Payout]":
    """Payouts that wait for a file, and that nothing holds."""
    return sendable_payouts().filter(
        bank_name__in=banks_by_file(), account__status=states.CONFIRMED
    )


def record_payout_outcome(
    *, payout_id: UUID, is_paid: bool, failure_code: str, actor: Actor
) -> Payout:
    """What the bank's statement says of a payout that went out in a file, in the caller's
    transaction: it was paid, or it failed or was returned. Locks the payout's row.

    Raises ``PayoutStateInvalid`` for one that went out by no file or is decided otherwise.
    """
    payout = lock_payout(payout_id)
    if payout.export_id is None:
        raise PayoutStateInvalid(
            "The payout went out in no file: its bank tells what became of it."
        )
    if is_paid:
        pay_payout(payout, actor=actor)
    else:
        fail_payout(payout, code=failure_code, message=None, actor=actor)
    return payout
