"""Search in the console: the indices in Elasticsearch, and above them how search is doing."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from analytics.admin.find_payments import find_payments
from analytics.models import SearchIndex
from analytics.search.engines import ENGINE_NAMES
from analytics.search.freshness import read_freshness
from analytics.search.query import ELASTICSEARCH, POSTGRESQL
from analytics.search.search import is_elasticsearch_asked, why_not_elasticsearch
from payments_project.api.health import UNAVAILABLE, ask_other_engines
from payments_project.console import display
from payments_project.console.filters import choice_filter
from payments_project.console.home import Tile
from payments_project.console.presented import Cell
from payments_project.jobs.selectors import NEVER_RAN, Job, read_jobs
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin

CHECK = "analytics.check_search"
TONES = {
    SearchIndex.BUILDING: display.BLUE,
    SearchIndex.LIVE: display.GREEN,
    SearchIndex.RETIRED: display.GREY,
}


@admin.register(SearchIndex)
class SearchIndexAdmin(ReadOnlyAdmin):
    """The indices that there are, the newest first."""

    list_display = (
        "name",
        "current_state",
        "copied",
        "documents",
        "created_at",
        "live_at",
        "retired_at",
    )
    export_fields = (
        "name", "state", "copied_count", "expected_count", "created_at", "live_at", "retired_at",
    )  # fmt: skip
    list_filter = (choice_filter("state", SearchIndex.STATES),)
    list_before_template = "admin/console/search_state.html"
    codes = ("copied_to",)
    labels = {
        "created_at": "Begun",
        "live_at": "Live since",
        "retired_at": "Retired",
        "copied_to": "Up to the payment",
    }
    fieldsets: Fieldsets = (
        ("Index", {"fields": ("name", "documents", "created_at", "live_at", "retired_at")}),
        ("Copy of the payments", {"fields": ("copied", "copied_to")}),
    )
    custom_urls = (("find-payments/", "find_payments", find_payments),)

    def headline(self, instance: SearchIndex) -> Cell:  # type: ignore[override]
        return instance.name

    def badges_of(self, instance: SearchIndex) -> list[Cell]:  # type: ignore[override]
        return [self.current_state(instance)]

    def complete(self, rows: list[SearchIndex]) -> None:
        counts = document_counts() if rows else {}
        for row in rows:
            row.console_documents = counts.get(row.name)  # type: ignore[attr-defined]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Asked for by the template, after the right to see the page was.
        tiles = partial(search_tiles, request)
        return super().changelist_view(request, {**(extra_context or {}), "search_tiles": tiles})

    @admin.display(description="State")
    def current_state(self, index: SearchIndex) -> Cell:
        return display.badge(index.state, TONES[index.state])

    @admin.display(description="Copied")
    def copied(self, index: SearchIndex) -> Cell:
        """How much of what there was at its beginning; what changed since is written besides."""
        if index.state == SearchIndex.BUILDING:
            return display.progress(index.copied_count, index.expected_count or 0)
        return f"{index.copied_count:,}"

    @admin.display(description="Documents now")
    def documents(self, index: SearchIndex) -> Cell:
        if not hasattr(index, "console_documents"):
            self.complete([index])
        count: int | None = index.console_documents  # type: ignore[attr-defined]
        return "not known" if count is None else f"{count:,}"


def document_counts() -> dict[str, int]:
    """How many documents Elasticsearch has in each index; nothing where it does not say so at once."""
    if not settings.ELASTICSEARCH_URL:
        return {}
    from elasticsearch import ApiError, TransportError

    from analytics.search.elastic.indices import count_documents

    try:
        return count_documents()
    except (ApiError, TransportError):
        return {}


def search_tiles(request: HttpRequest) -> list[Tile]:
    """Which engine answers, how far each is, and what the last check found."""
    freshness, now = read_freshness(), datetime.now(UTC)
    is_asked = is_elasticsearch_asked(freshness)
    is_away = ask_other_engines()["elasticsearch"]["status"] == UNAVAILABLE
    return [
        Tile(
            label="Searches are answered by",
            icon="manage_search",
            value=ENGINE_NAMES[ELASTICSEARCH if is_asked and not is_away else POSTGRESQL],
            hint=_why(freshness, is_away=is_away),
            tone=display.AMBER if settings.ELASTICSEARCH_URL and not is_asked else "",
        ),
        _engine_tile(
            POSTGRESQL, freshness[POSTGRESQL], now, "its words; amounts and states are as of now"
        ),
        _elasticsearch_tile(freshness[ELASTICSEARCH], now, is_away=is_away),
        _check_tile(request, now),
    ]


def _why(freshness: dict[str, datetime | None], *, is_away: bool) -> str:
    if not settings.ELASTICSEARCH_URL:
        return "there is no other engine in this installation"
    if is_away:
        return "Elasticsearch is away"
    why = why_not_elasticsearch(freshness)
    return (
        f"not by Elasticsearch: {why}" if why else "PostgreSQL stands in when it is away or behind"
    )


def _engine_tile(engine: str, reached: datetime | None, now: datetime, hint: str) -> Tile:
    return Tile(
        label=f"{ENGINE_NAMES[engine]} has everything",
        icon="database",
        value=f"up to {display.age(reached, now=now)}" if reached else "not known",
        hint=hint if reached else "its reader has not told yet",
    )


def _elasticsearch_tile(reached: datetime | None, now: datetime, *, is_away: bool) -> Tile:
    if not settings.ELASTICSEARCH_URL:
        return Tile(
            label=ENGINE_NAMES[ELASTICSEARCH],
            icon="database",
            value="none",
            hint="not configured: ELASTICSEARCH_URL",
        )
    if is_away:
        return Tile(
            label=ENGINE_NAMES[ELASTICSEARCH],
            icon="cloud_off",
            value="away",
            hint="it catches up by itself",
            tone=display.RED,
        )
    return _engine_tile(ELASTICSEARCH, reached, now, "documents, words and all else")


def _check_tile(request: HttpRequest, now: datetime) -> Tile:
    """The job that holds search against the payments; what it returns are what it mended."""
    (job,) = (job for job in read_jobs() if job.task == CHECK)
    return Tile(
        label="Last check for drift",
        icon="rule",
        value=job.outcome if job.started_at is None else display.age(job.started_at, now=now),
        hint=_check_words(job),
        tone=display.RED if job.is_failing or job.is_late else "",
        url=_job_url(request, job),
    )


def _check_words(job: Job) -> str:
    if job.outcome == NEVER_RAN:
        return f"due {job.when}"
    if job.is_failing:
        return f"failed: {job.detail}" if job.detail else "failed"
    if job.outcome != "succeeded":
        return job.outcome
    return f"mended {job.detail}" if job.detail else "nothing had to be mended"


def _job_url(request: HttpRequest, job: Job) -> str:
    if not request.user.has_perm("payments_project.view_scheduledjob"):
        return ""
    if job.started_at is None:
        return display.list_url("payments_project.ScheduledJob")
    return display.object_url("payments_project.ScheduledJob", job.task) or ""
