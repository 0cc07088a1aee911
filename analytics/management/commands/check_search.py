"""``./manage.py check_search``: search held against the payments, and mended."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.services.check_search import Drift, check_search
from payments_project.events.errors import Postponed

DAYS_DEFAULT = 30


class Command(BaseCommand):
    help = (
        "Compares the payments of each UTC day with PostgreSQL's words and with Elasticsearch's"
        " documents, and writes what is missing or old. Payments and searches go on meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        today = datetime.now(UTC).date()
        parser.add_argument(
            "--from",
            dest="first",
            type=date.fromisoformat,
            default=today - timedelta(days=DAYS_DEFAULT),
            help="the first day, YYYY-MM-DD; thirty days ago by default",
        )
        parser.add_argument(
            "--to",
            dest="last",
            type=date.fromisoformat,
            default=today,
            help="the last day; today by default",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = options["first"], options["last"]
        if last < first:
            raise CommandError("--to lies before --from.")
        found = []
        try:
            for drift in check_search(first=first, last=last):
                if drift:
                    self.stdout.write(_line(drift))
                found.append(drift)
        except Postponed as error:
            raise CommandError(f"Elasticsearch is away ({error}).") from None
        wrong = sum(bool(drift) for drift in found)
        self.stdout.write(f"{len(found):,} days checked, {wrong:,} of them mended.")


def _line(drift: Drift) -> str:
    return (
        f"{drift.day}: {drift.words:,} without their words, {drift.documents:,} without their"
        f" document, {drift.strangers:,} documents of no payment"
    )
