"""What tests of the sender share."""

from collections.abc import Iterator
from typing import Any

import pytest

from merchants.webhooks.sender import WebhookSender
from tests.merchants.webhooks.one_sending import TIMEOUT


@pytest.fixture
def loopback_allowed(settings: Any) -> None:
    """Receivers of the tests are on this host; and nobody waits for 15 seconds."""
    settings.WEBHOOK_TIMEOUT_SECONDS = TIMEOUT
    settings.WEBHOOK_ALLOW_LOOPBACK = True


@pytest.fixture
def sender(loopback_allowed: None) -> Iterator[WebhookSender]:
    with WebhookSender() as sending:
        yield sending
