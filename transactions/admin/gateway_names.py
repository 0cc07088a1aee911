"""The gateways that there are, for choices and for indexes that begin with a gateway's name."""

from transactions.gateways.external import EXTERNAL
from transactions.gateways.simulator.gateway import SimulatorGateway

GATEWAY_NAMES = (SimulatorGateway.name, EXTERNAL)
