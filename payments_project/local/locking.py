"""``./dev lock``: the lock files, one set of versions and hashes for every platform."""

import subprocess
import sys
from pathlib import Path

from payments_project.local.folder import ROOT
from payments_project.local.terminal import Problem, step


def write_locks() -> int:
    """Writes both lock files; versions that still fit are kept."""
    uv = Path(sys.executable).parent / "uv"
    for name in ("requirements", "requirements-dev"):
        with step(f"{name}.lock"):
            command = [str(uv), "pip", "compile", "--quiet", "--universal"]
            command += ["--python-version=3.11", "--generate-hashes", "--no-annotate"]
            # Which index they came from is each machine's own business.
            command += ["--no-emit-index-url", "--no-emit-find-links"]
            command += ["--custom-compile-command=./dev lock"]
            command += [f"{name}.txt", "--output-file", f"{name}.lock"]
            done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
            if done.returncode != 0:
                raise Problem(f"{name}.lock could not be written.", log=done.stderr)
    return 0
