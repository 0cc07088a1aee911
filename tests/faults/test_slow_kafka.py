"""A broker that halts for moments: what asks it waits or goes without, and lives.

Web servers ask Kafka how far consumers are. librdkafka's admin client can end its whole process
there, by a fault in its memory; with it, this test does not last four seconds.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments_project.local import kafka, processes
from payments_project.local.folder import DataFolder
from payments_project.local.processes import Child
from payments_project.local.terminal import Step

pytestmark = [pytest.mark.stack, pytest.mark.slow]

SECONDS = 12


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Child]:
    """Fresh, so that it has no topic of offsets yet."""
    folder = DataFolder.named(str(tmp_path / "data"))
    folder.make()
    broker = kafka.launch(folder)
    try:
        kafka.wait_until_ready(broker, Step("Kafka"))
        yield broker
    finally:
        broker.popen.send_signal(signal.SIGCONT)
        processes.stop(broker)


def test_who_asks_a_halting_broker_lives(own_broker: Child) -> None:
    asking = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.asking_kafka", str(SECONDS)],
        env=os.environ
        | {
            "KAFKA_BOOTSTRAP_SERVERS": own_broker.running.address or "",
            "KAFKA_REPLICATION_FACTOR": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        # Longer than a question may take, and shorter, in turn.
        while asking.poll() is None:
            for halted in (0.1, 0.4, 1.3):
                own_broker.popen.send_signal(signal.SIGSTOP)
                time.sleep(halted)
                own_broker.popen.send_signal(signal.SIGCONT)
                time.sleep(0.5)
        told, complaints = asking.communicate(timeout=10)
    finally:
        asking.kill()
        asking.wait()

    assert asking.returncode == 0, complaints
    answered, postponed = map(int, told.split())
    assert answered > 50
    assert postponed > 0
