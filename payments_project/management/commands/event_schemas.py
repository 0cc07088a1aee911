"""``./manage.py event_schemas``: the JSON Schemas of events, written into ``docs/events``."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments_project.events.published import (
    SchemasBreakReaders,
    publish_schemas,
    unpublished_schemas,
)
from payments_project.events.schemas import FOLDER


class Command(BaseCommand):
    help = (
        "Write the JSON Schema of every event type into docs/events, and the table of its README."
        " Refuses to overwrite a file with what breaks readers of that version."
    )
    # It must run where an image is built, without any engine.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit with 1 if a file differs"
        )
        parser.add_argument(
            "--folder", type=Path, default=settings.BASE_DIR / FOLDER, help="instead of docs/events"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        try:
            if options["check"]:
                self._check(folder)
            else:
                self._publish(folder)
        except ValueError as error:
            raise CommandError(f"{folder}: {error}") from None

    def _check(self, folder: Path) -> None:
        differing = unpublished_schemas(folder)
        if differing:
            raise CommandError(
                "These are not what the catalogue of event types says; run ./manage.py"
                " event_schemas:\n" + "\n".join(differing)
            )
        self.stdout.write("Every file is what the catalogue says.")

    def _publish(self, folder: Path) -> None:
        try:
            written = publish_schemas(folder)
        except SchemasBreakReaders as refusal:
            raise CommandError(
                "Nothing was written. This would break readers of these versions; register a new"
                f" version of the type beside the old one:\n{refusal}"
            ) from None
        for name in written:
            self.stdout.write(name)
        self.stdout.write(f"{len(written)} written.")
