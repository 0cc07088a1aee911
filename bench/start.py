"""From a clean clone to the first payment: cold, with nothing installed, and warm."""

import argparse
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from bench.environment import ROOT, BenchError, Database
from bench.result import Result, print_table

# What a newcomer's shell has; nothing of the engines or the environment that this bench runs in.
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "SHELL", "XDG_CACHE_HOME")
_KEPT_PREFIXES = ("PIP_", "UV_", "SSL_", "REQUESTS_", "CURL_", "HTTP", "http", "NO_PROXY", "MAVEN_")
UP_SECONDS_MAX = 900
CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": time.gmtime().tm_year + 3}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--warm-rounds", type=int, default=3)
    parser.add_argument(
        "--tree", action="store_true", help="copy the working tree instead of cloning the commit"
    )
    parser.add_argument("--keep", action="store_true", help="leave the folder behind")


def run(options: argparse.Namespace, _database: Database | None) -> Result:
    """Runs the newcomer's commands in a folder of its own, and pays."""
    result = Result("start")
    folder = Path(tempfile.mkdtemp(prefix="payments-bench-start-"))
    # Readable by the user that the embedded PostgreSQL runs as when this is root.
    folder.chmod(0o755)
    clone, data = folder / "clone", folder / "data"
    try:
        started = time.perf_counter()
        _copy(clone, from_tree=options.tree)
        copied = time.perf_counter() - started
        cold = copied + _first_payment(clone, data)
        _down(clone, data)
        warm = []
        for _ in range(options.warm_rounds):
            warm.append(_first_payment(clone, data))
            _down(clone, data)
    finally:
        if (clone / "dev").exists():
            _down(clone, data)
        if options.keep:
            print(f"left behind: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    warm.sort()
    print_table(
        "From ./dev up to the first payment taken over HTTP",
        ("start", "seconds"),
        [
            ("cold: clone, install, first start", cold),
            ("warm: second start, median", warm[len(warm) // 2]),
        ],
    )
    result.figures |= {
        "cold_seconds": cold,
        "clone_seconds": copied,
        "warm_seconds": warm[len(warm) // 2],
        "warm_seconds_all": warm,
        "from": "working tree" if options.tree else "commit",
    }
    return result


def _copy(clone: Path, *, from_tree: bool) -> None:
    """A clone of the commit, or of what would be one if all were committed."""
    if not from_tree:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        return
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        source, target = ROOT / name, clone / name
        if source.is_file() and ".venv" not in source.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _first_payment(clone: Path, data: Path) -> float:
    """Starts the product and pays; seconds from the command to the answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = data.with_suffix(".up.log")
    started = time.perf_counter()
    with log.open("wb") as output:
        up = subprocess.run(
            ["./dev", "up", "--detach", "--port", str(port), "--data", str(data)],
            cwd=clone,
            env=_newcomers_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=UP_SECONDS_MAX,
            check=False,
        )
    if up.returncode != 0:
        raise BenchError(f"./dev up failed:\n{log.read_text()[-3000:]}")
    credentials = json.loads((data / "credentials.json").read_text())
    base, key = credentials["base_url"], credentials["test_key"]
    method = _post(base, "/v1/payment_methods", key, {"type": "card", "card": CARD})
    payment = _post(
        base,
        "/v1/transactions",
        key,
        {"amount": 2500, "currency": "USD", "payment_method": method["id"]},
    )
    if payment["status"] != "succeeded":
        raise BenchError(f"the first payment did not succeed: {payment}")
    return time.perf_counter() - started


def _down(clone: Path, data: Path) -> None:
    subprocess.run(
        ["./dev", "down", "--data", str(data)],
        cwd=clone,
        env=_newcomers_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def _newcomers_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT_VARIABLES or name.startswith(_KEPT_PREFIXES)
    } | {"PATH": _path_without_virtual_environment()}


def _path_without_virtual_environment() -> str:
    inside = os.environ.get("VIRTUAL_ENV")
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(name for name in folders if not inside or not name.startswith(inside))


def _post(base: str, path: str, key: str, content: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        base + path,
        data=json.dumps(content).encode(),
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        },
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise BenchError(f"{path} answered {error.code}: {error.read()[:1000]!r}") from error
