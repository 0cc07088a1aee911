"""How the jobs of the schedule run, for ``/metrics``."""

from collections.abc import Iterator

from payments_project.api.gauges import Gauge
from payments_project.jobs.selectors import read_jobs


def job_gauges() -> Iterator[Gauge]:
    """By task. A job that never succeeded is as old as the record of runs."""
    jobs = read_jobs()
    yield Gauge(
        "job_seconds_since_success",
        "Since the job's last run that did its work began.",
        label="job",
        values={
            job.task: job.seconds_since_success
            for job in jobs
            if job.seconds_since_success is not None
        },
    )
    yield Gauge(
        "job_late",
        "1 while no run of the job succeeded for three of its intervals.",
        label="job",
        values={job.task: float(job.is_late) for job in jobs},
    )
    yield Gauge(
        "job_duration_seconds",
        "How long the job's last run took.",
        label="job",
        values={job.task: job.duration_ms / 1000 for job in jobs if job.duration_ms is not None},
    )
    yield Gauge(
        "job_failures",
        "Runs of the job that failed so far.",
        label="job",
        values={job.task: float(job.failures) for job in jobs},
    )
