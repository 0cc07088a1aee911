"""``./manage.py rebuild_search``: search made anew from the payments, while it goes on."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.services.rebuild_search import Progress, rebuild_search_index, rebuild_words
from payments_project.events.errors import Postponed

SAID_EVERY_SECONDS = 1.0


class Command(BaseCommand):
    help = (
        "Writes the words of every payment that has none for PostgreSQL's own search, then fills a"
        " new index in Elasticsearch, if there is one, and puts it in the old one's place. Searches"
        " and payments go on meanwhile. Interrupted, it goes on where it was when run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--words-only", action="store_true", help="PostgreSQL's words alone")
        parser.add_argument("--index-only", action="store_true", help="Elasticsearch's index alone")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["words_only"] and options["index_only"]:
            raise CommandError("--words-only and --index-only exclude each other.")
        if not options["index_only"]:
            written = rebuild_words(tell=self._teller("Words"))
            self.stdout.write(
                f"Words of {written:,} payments were missing or old, and are written."
            )
        if options["words_only"]:
            return
        if not settings.ELASTICSEARCH_URL:
            if options["index_only"]:
                raise CommandError("ELASTICSEARCH_URL is not set: there is no index to fill.")
            self.stdout.write("There is no Elasticsearch (ELASTICSEARCH_URL).")
            return
        try:
            rebuild_search_index(tell=self._teller("Documents"))
        except Postponed as error:
            raise CommandError(
                f"Elasticsearch is away ({error}). Run it again: it goes on where it was."
            ) from None
        self.stdout.write("The new index is live.")

    def _teller(self, what: str) -> Any:
        said_at = started = time.monotonic()

        def tell(progress: Progress) -> None:
            nonlocal said_at
            now = time.monotonic()
            if now - said_at < SAID_EVERY_SECONDS:
                return
            said_at = now
            rate = progress.copied / (now - started)
            share = progress.copied / progress.expected
            self.stdout.write(
                f"{what}: {progress.copied:,} of about {progress.expected:,} ({share:.0%}),"
                f" {rate:,.0f}/s"
            )

        return tell
