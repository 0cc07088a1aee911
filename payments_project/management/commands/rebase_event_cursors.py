"""``./manage.py rebase_event_cursors``: after a logical restore, makes readers go on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from payments_project.events.cursors import rebase_cursors


class Command(BaseCommand):
    help = (
        "After a restore from pg_dump, or pg_upgrade: renumber the rows that readers have still to"
        " see, and rebuild what they fold. Run it as the owner, before web and worker are started;"
        " it does nothing where nothing is to be done."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            renumbered = rebase_cursors()
        except ProgrammingError as error:
            raise CommandError(f"Run it as the role that owns the schema: {error}") from None
        if not renumbered:
            self.stdout.write("Every cursor is of this cluster.")
        for table, rows in renumbered.items():
            self.stdout.write(f"{table}: {rows} rows renumbered, its readers started over.")
