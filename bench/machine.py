"""Where a figure was measured: printed with it, so that figures of two machines aren't compared."""

import os
import platform
import subprocess
from pathlib import Path

import psycopg

from bench.environment import ROOT, Database


def machine_facts(database: Database) -> dict[str, object]:
    """Processor, cores, load, versions and commit, as far as they can be told."""
    with psycopg.connect(database.app_url) as connection:
        version = connection.info.parameter_status("server_version")
    return {
        "processor": _processor(),
        "cores_of_the_machine": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgresql": version,
        "commit": _commit(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return described.stdout.strip()
