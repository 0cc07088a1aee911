"""Engines that refuse to run as root run as ``nobody`` when we are root.

Nothing of the machine is changed for it: no user is made, no folder opened to others. Where the
project lies in a folder that ``nobody`` may not pass (``/root``), the engine keeps the one right
to pass it (``CAP_DAC_OVERRIDE``), which still is less than running as root.
"""

import os
import pwd
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from payments_project.local.terminal import Problem

_USER = "nobody"


@dataclass(frozen=True, slots=True)
class Privileges:
    """How a program is started: with what before its command, and as whom."""

    prefix: Sequence[str] = ()
    arguments: dict[str, Any] = field(default_factory=dict)


def reduced(*, needs: Sequence[Path]) -> Privileges:
    """Privileges for a program that refuses root and reads or writes below the given paths."""
    if os.geteuid() != 0:
        return Privileges()
    account = pwd.getpwnam(_USER)
    if all(_passable(path) for path in needs):
        return Privileges(
            arguments={"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        )
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Problem(
            "The project lies in a folder that only root may enter, and setpriv is missing.",
            hint="Install util-linux, or put the project elsewhere (such as /srv or /opt).",
        )
    return Privileges(
        prefix=[
            setpriv,
            f"--reuid={account.pw_uid}",
            f"--regid={account.pw_gid}",
            "--clear-groups",
            "--inh-caps=-all,+dac_override",
            "--ambient-caps=-all,+dac_override",
            # Else access(2), which Java asks first, looks at the user alone.
            "--securebits=+no_setuid_fixup",
        ]
    )


def give(path: Path) -> None:
    """Makes a folder and all in it belong to the user that ``reduced`` programs run as."""
    if os.geteuid() != 0:
        return
    account = pwd.getpwnam(_USER)
    for entry in (path, *path.rglob("*")):
        os.chown(entry, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _passable(path: Path) -> bool:
    """Whether every user may enter (or run) ``path`` and pass all the folders above it."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (path, *path.absolute().parents))
