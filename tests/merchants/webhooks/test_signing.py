"""Signatures, against the specification's own library."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from merchants.webhooks.signing import new_secret, sign, signed_headers

BODY = b'{"type":"transaction.succeeded","name":"M\xc3\xbcller"}'
ID = "0199e0c2-5a3c-7c4e-9f53-0b8b8a3d2f11"


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


def _headers(*secrets: str, timestamp: int | None = None) -> dict[str, str]:
    return signed_headers(secrets=secrets, message_id=ID, timestamp=timestamp or _now(), body=BODY)


def test_a_secret_is_32_random_bytes() -> None:
    secrets = {new_secret() for _ in range(1_000)}

    assert len(secrets) == 1_000
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_the_specification_s_own_example() -> None:
    signature = sign(
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_library_signs_alike() -> None:
    secret, moment = new_secret(), datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)

    ours = sign(secret=secret, message_id=ID, timestamp=int(moment.timestamp()), body=BODY)

    assert ours == Webhook(secret).sign(ID, moment, BODY.decode())


def test_a_receiver_verifies_with_its_secret() -> None:
    secret = new_secret()

    told = Webhook(secret).verify(BODY, _headers(secret))

    assert told == {"type": "transaction.succeeded", "name": "Müller"}


def test_of_two_secrets_each_verifies() -> None:
    old, new = new_secret(), new_secret()
    headers = _headers(new, old)

    assert Webhook(old).verify(BODY, headers) == Webhook(new).verify(BODY, headers)
    assert [part[:3] for part in headers["webhook-signature"].split(" ")] == ["v1,", "v1,"]


def test_another_secret_does_not_verify() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, _headers(new_secret(), new_secret()))


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": ID[:-1] + "2"},
        {"webhook-timestamp": str(_now() - 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
    ],
)
def test_a_changed_header_does_not_verify(change: dict[str, str]) -> None:
    secret = new_secret()
    # A minute ago, so that none of the changes gives what it was.
    headers = _headers(secret, timestamp=_now() - 60) | change

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize("body", [BODY + b" ", BODY[:-1], BODY.replace(b"succ", b"fail"), b""])
def test_a_changed_body_does_not_verify(body: bytes) -> None:
    secret = new_secret()

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, _headers(secret))


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_none_of_the_headers_can_be_left_out(header: str) -> None:
    secret = new_secret()
    headers = _headers(secret)
    del headers[header]

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize("away", [timedelta(minutes=-6), timedelta(minutes=6)])
def test_a_receiver_refuses_one_that_is_played_again(away: timedelta) -> None:
    secret = new_secret()
    headers = _headers(secret, timestamp=_now() + int(away.total_seconds()))

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


def test_id_and_time_and_body_can_not_be_shifted_into_each_other() -> None:
    secret = new_secret()

    first = sign(secret=secret, message_id="a", timestamp=1, body=b"2.x")
    second = sign(secret=secret, message_id="a", timestamp=12, body=b".x")

    assert first != second
