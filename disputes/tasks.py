"""Celery tasks of refunds and disputes; each calls one service."""

import logging

from celery import shared_task

from disputes.services.ask_about_disputes import ask_about_disputes
from disputes.services.audit_books import audit_books
from disputes.services.close_overdue_disputes import close_overdue_disputes
from disputes.services.remind_of_disputes import remind_of_disputes
from disputes.services.resolve_dispute_acts import resolve_dispute_acts
from disputes.services.resolve_refunds import resolve_refunds
from disputes.services.settle_overdue_refunds import settle_overdue_refunds
from disputes.services.sweep_files import sweep_files
from payments_project.jobs.outcomes import JobFailed

logger = logging.getLogger(__name__)

AUDIT_SECONDS_MAX = 1800


@shared_task(name="disputes.resolve_refunds", expires=30)
def resolve_refunds_task() -> dict[str, int]:
    return resolve_refunds()


@shared_task(name="disputes.settle_overdue_refunds", expires=600)
def settle_overdue_refunds_task() -> dict[str, int]:
    return settle_overdue_refunds()


@shared_task(name="disputes.resolve_dispute_acts", expires=30)
def resolve_dispute_acts_task() -> dict[str, int]:
    return resolve_dispute_acts()


@shared_task(name="disputes.remind_of_disputes", expires=600)
def remind_of_disputes_task() -> int:
    return remind_of_disputes()


@shared_task(name="disputes.close_overdue_disputes", expires=240)
def close_overdue_disputes_task() -> int:
    return close_overdue_disputes()


@shared_task(name="disputes.sweep_files")
def sweep_files_task() -> dict[str, int]:
    return sweep_files()


@shared_task(name="disputes.ask_about_disputes")
def ask_about_disputes_task() -> dict[str, int]:
    return ask_about_disputes()


@shared_task(name="disputes.audit_books", expires=3600, time_limit=AUDIT_SECONDS_MAX)
def audit_books_task() -> None:
    """Logs each difference. Raises ``JobFailed`` with their number if there is any."""
    findings = audit_books()
    for finding in findings:
        logger.error(
            "the books differ: %s: %s: expected %s, found %s",
            finding.check,
            finding.subject,
            finding.expected,
            finding.found,
        )
    if findings:
        checks = {finding.check for finding in findings}
        raise JobFailed(f"{len(findings)} differences in {len(checks)} checks")
