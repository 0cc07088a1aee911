"""``./manage.py migrate``: Django's, and then the monthly partitions that payments need."""

from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand

from payments_project.database.partitions import MONTHS_AHEAD, ensure_months


class Command(MigrateCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options["plan"] or options["check_unapplied"] or options["app_label"]:
            return
        tables = ensure_months(using=options["database"])
        if options["verbosity"] > 0:
            self.stdout.write(f"  Partitions {MONTHS_AHEAD} months ahead: {', '.join(tables)}")
