"""The product's own processes, as ``./dev up`` runs them: web, workers, beat, and events' readers."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from payments_project.local import processes
from payments_project.local.engines import Run
from payments_project.local.environment import Environment, manage
from payments_project.local.folder import ROOT, DataFolder
from payments_project.local.ports import LOOPBACK
from payments_project.local.processes import Child, Program
from payments_project.local.terminal import Problem, Step, note

_BINARIES = Path(sys.executable).parent
# The simulator answers at once, so threads wait for the processor only, and more of them get in each
# other's way (docs/benchmarks.md). Gateways that take their time need more: the container image has 16.
_THREADS = 4
_WEBHOOK_THREADS = 64
# So often may one process end by itself within so many seconds.
_RESTARTS_MAX = 3
_RESTART_SECONDS = 60.0


def migrate(environment: Environment, current: Step) -> None:
    """Brings the schema up to date, as the role that owns it."""
    output = _run_once(
        environment,
        current,
        name="migrate",
        arguments=["migrate", "--no-color"],
        variables=environment.for_owner("migrate"),
    )
    applied = output.count("... OK")
    current.detail = f"{applied} migrations applied" if applied else "the schema is up to date"


def seed_demo(environment: Environment, current: Step) -> None:
    """Makes the demo's merchants, keys and history; what is there stays."""
    credentials = environment.folder.credentials_file
    output = _run_once(
        environment,
        current,
        name="seed",
        arguments=["seed_demo", "--output", str(credentials), "--no-color"],
        variables=environment.for_process("seed"),
    )
    current.detail = output.strip().splitlines()[-1].strip() if output.strip() else "as it was"
    if output.strip():
        _analyse(environment)


def _analyse(environment: Environment) -> None:
    """Tells the planner of the new rows, and the console, which estimates a list's length from it.

    Autovacuum would in a minute, but never for what is partitioned. Only the schema's owner may:
    the privilege for it (MAINTAIN) would let the application lock and rewrite tables.
    """
    with psycopg.connect(environment.values["DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute("SET client_min_messages TO error")
        connection.execute("ANALYZE")


def programs(environment: Environment, *, port: int) -> list[Program]:
    """In the order of their start; they are stopped in the opposite one, web first."""
    logs = environment.folder.logs
    celery = [sys.executable, "-m", "celery", "--app", "payments_project"]
    return [
        Program(
            name="worker",
            command=[
                *celery,
                "worker",
                "--loglevel=WARNING",
                "--concurrency=2",
                "--without-gossip",
                "--without-mingle",
            ],
            log=logs / "worker.log",
            cwd=ROOT,
            environment=environment.for_process("worker"),
            grace_seconds=20.0,
        ),
        Program(
            name="webhooks",
            command=[
                *celery,
                "worker",
                "--loglevel=WARNING",
                "--queues=webhooks",
                # They wait for merchants' servers, and seldom for the processor.
                "--pool=threads",
                f"--concurrency={_WEBHOOK_THREADS}",
                "--hostname=webhooks@%h",
                "--without-gossip",
                "--without-mingle",
            ],
            log=logs / "webhooks.log",
            cwd=ROOT,
            environment=environment.for_process("webhooks", WEBHOOK_THREADS=str(_WEBHOOK_THREADS)),
            grace_seconds=20.0,
        ),
        Program(
            name="consumers",
            command=manage("consume", "--all"),
            log=logs / "consumers.log",
            cwd=ROOT,
            environment=environment.for_process("consumers"),
            grace_seconds=20.0,
        ),
        *_relay(environment),
        Program(
            name="beat",
            command=[
                *celery,
                "beat",
                "--scheduler=redbeat.RedBeatScheduler",
                "--loglevel=WARNING",
                "--pidfile=",
            ],
            log=logs / "beat.log",
            cwd=ROOT,
            environment=environment.for_process("beat"),
        ),
        Program(
            name="web",
            command=[
                str(_BINARIES / "granian"),
                "--interface=wsgi",
                f"--host={LOOPBACK}",
                f"--port={port}",
                f"--workers={max(2, min(4, processes.cores()))}",
                f"--blocking-threads={_THREADS}",
                "--no-ws",
                # Requests under way are finished before it ends.
                "--workers-kill-timeout=15",
                "--respawn-failed-workers",
                "payments_project.wsgi:application",
            ],
            log=logs / "web.log",
            cwd=ROOT,
            environment=environment.for_process(
                "web",
                PROMETHEUS_MULTIPROC_DIR=str(_metrics_folder(environment.folder)),
                WEB_CORE_PER_PROCESS="1",
            ),
            grace_seconds=20.0,
            address=f"{LOOPBACK}:{port}",
            # A worker that is still starting misses the signal, and granian sends it only once.
            asks_all=True,
        ),
    ]


def _relay(environment: Environment) -> list[Program]:
    """The relay to Kafka, where there is one."""
    relay = environment.for_process("relay")
    if not relay["KAFKA_BOOTSTRAP_SERVERS"]:
        return []
    return [
        Program(
            name="relay",
            command=manage("relay_events"),
            log=environment.folder.logs / "relay.log",
            cwd=ROOT,
            environment=relay,
            grace_seconds=20.0,
        )
    ]


def _metrics_folder(folder: DataFolder) -> Path:
    """Where the web processes put their numbers together: empty at each start."""
    place = folder.path / "metrics"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    return place


def watch(run: Run) -> None:
    """Returns never: starts again what ended by itself, and says so.

    Raises ``Problem`` for one that keeps ending: more than three times within a minute.
    """
    ends: dict[str, list[float]] = {}
    while True:
        for place, child in enumerate(run.children):
            if not child.ended():
                continue
            now = time.monotonic()
            recent = [end for end in ends.get(child.name, []) if now - end < _RESTART_SECONDS]
            if len(recent) == _RESTARTS_MAX:
                raise _problem(child, "It was started again and again. ")
            ends[child.name] = [*recent, now]
            how = child.how_it_ended()
            run.children[place] = processes.start_again(child)
            run.write()
            note(f"{time.strftime('%H:%M:%S')} {child.name} {how}, and was started again.")
        time.sleep(0.25)


def require_all_alive(run: Run) -> None:
    """``Problem`` with the end of its log if one has ended."""
    for child in run.children:
        if child.ended():
            raise _problem(child)


def _problem(child: Child, more: str = "") -> Problem:
    return Problem(
        f"{child.name} {child.how_it_ended()}. {more}Everything is being stopped.",
        log=child.end_of_log(),
        hint=f"All of its log: {child.running.log}",
    )


def _run_once(
    environment: Environment,
    current: Step,
    *,
    name: str,
    arguments: list[str],
    variables: dict[str, str],
) -> str:
    """Runs a management command to its end; what it printed."""
    log = environment.folder.logs / f"{name}.log"
    child = processes.start(
        Program(name=name, command=manage(*arguments), log=log, cwd=ROOT, environment=variables)
    )
    try:
        _wait_for_end(child, current)
    except BaseException:
        processes.stop(child)
        raise
    if child.popen.returncode != 0:
        raise Problem(
            f"manage.py {arguments[0]} {child.how_it_ended()}.",
            log=child.end_of_log(),
            hint=f"All of its log: {log}",
        )
    return child.end_of_log(lines=1_000)


def _wait_for_end(child: Child, current: Step) -> None:
    while True:
        try:
            child.popen.wait(0.2)
        except subprocess.TimeoutExpired:
            last = child.end_of_log(lines=1).strip()
            current.detail = last.removesuffix("...").strip()
        else:
            return
