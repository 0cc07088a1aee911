"""``./manage.py audit_books``: recomputes the books; exits 1 on a cent of difference."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from disputes.book_checks import CHECKS
from disputes.services.audit_books import audit_books


class Command(BaseCommand):
    help = "Recompute every balance and amount from the ledger's entries and report differences."

    def handle(self, *args: Any, **options: Any) -> None:
        findings = audit_books()
        failed = {finding.check for finding in findings}
        for check in CHECKS:
            mark = self.style.ERROR("DIFFERS") if check.name in failed else self.style.SUCCESS("ok")
            self.stdout.write(f"  {mark}  {check.name}")
        for finding in findings:
            self.stdout.write(
                f"{finding.check}: {finding.subject}:"
                f" expected {finding.expected}, found {finding.found}"
            )
        if findings:
            sys.exit(1)
        self.stdout.write(f"The books balance: {len(CHECKS)} checks.")
