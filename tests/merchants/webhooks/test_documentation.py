"""``docs/webhooks.md`` is true: its programs run, its numbers are those of the code."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from standardwebhooks import Webhook, WebhookVerificationError

from merchants.services.claim_deliveries import UNDER_WAY_MAX
from merchants.services.create_webhook_endpoint import ENDPOINTS_MAX
from merchants.services.resend_webhooks import BATCH_MAX
from merchants.services.rotate_webhook_secret import OVERLAP_SECONDS, OVERLAP_SECONDS_MAX
from merchants.webhooks.event_filters import FILTERS_MAX
from merchants.webhooks.retries import GIVE_UP_AFTER, RESEND_DAYS_MAX, RETRY_SECONDS
from merchants.webhooks.sender import EXCERPT_CHARACTERS, RESPONSE_BYTES_MAX
from merchants.webhooks.signing import new_secret, sign
from merchants.webhooks.urls import LENGTH_MAX
from tests.api_client import Api
from tests.merchants.webhooks.receiver import Receiver, receiving
from tests.merchants.webhooks.sending import deliver, make_endpoint

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "webhooks.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600}

EventOf = Callable[[str, dict[str, str], bytes], Any]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(params=range(len(PROGRAMS)), ids=["library", "plain"])
def event_of(request: pytest.FixtureRequest) -> EventOf:
    """A program of the page, as it stands there."""
    names: dict[str, Any] = {}
    exec(PROGRAMS[request.param], names)  # noqa: S102
    found: EventOf = names["event_of"]
    return found


def test_both_programs_take_what_comes(api: Api, receiver: Receiver, event_of: EventOf) -> None:
    endpoint = make_endpoint(api, receiver.url)
    path = f"/v1/webhook_endpoints/{endpoint['id']}"
    old, new = endpoint["secret"], api.post(f"{path}/rotate_secret").json()["secret"]
    api.post(f"{path}/test")
    deliver(endpoint)

    (got,) = receiver.received

    for secret in (old, new):
        event = event_of(secret, dict(got.headers), got.body)
        assert event["type"] == "webhook_endpoint.test"
        assert event == api.get(f"/v1/events/{got.headers['webhook-id']}").json()


def signed(secret: str, body: bytes, *, age_seconds: int = 0) -> dict[str, str]:
    moment = int(time.time()) - age_seconds
    signature = sign(secret=secret, message_id="e1", timestamp=moment, body=body)
    return {
        "webhook-id": "e1",
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,b3RoZXI= {signature}",
    }


def test_both_programs_refuse_what_is_not_ours(event_of: EventOf) -> None:
    secret, body = new_secret(), b'{"id": "e1"}'
    headers = signed(secret, body)
    assert event_of(secret, headers, body) == {"id": "e1"}
    assert Webhook(secret).verify(body, headers) == {"id": "e1"}

    for given, sent, content in (
        (new_secret(), headers, body),
        (secret, headers, body + b" "),
        (secret, {**headers, "webhook-id": "e2"}, body),
        (secret, {**headers, "webhook-signature": "v1,é"}, body),
        (secret, {**headers, "webhook-signature": ""}, body),
        (secret, signed(secret, body, age_seconds=310), body),
        (secret, signed(secret, body, age_seconds=-310), body),
    ):
        with pytest.raises((WebhookVerificationError, ValueError, TypeError)):
            event_of(given, sent, content)


def test_the_program_without_a_library_is_short() -> None:
    lines = PROGRAMS[1].partition("def ")[2].splitlines()
    assert len(lines) <= 13


def test_the_table_of_attempts_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+) (\w+) \| (\d+) (\w+) \|$", PAGE, re.MULTILINE)

    assert [int(row[0]) for row in rows] == list(range(2, len(RETRY_SECONDS) + 2))
    assert tuple(int(row[1]) * UNITS[row[2]] for row in rows) == RETRY_SECONDS
    for place, row in enumerate(rows):
        exact = sum(RETRY_SECONDS[: place + 1])
        assert abs(int(row[3]) * UNITS[row[4]] - exact) < UNITS[row[4]]


def test_the_limits_are_those_of_the_code() -> None:
    assert f"**{settings.WEBHOOK_TIMEOUT_SECONDS:g} seconds**" in PAGE
    assert f"| endpoints | {ENDPOINTS_MAX} in each" in PAGE
    assert f"{FILTERS_MAX} filters" in PAGE
    assert f"{LENGTH_MAX:,} characters" in PAGE
    assert f"| {UNDER_WAY_MAX} at a well endpoint" in PAGE
    assert f"first {RESPONSE_BYTES_MAX // 1_024} KiB" in PAGE
    assert f"{BATCH_MAX:,} events a call" in PAGE
    assert f"{GIVE_UP_AFTER.total_seconds() / 3_600:g} hours" in PAGE
    # What stands there in words.
    assert (EXCERPT_CHARACTERS, RESEND_DAYS_MAX) == (1_000, 30)
    assert (settings.WEBHOOK_DISABLED_AFTER_DAYS, settings.WEBHOOKS_KEPT_MONTHS) == (5, 6)
    assert settings.EVENTS_KEPT_MONTHS == 24
    assert (OVERLAP_SECONDS, OVERLAP_SECONDS_MAX) == (86_400, 7 * 86_400)
