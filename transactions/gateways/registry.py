"""Which gateways there are, and which one takes a payment."""

from django.conf import settings

from payments_project.errors import Unavailable
from payments_project.tenancy import TEST, Scope
from transactions.gateways.external import ExternalGateway
from transactions.gateways.interface import Gateway
from transactions.gateways.simulator.gateway import SimulatorGateway

_GATEWAYS: dict[str, Gateway] = {
    gateway.name: gateway for gateway in (SimulatorGateway(), ExternalGateway())
}


def get_gateway(name: str) -> Gateway:
    """The adapter of that name; ``KeyError`` for a name that no adapter has."""
    return _GATEWAYS[name]


def select_gateway(scope: Scope) -> Gateway:
    """The gateway for a new payment. Raises ``Unavailable`` where no gateway takes it.

    Chosen before the intent is committed, so that ``gateway_name`` is always a real one.
    """
    if scope.environment == TEST or settings.SIMULATOR_ANSWERS_LIVE:
        return _GATEWAYS[SimulatorGateway.name]
    raise Unavailable(
        "No gateway is configured for live payments.", code="gateway_unavailable", retry_after=60
    )
