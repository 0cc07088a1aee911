"""A real Kafka 4 broker (KRaft, one node) from its Maven artifacts."""

import base64
import logging
import shutil
import subprocess
import time
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from payments_project.local import java, processes
from payments_project.local.folder import DataFolder
from payments_project.local.ports import LOOPBACK, remembered_port
from payments_project.local.processes import Child, Program
from payments_project.local.terminal import Problem, Step

VERSION = "4.1.1"
START_SECONDS_MAX = 90
_LOGGING_VERSION = "1.7.36"
# The client's complaints about a broker that is not there yet are no news.
_SILENT = logging.getLogger(__name__)
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False

_POM = f"""<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>{_LOGGING_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


def fetch(current: Step) -> None:
    """Puts the broker's jars into the cache."""
    libraries = _libraries()
    libraries.parent.mkdir(parents=True, exist_ok=True)
    unfinished = libraries.with_name(f"{libraries.name}.new-{uuid.uuid4().hex[:8]}")
    unfinished.mkdir()
    try:
        (unfinished / "pom.xml").write_text(_POM)
        arguments = [f"--file={unfinished / 'pom.xml'}", "dependency:copy-dependencies"]
        arguments += ["-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"]
        java.run_maven(arguments, current, log=java.cache() / "kafka-maven.log")
        unfinished.rename(libraries)
        current.detail = f"{VERSION}, kept in {java.cache()}"
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def is_fetched() -> bool:
    return _libraries().is_dir()


def launch(folder: DataFolder) -> Child:
    """Starts the broker on the folder's log, which is formatted the first time."""
    home = java.java_home(at_least=17, purpose="Kafka")
    place = folder.path / "kafka"
    place.mkdir(exist_ok=True)
    port = remembered_port(folder, "kafka")
    configuration = _configure(place, port, remembered_port(folder, "kafka-controller"))
    if not (place / "data" / "meta.properties").is_file():
        _format(home, configuration, folder)
    return processes.start(
        Program(
            name="kafka",
            command=[
                *_java(home),
                "-Xms512m",
                "-Xmx512m",
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
                "kafka.Kafka",
                str(configuration),
            ],
            log=folder.logs / "kafka.log",
            cwd=place,
            grace_seconds=30.0,
            address=f"{LOOPBACK}:{port}",
        )
    )


def wait_until_ready(child: Child, current: Step) -> str:
    """The broker's address, once it answers a client."""
    address = child.running.address
    deadline = time.monotonic() + START_SECONDS_MAX
    client = AdminClient({"bootstrap.servers": address}, logger=_SILENT)
    while time.monotonic() < deadline and not child.ended():
        try:
            if client.list_topics(timeout=1).brokers:
                current.detail = f"{VERSION} on {address}"
                return address
        except KafkaException:
            time.sleep(0.1)
    reason = child.how_it_ended() if child.ended() else "does not answer"
    raise Problem(f"Kafka {reason}.", log=child.end_of_log())


def _libraries() -> Path:
    return java.cache() / f"kafka-{VERSION}"


def _configure(place: Path, port: int, controller_port: int) -> Path:
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{controller_port}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(place / "data"),
        # One node: what is replicated elsewhere has one copy here.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # Topics are made on purpose, with a stated number of partitions.
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
    }
    configuration = place / "server.properties"
    configuration.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return configuration


def _format(home: Path, configuration: Path, folder: DataFolder) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = [*_java(home), "-Xmx128m", "kafka.tools.StorageTool", "format"]
    command += ["--standalone", f"--cluster-id={cluster}", f"--config={configuration}"]
    with processes.open_log(folder.logs / "kafka.log") as log:
        done = subprocess.run(command, check=False, stdout=log, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        end = processes.end_of(folder.logs / "kafka.log")
        raise Problem("Kafka could not format its log.", log=end)


def _java(home: Path) -> list[str]:
    return [str(home / "bin" / "java"), "-cp", f"{_libraries()}/*"]
