"""``./manage.py consume NAME``: what follows from events."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments_project.events.consumers import consumers
from payments_project.events.run_consumers import run_consumers
from payments_project.events.until_told import stop_on_signals


class Command(BaseCommand):
    help = (
        "Runs consumers of events until it is told to stop (SIGTERM): from Kafka, where it is"
        " configured, else from the log. Any number may run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        names = [consumer.name for consumer in consumers()]
        parser.add_argument("name", nargs="*", help=f"which: {', '.join(names)}")
        parser.add_argument("--all", action="store_true", help="all of them")

    def handle(self, *args: Any, **options: Any) -> None:
        known = {consumer.name: consumer for consumer in consumers()}
        names = sorted(known) if options["all"] else options["name"]
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            wrong = f"There is no consumer {unknown[0]}." if unknown else "Which consumer?"
            raise CommandError(f"{wrong} There are: {', '.join(sorted(known))}; or --all.")
        source = settings.KAFKA_BOOTSTRAP_SERVERS or "the log"
        self.stdout.write(f"Consumes {', '.join(names)} from {source}.")
        try:
            run_consumers([known[name] for name in names], stop=stop_on_signals())
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
