"""Asking a start whether it serves yet."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from payments_project.local.engines import Run
from payments_project.local.services import require_all_alive
from payments_project.local.terminal import Problem, Step

READY_SECONDS_MAX = 90


def wait_until_ready(run: Run, current: Step) -> None:
    """Returns when ``/readyz`` says that payments can be taken; fails if a process ends."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    answer: dict[str, Any] = {}
    while time.monotonic() < deadline:
        require_all_alive(run)
        code, answer = _ask(f"{run.url}/readyz")
        if code == 200:
            current.detail = f"{run.url} is ready"
            return
        current.detail = _waiting_for(answer)
        time.sleep(0.1)
    web = next(child for child in run.children if child.name == "web")
    raise Problem(
        f"The web server is not ready after {READY_SECONDS_MAX} s: {_waiting_for(answer)}.",
        log=web.end_of_log(),
    )


def _ask(url: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(url, timeout=3) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        try:
            return error.code, json.load(error)
        except ValueError:
            return error.code, {}
    except (OSError, ValueError):
        return 0, {}


def _waiting_for(answer: dict[str, Any]) -> str:
    engines = answer.get("engines", {})
    away = [name for name, state in engines.items() if state.get("status") == "unavailable"]
    return f"waiting for {', '.join(away)}" if away else "waiting for the web server"
