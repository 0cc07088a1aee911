"""``./manage.py backfill_summaries``: all daily summaries anew, day by day."""

from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.services.roll_up_whole_days import first_day_with_payments, roll_up_whole_days


class Command(BaseCommand):
    help = (
        "Compute the daily summaries of all merchants anew, each UTC day in a transaction of its"
        " own; safe beside payments, to stop and to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DATE")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, metavar="DATE")

    def handle(self, *args: Any, **options: Any) -> None:
        first: date | None = options["first"] or first_day_with_payments()
        last: date = options["last"] or datetime.now(UTC).date()
        if first is None:
            self.stdout.write("There are no payments.")
            return
        if first > last:
            raise CommandError("--from is later than --to.")
        count = summaries = 0
        following = first
        try:
            for rolled_up in roll_up_whole_days(first=first, last=last):
                count += 1
                summaries += rolled_up.summaries
                following = rolled_up.day
                self.stdout.write(f"{rolled_up.day}  {rolled_up.summaries:,} summaries")
        except KeyboardInterrupt:
            raise CommandError(
                f"Stopped. What is done stays; go on by --from {following}"
            ) from None
        self.stdout.write(f"{summaries:,} summaries of {count:,} days.")
