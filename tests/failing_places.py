"""Where ``tests.talkative_wsgi`` fails when it is asked to: wherever a card is in a frame's hands."""

FAILING = (
    ("transactions.gateways.simulator.gateway", "SimulatorGateway.authorize"),
    ("transactions.services.create", "commit_outcome"),
    ("vault.api.views", "tokenise_card"),
)
# Begins each line that tells a frame's variable.
MARK = "variables of "
