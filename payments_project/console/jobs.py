"""Jobs in the console: everything that runs by the clock, and how its last run went."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from payments_project.console import display
from payments_project.console.filters import choice_filter
from payments_project.console.panels import Column, Panel
from payments_project.console.presented import Cell
from payments_project.jobs import selectors
from payments_project.jobs.models import FAILED, OUTCOMES, SKIPPED, SUCCEEDED, ScheduledJob
from payments_project.jobs.selectors import Job, read_jobs
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin

PERMISSION = "payments_project.view_scheduledjob"
TONES = {
    SUCCEEDED: display.GREEN,
    SKIPPED: display.GREY,
    FAILED: display.RED,
    selectors.RUNNING: display.BLUE,
    selectors.ENDED_UNTOLD: display.RED,
    selectors.NEVER_RAN: display.GREY,
}
_COLUMNS = (
    Column("Job", is_text=True),
    Column("Due"),
    Column("Last run"),
    Column("Took", is_number=True),
    Column("Outcome"),
    Column("Said", is_text=True, is_minor=True),
    Column("Last success"),
    Column("Failures", is_number=True, is_minor=True),
    Column("Next due", is_minor=True),
)


def jobs_page(request: HttpRequest, model_admin: admin.ModelAdmin) -> HttpResponse:
    """Every entry of the schedule in its order, those that never ran included."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Jobs",
        "panel": Panel(
            title="What runs by the clock",
            icon="schedule",
            columns=_COLUMNS,
            rows=[_cells(job) for job in read_jobs()],
            note=f"Late: no run succeeded for {selectors.LATE_INTERVALS} intervals, and for"
            " a minute at least. Skipped: another run was at it. Killed: began and never said how"
            " it ended.",
            more_url=display.list_url("payments_project.scheduledjob"),
            more_text="As a list",
        ),
    }
    return TemplateResponse(request, "admin/console/jobs.html", context)


def _cells(job: Job) -> list[Cell]:
    name = format_html('{}<br><span class="c-muted">{}</span>', _name(job), job.purpose)
    success = display.ago(job.succeeded_at, now=job.asked_at)
    if job.is_late:
        success = format_html("{} {}", success, display.badge("late", display.RED))
    return [
        name,
        job.when,
        display.ago(job.started_at, now=job.asked_at),
        display.EMPTY if job.duration_ms is None else took(job.duration_ms),
        display.badge(job.outcome, TONES[job.outcome]),
        job.detail or display.EMPTY,
        success,
        f"{job.failures:,}",
        display.ago(job.next_due_at, now=job.asked_at),
    ]


def _name(job: Job) -> Cell:
    if job.started_at is None:
        return job.name
    return display.object_link("payments_project.ScheduledJob", job.task, job.name)


def took(milliseconds: int) -> str:
    """``40 ms``, ``2.5 s``, ``3 min``."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


@admin.register(ScheduledJob)
class ScheduledJobAdmin(ReadOnlyAdmin):
    """The last run of each job that has run."""

    list_display = (
        "task",
        "outcome",
        "last_started_at",
        "took",
        "last_succeeded_at",
        "last_failed_at",
        "runs",
        "failures",
    )
    export_fields = (
        "task", "last_outcome", "last_started_at", "last_duration_ms", "last_detail",
        "last_succeeded_at", "last_failed_at", "runs", "failures",
    )  # fmt: skip
    list_filter = (choice_filter("last_outcome", OUTCOMES, title="outcome"),)
    labels = {
        "last_started_at": "Last run",
        "last_detail": "Said",
        "last_succeeded_at": "Last success",
        "last_failed_at": "Last failure",
    }
    fieldsets: Fieldsets = (
        ("Last run", {"fields": ("last_started_at", "took", "outcome", "last_detail")}),
        ("Job", {"fields": ("task", "last_succeeded_at", "last_failed_at", "runs", "failures")}),
    )
    custom_urls = (("jobs/", "jobs", jobs_page),)

    def headline(self, instance: ScheduledJob) -> str:  # type: ignore[override]
        return next((job.name for job in read_jobs() if job.task == instance.task), instance.task)

    def badges_of(self, instance: ScheduledJob) -> list[Cell]:  # type: ignore[override]
        return [self.outcome(instance)]

    @admin.display(description="Outcome")
    def outcome(self, job: ScheduledJob) -> Cell:
        if job.last_outcome is None:
            return display.EMPTY
        return display.badge(job.last_outcome, TONES[job.last_outcome])

    @admin.display(description="Took")
    def took(self, job: ScheduledJob) -> Cell:
        return display.EMPTY if job.last_duration_ms is None else took(job.last_duration_ms)
