"""The embedded Valkey is ready when its start says so, and what it held is there again."""

from pathlib import Path

import pytest
import redis

from payments_project.local import processes, valkey
from payments_project.local.folder import DataFolder
from payments_project.local.terminal import Problem, Step

KEYS = 300_000


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.make()
    return made


def fill(folder: DataFolder) -> None:
    """Starts it, writes what takes a while to read back, and stops it."""
    child, url = valkey.start(folder, Step("Valkey"), durable=True)
    try:
        with redis.Redis.from_url(url) as client:
            script = "for n = 1, ARGV[1] do redis.call('SET', 'key ' .. n, n) end"
            client.eval(script, 0, KEYS)
    finally:
        processes.stop(child)


def test_a_started_server_has_read_its_file(folder: DataFolder):
    fill(folder)

    child, url = valkey.start(folder, Step("Valkey"), durable=True)

    try:
        with redis.Redis.from_url(url) as client:
            assert client.get(f"key {KEYS}") == str(KEYS).encode()
            assert client.dbsize() == KEYS
    finally:
        processes.stop(child)


def test_a_server_that_cannot_read_its_file_has_not_started(folder: DataFolder):
    fill(folder)
    (written,) = (folder.path / "valkey" / "appendonlydir").glob("*.incr.aof")
    with written.open("ab") as file:
        file.write(b"no command\r\n" * 100)

    with pytest.raises(Problem, match="ended with exit code 1") as problem:
        valkey.start(folder, Step("Valkey"), durable=True)

    assert "Bad file format reading the append only file" in str(problem.value.log)
