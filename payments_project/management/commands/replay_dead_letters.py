"""``./manage.py replay_dead_letters``: what was set aside, once its cause is mended."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments_project.events.errors import Postponed
from payments_project.events.models import DeadLetter
from payments_project.events.replay import replay_dead_letter


class Command(BaseCommand):
    help = (
        "Hands dead letters back to their consumers, oldest first. What fails again stays, with its"
        " new cause; exits with 1 then."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--consumer", help="those of one consumer alone")
        parser.add_argument("--id", action="append", help="this letter alone; may be repeated")
        parser.add_argument("--dry-run", action="store_true", help="only list them")

    def handle(self, *args: Any, **options: Any) -> None:
        letters = DeadLetter.objects.filter(handled_at__isnull=True).order_by("id")
        if options["consumer"]:
            letters = letters.filter(consumer=options["consumer"])
        if options["id"]:
            letters = letters.filter(pk__in=options["id"])
        handled = failed = 0
        for letter in letters.iterator(chunk_size=500):
            line = f"{letter.pk}  {letter.consumer}  {letter.event_type or letter.source}"
            if options["dry_run"]:
                self.stdout.write(f"{line}  {letter.cause}")
                continue
            try:
                worked = replay_dead_letter(letter)
            except Postponed as error:
                raise CommandError(f"An engine is away; nothing is lost: {error}") from None
            handled += worked
            failed += not worked
            self.stdout.write(f"{line}  {'handled' if worked else 'failed again'}")
        if options["dry_run"]:
            return
        self.stdout.write(f"{handled} handled, {failed} failed again.")
        if failed:
            raise CommandError("Some failed again; their causes stand in the console.")
