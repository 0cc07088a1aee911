"""Connections that stay open between sendings, and are closed by receivers meanwhile."""

import time

import pytest

from merchants.webhooks.sender import WebhookSender
from tests.merchants.webhooks.listeners import (
    OK,
    Connection,
    answer,
    answer_and_close,
    listening,
)
from tests.merchants.webhooks.one_sending import (
    TIMEOUT,
    response,
    send,
    takes_about_the_timeout,
)

pytestmark = pytest.mark.usefixtures("loopback_allowed")


def test_several_are_sent_by_one_connection(sender: WebhookSender) -> None:
    with listening() as listener:
        outcomes = [send(sender, listener.url) for _ in range(20)]

    assert {outcome.status for outcome in outcomes} == {200}
    assert (listener.connections, len(listener.requests)) == (1, 20)


@pytest.mark.parametrize("status", [400, 500])
def test_a_failure_keeps_the_connection(sender: WebhookSender, status: int) -> None:
    with listening(answer(response(status, body=b"no"))) as listener:
        for _ in range(3):
            send(sender, listener.url)

    assert listener.connections == 1


def test_each_request_has_the_whole_time(sender: WebhookSender) -> None:
    def act(connection: Connection) -> None:
        time.sleep(TIMEOUT / 2)
        OK(connection)

    with listening(act) as listener:
        outcomes = [send(sender, listener.url) for _ in range(4)]

    assert [outcome.status for outcome in outcomes] == [200, 200, 200, 200]
    assert listener.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_replaced(sender: WebhookSender) -> None:
    with listening(answer_and_close(response(200))) as listener:
        first = send(sender, listener.url)
        assert listener.ended.wait(5)
        time.sleep(0.05)
        second = send(sender, listener.url)

    assert (first.status, second.status) == (200, 200)
    assert (listener.connections, len(listener.requests)) == (2, 2)


def test_one_that_closes_just_when_the_connection_is_used_again(sender: WebhookSender) -> None:
    def act(connection: Connection) -> None:
        if connection.before:
            raise ConnectionAbortedError
        OK(connection)

    with listening(act) as listener:
        outcomes = [send(sender, listener.url) for _ in range(3)]

    # Sent once more each, by a connection of its own; its id is the same, so the receiver knows.
    assert [outcome.status for outcome in outcomes] == [200, 200, 200]
    assert (listener.connections, len(listener.requests)) == (3, 5)


def test_nonsense_by_an_old_connection_is_not_sent_again(sender: WebhookSender) -> None:
    def act(connection: Connection) -> None:
        if connection.before:
            connection.send(b"nonsense\r\n\r\n")
            raise ConnectionAbortedError
        OK(connection)

    with listening(act) as listener:
        outcomes = [send(sender, listener.url) for _ in range(2)]

    assert [outcome.error for outcome in outcomes] == [None, "response_invalid"]
    assert len(listener.requests) == 2


def test_what_is_sent_once_more_has_no_more_time(sender: WebhookSender) -> None:
    def act(connection: Connection) -> None:
        if connection.before:
            time.sleep(TIMEOUT * 0.7)
            raise ConnectionAbortedError
        if connection.number == 2:
            time.sleep(TIMEOUT)
        OK(connection)

    with listening(act) as listener:
        send(sender, listener.url)
        started = time.monotonic()
        outcome = send(sender, listener.url)

    assert outcome.error == "timeout"
    assert takes_about_the_timeout(started)


def test_what_comes_unasked_is_no_answer_to_the_next(sender: WebhookSender) -> None:
    # A second answer that lies ready would be taken for the next request's.
    forged = response(200, body=b"first") + response(200, body=b"forged")

    with listening(answer(forged)) as listener:
        first = send(sender, listener.url)
        second = send(sender, listener.url)

    assert (first.excerpt, second.excerpt) == ("first", "first")
    assert listener.connections == 2
