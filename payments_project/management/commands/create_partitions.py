"""``./manage.py create_partitions``: makes the months ahead for every monthly table."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from payments_project.database.partitions import MONTHS_AHEAD, ensure_months


class Command(BaseCommand):
    help = "Make the monthly partitions from this month on; safe to run at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--months-ahead", type=int, default=MONTHS_AHEAD)

    def handle(self, *args: Any, **options: Any) -> None:
        tables = ensure_months(months_ahead=options["months_ahead"])
        self.stdout.write(
            f"{options['months_ahead']} months ahead of this one: {', '.join(tables) or 'no table'}"
        )
