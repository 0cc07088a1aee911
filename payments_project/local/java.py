"""JDKs of this machine, and programs fetched by Maven into the user's cache."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from payments_project.local.terminal import Problem, Step

_RELEASE = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)
# Maven's advice on its own switches left out.
_TELLING_ERROR = re.compile(r"\[ERROR\] (?!To see|Re-run|For more|\[Help)\S")


def java_home(*, at_least: int, purpose: str) -> Path:
    """The oldest JDK that is new enough: the nearest to what the program was tested on."""
    found = sorted((_version(home), str(home)) for home in set(_homes()))
    for version, home in found:
        if version >= at_least:
            return Path(home)
    seen = ", ".join(f"{home} ({version})" for version, home in found if version) or "none"
    raise Problem(
        f"{purpose} needs a JDK {at_least} or newer; found: {seen}.",
        hint="Install one, or name it by JAVA_HOME. compose.yaml brings its own.",
    )


def cache() -> Path:
    """Where downloaded programs are kept, outside of any data folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "payments-local"


def run_maven(arguments: Sequence[str], current: Step, *, log: Path) -> None:
    """Runs Maven with its own configuration; the step shows how many files it fetched."""
    maven = shutil.which("mvn")
    if maven is None:
        raise Problem(
            "Maven (mvn) is missing: it fetches Kafka and Elasticsearch.",
            hint="Install it (apt-get install maven), or use compose.yaml.",
        )
    fetched, lines = 0, []
    process = subprocess.Popen(
        [maven, "--batch-mode", *arguments],
        cwd=log.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in process.stdout or ():
            lines.append(line)
            if "Downloaded " in line:
                fetched += 1
                current.detail = f"fetching with Maven, {fetched} files"
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()
        log.write_text("".join(lines))
    if process.returncode != 0:
        errors = [line for line in lines if _TELLING_ERROR.match(line)] or lines[-12:]
        raise Problem(
            "Maven could not fetch it.", log="".join(errors[:12]), hint=f"All of it: {log}"
        )


def _homes() -> Iterator[Path]:
    candidates = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        candidates.append(Path(on_path).resolve().parents[1])
    for folder, pattern in (
        (Path("/usr/lib/jvm"), "*"),
        (Path("/opt"), "*jdk*"),
        (Path.home() / ".sdkman" / "candidates" / "java", "*"),
        (Path("/Library/Java/JavaVirtualMachines"), "*/Contents/Home"),
    ):
        candidates.extend(folder.glob(pattern))
    for candidate in candidates:
        if (candidate / "bin" / "java").is_file():
            yield candidate.resolve()


def _version(home: Path) -> int:
    """The major version of a JDK; 0 if it can't be told."""
    try:
        match = _RELEASE.search((home / "release").read_text())
    except OSError:
        return 0
    return int(match[1]) if match else 0
