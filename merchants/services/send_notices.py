"""Sending the notices that are due: each once, as far as SMTP lets anybody know."""

import logging
import smtplib
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models.functions import Now
from django.template.loader import render_to_string

from merchants.locking import try_lock_notice
from merchants.models import MerchantNotice
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import TEST

logger = logging.getLogger(__name__)

# With the pauses below they span two days.
ATTEMPTS_MAX = 12
# Nobody else tries meanwhile; longer than a mail server is waited for.
LEASE = timedelta(minutes=5)
PAUSE_SECONDS = 30
PAUSE_SECONDS_MAX = 6 * 3600


def send_notices(*, batch: int = 100) -> dict[str, int]:
    """Sends the notices that are due, oldest first; returns how many were sent and how many not.

    Each is leased before it is sent, outside of any transaction, and marked afterwards: two runs at
    once send it once. A run that dies in between leaves its lease to run out; the letter that is
    sent then has the same ``Message-ID``, by which mail programs know it as the same. One that
    fails is tried again after 30 seconds, a minute, two, up to six hours, and given up, with an
    error in the log, after twelve times or when the mail server refuses the address for good.
    """
    due = MerchantNotice.objects.filter(
        sent_at__isnull=True, gave_up_at__isnull=True, next_attempt_at__lte=Now()
    ).order_by("next_attempt_at")
    counts = {"sent": 0, "failed": 0}
    for notice_id in list(due.values_list("pk", flat=True)[:batch]):
        notice = _lease(notice_id)
        if notice is None:
            continue
        try:
            _send(notice)
        # Whatever a mail server, a template or the network does: one letter stops no other.
        except Exception as error:
            _put_off(notice, error)
            counts["failed"] += 1
        else:
            MerchantNotice.objects.filter(pk=notice.pk).update(sent_at=Now(), last_error=None)
            counts["sent"] += 1
    return counts


def _lease(notice_id: UUID) -> MerchantNotice | None:
    def work() -> MerchantNotice | None:
        notice = try_lock_notice(notice_id)
        if notice is None:
            return None
        notice.attempts += 1
        notice.next_attempt_at = datetime.now(UTC) + LEASE
        notice.save(update_fields=["attempts", "next_attempt_at"])
        return notice

    return run_in_transaction(work)


def _send(notice: MerchantNotice) -> None:
    """Raises what the mail server or the template raises."""
    text = render_to_string(
        f"notices/{notice.kind}.txt",
        {
            **notice.context,
            "business_name": notice.merchant.business_name,
            "url": settings.PUBLIC_URL,
        },
    )
    subject, _, body = text.strip().partition("\n")
    if notice.environment == TEST:
        subject = f"[Test] {subject}"
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >")
    EmailMessage(
        # A header has one line, whatever a name brought along.
        subject=" ".join(subject.split()),
        body=body.strip() + "\n",
        to=[notice.merchant.email],
        headers={
            "Message-ID": f"<notice-{notice.pk}@{domain}>",
            "Auto-Submitted": "auto-generated",
        },
    ).send()


def _put_off(notice: MerchantNotice, error: Exception) -> None:
    """What a mail server says may name the address, so only the kind of error is kept."""
    words = type(error).__name__
    if isinstance(error, smtplib.SMTPResponseException):
        words += f" {error.smtp_code}"
    is_final = notice.attempts >= ATTEMPTS_MAX or isinstance(error, smtplib.SMTPRecipientsRefused)
    pause = min(PAUSE_SECONDS * 2 ** (notice.attempts - 1), PAUSE_SECONDS_MAX)
    MerchantNotice.objects.filter(pk=notice.pk).update(
        last_error=words[:200],
        next_attempt_at=datetime.now(UTC) + timedelta(seconds=pause),
        gave_up_at=datetime.now(UTC) if is_final else None,
    )
    log = logger.error if is_final else logger.warning
    log("notice %s (%s) was not sent: %s", notice.pk, notice.kind, words)
