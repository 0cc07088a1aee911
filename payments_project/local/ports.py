"""Ports of this machine: free ones, remembered ones, taken ones."""

import random
import socket

from payments_project.local.folder import DataFolder
from payments_project.local.terminal import Problem

LOOPBACK = "127.0.0.1"
# Below those that kernels give to outgoing connections: a port chosen here is still free later.
_CHOICE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        # As servers do it: connections of an earlier one that are closing don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def remembered_port(folder: DataFolder, name: str) -> int:
    """The port that ``name`` had in this folder before; another one if that is taken by now."""
    ports: dict[str, int] = folder.read("ports.json")
    port = ports.get(name)
    if port is None or not is_free(port):
        port = _any_free_port(taken=set(ports.values()))
        folder.write("ports.json", ports | {name: port})
    return port


def _any_free_port(*, taken: set[int]) -> int:
    for port in random.SystemRandom().sample(_CHOICE, len(_CHOICE)):
        if port not in taken and is_free(port):
            return port
    raise Problem("No port between 20000 and 32000 is free on this machine.")
