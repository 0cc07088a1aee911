"""How long an intent belongs to the process that committed it."""

from django.conf import settings


def gateway_lease_seconds() -> int:
    """How long nobody else may touch an intent: the gateway's time-out and a margin; seconds."""
    return int(settings.GATEWAY_TIMEOUT_SECONDS + settings.GATEWAY_LEASE_MARGIN_SECONDS)
