"""How ``./dev`` makes its environment: with which Python, for what reason, and what it counts."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from payments_project.local.folder import ROOT

NAME = "python{}.{}".format(*sys.version_info)
NO_TIME, AGES = 1e-9, 1e9


@pytest.fixture
def dev() -> dict:
    return runpy.run_path(str(ROOT / "dev"))


def put_python(folder: Path, *, seconds: float, works: bool = True) -> Path:
    """A Python that says of itself that it takes so long, or that does not run."""
    folder.mkdir()
    python = folder / NAME
    told = {"seconds": seconds, "executable": str(python), "prefix": str(folder)}
    python.write_text(f"#!/bin/sh\necho '{json.dumps(told)}'\nexit {int(not works)}\n")
    python.chmod(0o755)
    return python


def test_a_quicker_python_of_the_same_version_is_taken(dev, monkeypatch, tmp_path, capsys):
    quicker = put_python(tmp_path / "quicker", seconds=NO_TIME)
    put_python(tmp_path / "slower", seconds=AGES)
    monkeypatch.setenv("PATH", f"{tmp_path / 'slower'}:{quicker.parent}")

    assert dev["quickest_python"]() == str(quicker)
    assert str(quicker.parent) in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "works"), [(AGES, True), (NO_TIME, False)])
def test_a_slower_or_broken_python_is_not_taken(dev, monkeypatch, tmp_path, seconds, works):
    put_python(tmp_path / "other", seconds=seconds, works=works)
    monkeypatch.setenv("PATH", str(tmp_path / "other"))

    assert dev["quickest_python"]() == sys.executable


@pytest.mark.parametrize(
    ("before", "wanted", "said"),
    [
        ("", "runtime", "Setting up Python packages in .venv (the first time only)"),
        ("", "development", "Setting up Python packages in .venv (the first time only)"),
        ("runtime 1f", "development", "Adding test runner, checkers and types to .venv"),
        ("runtime 1f", "runtime", "Bringing .venv up to requirements.lock"),
        ("development 1f", "development", "Bringing .venv up to requirements-dev.lock"),
    ],
)
def test_what_is_installed_is_said_with_its_reason(
    dev, monkeypatch, tmp_path, before, wanted, said
):
    put_python(tmp_path / "bin", seconds=AGES)
    (tmp_path / "installed").write_text(before)
    # Its functions look their names up where runpy left them.
    places = dev["why"].__globals__
    monkeypatch.setitem(places, "PYTHON", tmp_path / "bin" / NAME)
    monkeypatch.setitem(places, "STAMP", tmp_path / "installed")

    assert dev["why"](wanted).startswith(said)


def test_packages_of_other_systems_are_not_counted(dev, monkeypatch, tmp_path):
    (tmp_path / "lock").write_text("here==1\nelsewhere==1\nthere==1\n")
    pip = tmp_path / "pip"
    pip.write_text(
        "#!/bin/sh\n"
        "echo 'Collecting here==1'\n"
        'echo "Ignoring elsewhere: markers don\'t match your environment"\n'
        "echo 'Requirement already satisfied: there==1'\n"
    )
    pip.chmod(0o755)
    shown: list[str] = []
    places = dev["install"].__globals__
    for name, value in {"ROOT": tmp_path, "PYTHON": pip, "progress": shown.append}.items():
        monkeypatch.setitem(places, name, value)

    dev["install"]("lock")

    assert shown[:2] == ["  1 of 3 packages", "  2 of 2 packages"]
