"""A real Elasticsearch 9 node from its Maven artifact (core modules only, no security)."""

import json
import shutil
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from pathlib import Path
from typing import Any

from payments_project.local import java, processes
from payments_project.local.folder import DataFolder
from payments_project.local.ports import LOOPBACK, remembered_port
from payments_project.local.processes import Child, Program
from payments_project.local.terminal import Problem, Step
from payments_project.local.unprivileged import give, reduced

VERSION = "9.2.0"
START_SECONDS_MAX = 120
_ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"


def fetch(current: Step) -> None:
    """Puts the unpacked distribution into the cache."""
    distribution = _distribution()
    distribution.parent.mkdir(parents=True, exist_ok=True)
    unfinished = distribution.with_name(f"{distribution.name}.new-{uuid.uuid4().hex[:8]}")
    unfinished.mkdir()
    try:
        arguments = ["dependency:copy", f"-Dartifact={_ARTIFACT}"]
        arguments += [f"-DoutputDirectory={unfinished}"]
        java.run_maven(arguments, current, log=java.cache() / "elasticsearch-maven.log")
        current.detail = "unpacking"
        _unpack(next(unfinished.glob("*.zip")), unfinished)
        (unfinished / f"elasticsearch-{VERSION}").rename(distribution)
        current.detail = f"{VERSION}, kept in {java.cache()}"
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def is_fetched() -> bool:
    return _distribution().is_dir()


def launch(folder: DataFolder) -> Child:
    """Starts the node on the folder's data."""
    home = java.java_home(at_least=21, purpose="Elasticsearch")
    place = folder.path / "elasticsearch"
    port = remembered_port(folder, "elasticsearch")
    _configure(place, port, remembered_port(folder, "elasticsearch-transport"))
    give(place)
    launcher = _distribution() / "bin" / "elasticsearch"
    return processes.start(
        Program(
            name="elasticsearch",
            command=[str(launcher)],
            log=folder.logs / "elasticsearch.log",
            cwd=place,
            environment={
                "ES_JAVA_HOME": str(home),
                "ES_PATH_CONF": str(place / "config"),
                "ES_JAVA_OPTS": "-Xms1g -Xmx1g",
                "ES_TMPDIR": str(place / "tmp"),
                # The launcher's own heap, beside the node's.
                "CLI_JAVA_OPTS": "-Xmx64m -XX:+UseSerialGC",
            },
            privileges=reduced(needs=[launcher, place, home / "bin" / "java"]),
            grace_seconds=30.0,
            address=f"{LOOPBACK}:{port}",
        )
    )


def wait_until_ready(child: Child, current: Step) -> str:
    """The node's URL, once its cluster's health is known."""
    url = f"http://{child.running.address}"
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and not child.ended():
        try:
            with urllib.request.urlopen(f"{url}/_cluster/health", timeout=2) as answer:  # noqa: S310
                if json.load(answer)["status"] in ("green", "yellow"):
                    current.detail = f"{VERSION} on {child.running.address}"
                    return url
        except (urllib.error.URLError, OSError, ValueError):
            pass
        time.sleep(0.1)
    reason = child.how_it_ended() if child.ended() else "does not answer"
    raise Problem(f"Elasticsearch {reason}.", log=child.end_of_log())


def _distribution() -> Path:
    return java.cache() / f"elasticsearch-{VERSION}"


def _unpack(archive: Path, place: Path) -> None:
    """Unpacks a zip with its files' rights, which Python's own unpacking drops."""
    with zipfile.ZipFile(archive) as content:
        for entry in content.infolist():
            unpacked = Path(content.extract(entry, place))
            rights = (entry.external_attr >> 16) & 0o777
            if rights and not entry.is_dir():
                unpacked.chmod(rights | 0o044)


def _configure(place: Path, port: int, transport_port: int) -> None:
    configuration, logs = place / "config", place / "logs"
    for part in (configuration, logs, place / "data", place / "tmp"):
        part.mkdir(parents=True, exist_ok=True)
    for name in ("jvm.options", "log4j2.properties"):
        # Its paths are relative to the distribution, which is shared and not written to.
        text = (_distribution() / "config" / name).read_text()
        (configuration / name).write_text(text.replace("logs/", f"{logs}/"))
    settings: dict[str, Any] = {
        "cluster.name": "payments-local",
        "node.name": "local",
        "discovery.type": "single-node",
        "http.port": port,
        "transport.port": transport_port,
        "network.host": LOOPBACK,
        "path.data": str(place / "data"),
        "path.logs": str(logs),
        "xpack.security.enabled": False,
        # The kernel's default limit of maps is too low for a search node.
        "node.store.allow_mmap": False,
        # A developer's disk is often nearly full; that must not make indices read-only.
        "cluster.routing.allocation.disk.threshold_enabled": False,
    }
    lines = (f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
    (configuration / "elasticsearch.yml").write_text("".join(lines))
