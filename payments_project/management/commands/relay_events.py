"""``./manage.py relay_events``: from the event log to Kafka."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments_project.events.until_told import stop_on_signals


class Command(BaseCommand):
    help = (
        "Relays the event log to Kafka until it is told to stop (SIGTERM). Any number may run: of"
        " each group of topics one works, and another takes over when it dies."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        from payments_project.events.kafka.topics import GROUPS

        parser.add_argument(
            "--group",
            action="append",
            choices=sorted(GROUPS),
            help="relay these topics alone; all by default",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from payments_project.events.kafka.relay import run_relay
        from payments_project.events.kafka.topics import GROUPS

        if not settings.KAFKA_BOOTSTRAP_SERVERS:
            raise CommandError("KAFKA_BOOTSTRAP_SERVERS is not set: there is no Kafka to relay to.")
        groups = options["group"] or sorted(GROUPS)
        self.stdout.write(f"Relays {', '.join(groups)} to {settings.KAFKA_BOOTSTRAP_SERVERS}.")
        try:
            run_relay(groups, stop=stop_on_signals())
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
