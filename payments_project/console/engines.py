"""Whether the engines, the workers, the jobs and the readers of the log are well, on the home page."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from payments_project.api.health import UNAVAILABLE, ask_other_engines
from payments_project.console import display
from payments_project.console.home import HomeParts, Tile, Told, home_part
from payments_project.events import lag as lags
from payments_project.events.consumers import consumers
from payments_project.events.errors import Postponed
from payments_project.events.lag import ReaderLag, lag_statement, lags_of
from payments_project.jobs.selectors import Job, jobs_of, jobs_statement

_NAMES = {"redis": "Redis", "kafka": "Kafka", "elasticsearch": "Elasticsearch"}
# Balances are folded every second; when they are not, no worker does anything that is due. Other
# cursors are moved by processes of their own.
LEDGER_CURSOR = "ledger_balances"


@dataclass(frozen=True, slots=True)
class FaultSource:
    """An app's own word on the tile: ``statement`` gives a statement without parameters for one
    value, which is asked for together with all others', and ``faults_of`` what is wrong by it."""

    statement: Callable[[], str]
    faults_of: Callable[[Any], list[str]]


_fault_sources: list[FaultSource] = []


def register_faults(source: FaultSource) -> None:
    """Adds to what the tile tells; called once, when the console is loaded."""
    _fault_sources.append(source)


@home_part(permission="payments_project.view_event")
def engines(request: HttpRequest, environment: str) -> HomeParts:
    """What is away, whether the workers still work, which jobs fail or are late, and which readers
    are behind or stopped; that PostgreSQL is there, the page shows."""
    asked = ask_other_engines()
    away = [_NAMES[name] for name, found in asked.items() if found["status"] == UNAVAILABLE]
    statements = [lag_statement(), jobs_statement(), *(one.statement() for one in _fault_sources)]
    told = yield Told(f"SELECT json_build_array({', '.join(f'({one})' for one in statements)})")
    of_readers, of_jobs, *of_others = json.loads(told) if isinstance(told, str) else told
    readers, jobs = lags_of(of_readers), jobs_of(of_jobs)
    faults = [f"{name} is away" for name in away]
    if not any(reader.name == LEDGER_CURSOR and reader.is_active for reader in readers):
        faults.append("workers stand still")
        jobs = []
    faults += _jobs_faults(jobs)
    faults += _readers_faults(readers, asked)
    for source, answer in zip(_fault_sources, of_others, strict=True):
        faults += source.faults_of(answer)
    configured = 1 + sum(found["status"] != "not_configured" for found in asked.values())
    yield Tile(
        label="Engines",
        icon="monitor_heart",
        value=str(len(faults)) if faults else "well",
        hint=", ".join(faults) or f"{configured} engines, workers, jobs and readers",
        tone=display.RED if faults else "",
        url=_url(request, has_job_faults=bool(_jobs_faults(jobs))),
        order=55,
    )


def _jobs_faults(jobs: list[Job]) -> list[str]:
    """Jobs whose last run failed, and others of which none succeeded for too long."""
    failing = [job.name for job in jobs if job.is_failing]
    late = [job.name for job in jobs if job.is_late and not job.is_failing]
    return [
        f"{_named(names)} {words[len(names) > 1]}"
        for names, words in ((failing, ("fails", "fail")), (late, ("is late", "are late")))
        if names
    ]


def _named(names: list[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    return " and ".join(quoted) if len(names) < 3 else f"{len(names)} jobs"


def _readers_faults(readers: list[ReaderLag], asked: dict[str, dict[str, Any]]) -> list[str]:
    """Each state once, with the readers that are in it."""
    found = [(lag.state, lag.name) for lag in readers if lag.name != LEDGER_CURSOR]
    found += _groups(asked)
    return [
        f"{_listed(names)} {_verb(names)} {state}"
        for state in (lags.STOPPED, lags.BEHIND)
        if (names := [name for state_of, name in found if state_of == state])
    ]


def _groups(asked: dict[str, dict[str, Any]]) -> Iterable[tuple[str, str]]:
    """Consumers as groups in Kafka, unless Kafka is away, which is said already."""
    if not settings.KAFKA_BOOTSTRAP_SERVERS or asked["kafka"]["status"] == UNAVAILABLE:
        return []
    from payments_project.events.kafka.lag import read_group_lag

    try:
        return [(lag.state, lag.group) for lag in read_group_lag(consumers())]
    except Postponed:
        return []


def _listed(names: list[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{len(names)} readers"


def _verb(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _url(request: HttpRequest, *, has_job_faults: bool) -> str:
    """The page that says more, as far as the user may see it."""
    if has_job_faults and request.user.has_perm("payments_project.view_scheduledjob"):
        return reverse("admin:jobs")
    if not request.user.has_perm("payments_project.view_eventcursor"):
        return ""
    return display.list_url("payments_project.eventcursor")


__all__ = ["FaultSource", "engines", "register_faults"]
