"""Which Python ``./dev`` makes its environment with."""

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
