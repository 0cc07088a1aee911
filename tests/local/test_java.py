"""Maven and JDKs: what is missing or fails is said in a person's words."""

import os
import stat
from pathlib import Path

import pytest

from payments_project.local import java, kafka
from payments_project.local.terminal import Problem, Step


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, an empty PATH, and no JDK where they usually lie."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def jdk(home: Path, version: str) -> Path:
    program(home / "bin" / "java", "exit 0")
    (home / "release").write_text(f'IMPLEMENTOR="Nobody"\nJAVA_VERSION="{version}"\n')
    return home


def test_missing_maven_is_named_with_the_way_out(folder: Path):
    with pytest.raises(Problem, match=r"Maven \(mvn\) is missing") as problem:
        kafka.fetch(Step("Kafka's files"))
    assert "apt-get install maven" in problem.value.hint
    assert not kafka.is_fetched()


def test_what_maven_says_is_shown_without_its_advice_and_nothing_half_fetched_is_kept(folder: Path):
    program(
        folder / "bin" / "mvn",
        "echo '[INFO] Scanning'; echo '[ERROR] Could not find artifact kafka_2.13';"
        " echo '[ERROR] To see the full stack trace, use -e'; exit 1",
    )
    with pytest.raises(Problem, match="Maven could not fetch it") as problem:
        kafka.fetch(Step("Kafka's files"))
    assert problem.value.log == "[ERROR] Could not find artifact kafka_2.13\n"
    log = Path(problem.value.hint.removeprefix("All of it: "))
    assert "[INFO] Scanning" in log.read_text()
    assert [path.name for path in java.cache().iterdir()] == [log.name]


def test_a_fetch_that_worked_is_kept(folder: Path):
    # What the pom asks for is put beside it, as Maven's plugin does.
    program(folder / "bin" / "mvn", "echo jar > \"${2#--file=}.jar\"; echo 'Downloaded from x: y'")
    current = Step("Kafka's files")
    kafka.fetch(current)
    assert kafka.is_fetched()
    assert current.detail == f"{kafka.VERSION}, kept in {java.cache()}"


def test_a_jdk_that_is_too_old_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    old = jdk(folder / "jdk-11", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(old))
    with pytest.raises(Problem, match="Kafka needs a JDK 99 or newer") as problem:
        java.java_home(at_least=99, purpose="Kafka")
    assert f"{old} (11)" in str(problem.value)
    assert "JAVA_HOME" in problem.value.hint


def test_the_oldest_jdk_that_will_do_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JAVA_HOME", str(jdk(folder / "jdk-8", "1.8.0_402")))
    newer = jdk(folder / "jdk-1000", "1000.0.1")
    (folder / "bin" / "java").symlink_to(newer / "bin" / "java")
    assert os.access(folder / "bin" / "java", os.X_OK)
    assert java.java_home(at_least=1000, purpose="Kafka") == newer
