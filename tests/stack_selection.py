"""Which tests run without Kafka or Elasticsearch: all but those marked ``stack``, and it is said.

A pytest plugin (named in pyproject.toml), so that the line is printed however many processes run.
With ``PAYMENTS_REQUIRE_STACK=1``, as in CI, nothing is left out: an absent engine is a failure.
"""

import os

import pytest

ENGINES = {"Kafka": "KAFKA_BOOTSTRAP_SERVERS", "Elasticsearch": "ELASTICSEARCH_URL"}


def required_address(variable: str) -> str:
    """An engine's address; the test fails if there is none."""
    address = os.environ.get(variable, "")
    if not address:
        pytest.fail(f"{variable} is not set, and this run requires it")
    return address


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not _left_out():
        return
    left_out = [item for item in items if item.get_closest_marker("stack")]
    items[:] = [item for item in items if not item.get_closest_marker("stack")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if absent := _left_out():
        engines = " and ".join(absent)
        terminalreporter.write_line(
            f"Left out: the tests marked 'stack', without {engines} (./dev test --stack)",
            yellow=True,
        )


def _left_out() -> list[str]:
    """The engines that are absent, where that leaves tests out rather than failing them."""
    if os.environ.get("PAYMENTS_REQUIRE_STACK") == "1":
        return []
    return [name for name, variable in ENGINES.items() if not os.environ.get(variable)]
