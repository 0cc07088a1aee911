"""Which tests run without Kafka, Elasticsearch, PgBouncer or Chromium: all but those that need them,
and it is said.

A pytest plugin (named in pyproject.toml), so that the lines are printed however many processes run.
With ``PAYMENTS_REQUIRE_STACK=1``, as in CI, nothing is left out: what is absent is a failure.
"""

import os
import shutil

import pytest

ENGINES = {"Kafka": "KAFKA_BOOTSTRAP_SERVERS", "Elasticsearch": "ELASTICSEARCH_URL"}


def required_address(variable: str) -> str:
    """An engine's address; the test fails if there is none."""
    address = os.environ.get(variable, "")
    if not address:
        pytest.fail(f"{variable} is not set, and this run requires it")
    return address


def required_program(name: str) -> str:
    """The path of a program of this machine's; the test fails if there is none."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is not on the path, and this run requires it")
    return path


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    absent = _absent()
    left_out = [item for item in items if any(map(item.get_closest_marker, absent))]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for marker, why in _absent().items():
        terminalreporter.write_line(f"Left out: the tests marked '{marker}', {why}", yellow=True)


def _absent() -> dict[str, str]:
    """The markers whose tests are left out rather than failing, and why."""
    if os.environ.get("PAYMENTS_REQUIRE_STACK") == "1":
        return {}
    absent = {}
    engines = [name for name, variable in ENGINES.items() if not os.environ.get(variable)]
    if engines:
        absent["stack"] = f"without {' and '.join(engines)} (./dev test --stack)"
    if shutil.which("pgbouncer") is None:
        absent["pgbouncer"] = "without PgBouncer (on Debian and Ubuntu: apt-get install pgbouncer)"
    if shutil.which("chromium") is None:
        absent["browser"] = "without Chromium (on Debian and Ubuntu: apt-get install chromium)"
    return absent
