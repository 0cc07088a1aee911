"""What is recorded of the schedule's runs, and how it is told."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from celery import Task
from celery.schedules import crontab
from django.db import connection, transaction

import disputes.tasks
from disputes.book_checks import Check
from disputes.services.audit_books import audit_books
from payments_project.api.job_gauges import job_gauges
from payments_project.jobs import record
from payments_project.jobs.due import interval_seconds, next_due, when_words
from payments_project.jobs.models import ScheduledJob
from payments_project.jobs.outcomes import AnotherRun, JobFailed
from payments_project.jobs.purposes import PURPOSES
from payments_project.jobs.record import detail_of
from payments_project.jobs.selectors import Job, read_jobs
from payments_project.schedule import SCHEDULE
from tests.payments_project.job_runs import DAILY, OFTEN, forget_runs, succeeded_ago, task_of
from tests.schema.rows import APPLICATION, connect
from tests.server import Server
from tests.threads import at_once

Run = Callable[[], Any]


@pytest.fixture
def does(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Run], Task]:
    """Has an entry's task do something else."""

    def replace(entry: str, run: Run) -> Task:
        task = task_of(entry)
        monkeypatch.setattr(task, "run", run)
        return task

    return replace


@pytest.fixture(autouse=True)
def _no_runs_yet() -> Iterator[None]:
    forget_runs()
    yield
    forget_runs()


def job(entry: str) -> Job:
    return next(each for each in read_jobs() if each.name == entry)


def test_a_run_that_succeeds_is_recorded_with_what_it_did(does: Any) -> None:
    before = datetime.now(UTC)

    does(OFTEN, lambda: {"freed": 0, "asked for": 3}).apply()

    found = job(OFTEN)
    assert (found.outcome, found.detail, found.runs, found.failures) == (
        "succeeded",
        "asked for 3",
        1,
        0,
    )
    assert found.started_at == found.succeeded_at
    assert found.succeeded_at is not None
    assert before - timedelta(seconds=5) < found.succeeded_at < datetime.now(UTC)
    assert found.duration_ms is not None
    assert not found.is_late
    assert not found.is_failing


def test_a_run_that_fails_is_recorded_without_the_errors_words(does: Any) -> None:
    def fail() -> None:
        raise ValueError("card 4242424242424242")

    does(OFTEN, lambda: 1).apply()
    succeeded = job(OFTEN).succeeded_at
    with pytest.raises(ValueError, match="4242"):
        does(OFTEN, fail).apply(throw=True)

    found = job(OFTEN)
    assert (found.outcome, found.runs, found.failures) == ("failed", 2, 1)
    assert found.detail.startswith(f"ValueError in {__name__}.fail, line ")
    assert "4242" not in found.detail
    assert found.succeeded_at == succeeded
    assert found.is_failing


def test_a_failure_is_over_when_a_run_succeeds(does: Any) -> None:
    def fail() -> None:
        raise ValueError

    does(OFTEN, fail).apply()
    assert job(OFTEN).is_failing
    does(OFTEN, lambda: None).apply()

    found = job(OFTEN)
    assert (found.is_failing, found.outcome, found.failures) == (False, "succeeded", 1)


def test_a_job_may_say_in_its_own_words_why_somebody_has_to_look(does: Any) -> None:
    def fail() -> None:
        raise JobFailed("3 differences in 2 checks")

    does(DAILY, fail).apply()

    assert (job(DAILY).outcome, job(DAILY).detail) == ("failed", "3 differences in 2 checks")


def test_the_audits_findings_are_logged_and_its_run_has_failed_with_their_number(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    differing = tuple(
        Check(name, "SELECT 'payment', 1000, number FROM generate_series(1, 2) AS number")
        for name in ("first", "second")
    )
    monkeypatch.setattr(disputes.tasks, "audit_books", partial(audit_books, checks=differing))
    task = task_of("audit the books")

    with pytest.raises(JobFailed):
        task.apply(throw=True)

    found = job("audit the books")
    assert (found.outcome, found.detail) == ("failed", "4 differences in 2 checks")
    assert "the books differ: second: payment: expected 1000, found 2" in caplog.messages
    monkeypatch.setattr(disputes.tasks, "audit_books", partial(audit_books, checks=()))
    task.apply(throw=True)
    assert job("audit the books").outcome == "succeeded"


def test_a_run_that_finds_another_at_it_is_skipped_and_no_error(does: Any) -> None:
    def skip() -> None:
        raise AnotherRun

    does(OFTEN, lambda: 1).apply()
    succeeded = job(OFTEN).succeeded_at

    assert does(OFTEN, skip).apply(throw=True).result is None

    found = job(OFTEN)
    assert (found.outcome, found.runs, found.failures) == ("skipped", 2, 0)
    assert found.succeeded_at == succeeded


def test_the_roll_up_of_days_is_skipped_while_another_is_at_it() -> None:
    task = task_of("roll up changed days")
    with connect(APPLICATION) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('roll up due days', 0))")
        task.apply(throw=True)
    assert job("roll up changed days").outcome == "skipped"

    task.apply(throw=True)
    assert job("roll up changed days").outcome == "succeeded"


def test_a_daily_run_is_seen_while_it_goes_on_and_when_it_was_killed(
    does: Any, settings: Any
) -> None:
    class Killed(BaseException):
        """Nothing of ours catches it, as nothing runs after a kill."""

    def die() -> None:
        assert job(DAILY).outcome == "running"
        raise Killed

    with pytest.raises(Killed):
        does(DAILY, die).apply(throw=True)
    assert job(DAILY).outcome == "running"

    # No task may run for so long.
    longest = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    ScheduledJob.objects.filter(pk=task_of(DAILY).name).update(
        last_started_at=datetime.now(UTC) - timedelta(seconds=longest + 1)
    )
    found = job(DAILY)
    assert (found.outcome, found.duration_ms, found.succeeded_at) == ("killed", None, None)


def statements(task: Task) -> list[str]:
    asked: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        task.apply(throw=True)
    return [sql for sql in asked if "scheduled_jobs" in sql]


def test_a_run_costs_one_statement_and_one_more_where_it_comes_seldom(does: Any) -> None:
    assert len(statements(does(OFTEN, lambda: None))) == 1
    assert len(statements(does(DAILY, lambda: None))) == 2


def test_a_record_that_cant_be_written_is_a_warning_and_nothing_else(
    does: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(record, "_ENDED", "INSERT INTO nowhere SELECT 'secret'")

    with caplog.at_level(logging.WARNING):
        assert does(OFTEN, lambda: 7).apply(throw=True).result == 7

    (warning,) = (one for one in caplog.messages if "is not recorded" in one)
    assert "ProgrammingError" in warning
    assert "secret" not in warning
    assert job(OFTEN).outcome == "never ran"


def test_nothing_is_recorded_inside_a_transaction(
    does: Any, caplog: pytest.LogCaptureFixture
) -> None:
    task = does(OFTEN, lambda: 7)

    with transaction.atomic():
        task.apply(throw=True)

    assert job(OFTEN).outcome == "never ran"
    assert "is run inside a transaction and not recorded" in caplog.text


def test_runs_at_once_are_all_counted(does: Any) -> None:
    task = does(OFTEN, lambda: None)

    at_once(6, lambda _: task.apply(throw=True))

    assert job(OFTEN).runs == 6


def test_a_task_that_is_called_as_a_function_is_no_run(does: Any) -> None:
    assert does(OFTEN, lambda: 5)() == 5
    assert job(OFTEN).outcome == "never ran"


@pytest.mark.parametrize(
    ("result", "words"),
    [(None, ""), (True, ""), (0, ""), (12, "12"), ({"a": 0}, ""), (["2026_01", "b"], "2026_01, b")],
)
def test_what_a_run_returned_is_told_in_words(result: Any, words: str) -> None:
    assert detail_of(result) == words


def test_every_entry_says_what_it_is_for_and_has_a_task_of_its_own() -> None:
    assert list(PURPOSES)
    assert set(PURPOSES) == set(SCHEDULE)
    tasks = [entry["task"] for entry in SCHEDULE.values()]
    assert len(tasks) == len(set(tasks))


@pytest.mark.parametrize(
    ("every", "words", "seconds"),
    [
        (1.0, "every second", 1),
        (15.0, "every 15 seconds", 15),
        (60.0, "every minute", 60),
        (300.0, "every 5 minutes", 300),
        (crontab(minute="41"), "hourly at :41", 3600),
        (crontab(hour="2", minute="0"), "daily at 02:00 UTC", 86400),
    ],
)
def test_an_entry_says_when_it_is_due(every: Any, words: str, seconds: float) -> None:
    assert when_words(every) == words
    assert interval_seconds(every) == seconds


def test_the_next_time_is_later_than_now_whatever_the_hour() -> None:
    daily, hourly = crontab(hour="2", minute="0"), crontab(minute="41")
    evening = datetime(2026, 12, 31, 22, 41, tzinfo=UTC)

    assert next_due(daily, after=evening) == datetime(2027, 1, 1, 2, 0, tzinfo=UTC)
    assert next_due(hourly, after=evening) == datetime(2026, 12, 31, 23, 41, tzinfo=UTC)
    assert next_due(30.0, after=evening) == evening + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("entry", "ago", "is_late"),
    [
        (OFTEN, timedelta(seconds=50), False),
        (OFTEN, timedelta(seconds=70), True),
        (DAILY, timedelta(days=2, hours=23), False),
        (DAILY, timedelta(days=3, hours=1), True),
    ],
)
def test_a_job_is_late_after_three_intervals(entry: str, ago: timedelta, is_late: bool) -> None:
    succeeded_ago(entry, ago)
    assert job(entry).is_late == is_late


def test_a_job_that_never_ran_is_late_when_runs_are_recorded_for_long() -> None:
    found = job(DAILY)
    assert (found.outcome, found.started_at, found.runs) == ("never ran", None, 0)
    assert found.recorded_since is not None
    assert found.seconds_since_success is not None


def test_metrics_tell_of_each_job(server: Server, does: Any) -> None:
    def fail() -> None:
        raise ValueError

    does(OFTEN, lambda: None).apply()
    does(OFTEN, fail).apply()
    succeeded_ago(DAILY, timedelta(days=4))
    often, daily = task_of(OFTEN).name, task_of(DAILY).name

    found = {gauge.name: gauge.values for gauge in job_gauges()}

    assert found["job_failures"][often] == 1
    assert found["job_failures"][daily] == 0
    assert (found["job_late"][often], found["job_late"][daily]) == (0, 1)
    assert 0 <= found["job_duration_seconds"][often] < 5
    assert daily not in found["job_duration_seconds"]
    assert found["job_seconds_since_success"][daily] == pytest.approx(4 * 86400, abs=30)
    assert f'job_failures{{job="{daily}"}}' in httpx.get(f"{server.url}/metrics").text
