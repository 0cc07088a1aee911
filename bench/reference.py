"""The bare engine: pgbench running the frozen reference, ``bench/payments.sql``."""

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

from bench.environment import BenchError, Database, binaries

FOLDER = Path(__file__).resolve().parent
SCRIPT = FOLDER / "payments.sql"
SCHEMA = FOLDER / "reference_schema.sql"

# Of the two files, one after the other. Not to be brought up to date: see payments.sql.
FROZEN_SHA256 = "75daa1670572427a103746c519e52af821980ca1039faa30269f70073610f3e6"

_RATE = re.compile(r"^tps = ([\d.]+) \(without initial", re.MULTILINE)
_LATENCY = re.compile(r"^latency average = ([\d.]+) ms", re.MULTILINE)
_DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ReferenceRun:
    """One run of pgbench; its "transaction" is one payment of two commits."""

    payments_per_second: float
    latency_ms: float
    payments: int
    cpu_seconds: float


def create_reference_schema(database: Database) -> None:
    """Makes the reference's empty tables, as the owner, for the application role to write.

    Raises ``BenchError`` if the reference is not the frozen one.
    """
    if hashlib.sha256(SCRIPT.read_bytes() + SCHEMA.read_bytes()).hexdigest() != FROZEN_SHA256:
        raise BenchError("bench/payments.sql or reference_schema.sql was changed; it is frozen")
    role = urlsplit(database.app_url).username
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(SCHEMA.read_text().encode())
        for grant in (
            "USAGE ON SCHEMA bench_reference",
            "SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA bench_reference",
        ):
            connection.execute(f'GRANT {grant} TO "{role}"'.encode())


def run_reference(
    *, database: Database, clients: int, seconds: float, merchants: int, cores: list[int]
) -> ReferenceRun:
    """Runs the reference in a closed loop and returns its rate; as the application role.

    pgbench is one thread kept to the same cores as everything else: it is the reference's load
    generator. Its CPU time is that of the process itself.
    """
    command = [
        "taskset", "-c", ",".join(map(str, cores)),
        str(binaries() / "pgbench"), "-n", "-M", "prepared", "-D", f"merchants={merchants}",
        "-c", str(clients), "-j", "1", "-T", str(max(1, round(seconds))), "-f", str(SCRIPT),
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        env=os.environ | _connection_environment(database.app_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = _wait(process)
    matches = [pattern.search(output) for pattern in (_RATE, _LATENCY, _DONE, _FAILED)]
    if status != 0 or None in matches:
        raise BenchError(f"pgbench failed:\n{output[-2000:]}")
    rate, latency, done, failed = (float(match[1]) for match in matches if match)
    if failed:
        raise BenchError(f"{failed:.0f} transactions of the reference failed:\n{output[-2000:]}")
    return ReferenceRun(rate, latency, int(done), usage)


def _connection_environment(url: str) -> dict[str, str]:
    """The URL as libpq's variables: a password in the arguments could be read by anybody."""
    parts = urlsplit(url)
    return {
        "PGHOST": parts.hostname or "127.0.0.1",
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.lstrip("/"),
    }


def _wait(process: subprocess.Popen[str]) -> tuple[int, int, float]:
    """Waits for a child whose output has ended; its id, exit code and CPU seconds."""
    pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return pid, process.returncode, usage.ru_utime + usage.ru_stime
