"""E-mails to merchants: written with what they tell, sent once, tried again while a mail server
is away. The mail server is a real one."""

import email
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from merchants.models import MerchantNotice
from merchants.services.notify import notify_merchant
from merchants.services.send_notices import ATTEMPTS_MAX, send_notices
from tests.api_client import Api
from tests.disputes.disputing import disputed
from tests.merchants.making import MadeMerchant
from tests.threads import at_once

CONTEXT = {
    "dispute": "d-1", "transaction": "t-1", "dispute_type": "chargeback", "reason": "fraudulent",
    "amount": "$10.00", "status": "open", "due_date": "2026-12-10", "days_left": 3,
}  # fmt: skip


@dataclass
class MailServer:
    """As much of RFC 5321 as a client needs: it takes letters, and refuses as it is told."""

    listener: socket.socket
    letters: list[Message] = field(default_factory=list)
    answer: bytes = b"250 taken"

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 here\r\n")
            for line in lines:
                word = line.split(b" ")[0].strip().upper()
                if word == b"RCPT":
                    connection.sendall(self.answer + b"\r\n")
                elif word == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    letter = b"".join(iter(lines.readline, b".\r\n"))
                    self.letters.append(email.message_from_bytes(letter))
                    connection.sendall(b"250 taken\r\n")
                else:
                    connection.sendall(b"221 bye\r\n" if word == b"QUIT" else b"250 yes\r\n")


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = MailServer(listener)
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        # Only what these tests write is due.
        MerchantNotice.objects.filter(sent_at=None).update(sent_at=datetime.now(UTC))
        threading.Thread(target=server.serve, daemon=True).start()
        yield server


def noticed(merchant: MadeMerchant, **more: Any) -> MerchantNotice:
    details = {
        "merchant_id": merchant.id, "environment": "live", "kind": "dispute_due_soon",
        "object_id": uuid4(), "occasion": "3", "context": CONTEXT, **more,
    }  # fmt: skip
    notify_merchant(**details)
    return MerchantNotice.objects.get(object_id=details["object_id"])


def make_due(notice: MerchantNotice) -> None:
    MerchantNotice.objects.filter(pk=notice.pk).update(next_attempt_at=datetime.now(UTC))


def test_a_notice_is_sent_once(merchant: MadeMerchant, mail: MailServer) -> None:
    notice = noticed(merchant)

    at_once(4, lambda _: send_notices())
    send_notices()

    (letter,) = mail.letters
    notice.refresh_from_db()
    assert notice.sent_at is not None
    assert letter["To"] == notice.merchant.email
    assert letter["Subject"] == "3 days left to answer the dispute over $10.00"
    assert letter["Message-ID"].startswith(f"<notice-{notice.pk}@")
    text = letter.get_payload()
    assert "Hello Corner Shop," in text
    assert "2026-12-10" in text
    assert "/v1/disputes/d-1" in text


def test_test_data_says_so(merchant: MadeMerchant, mail: MailServer) -> None:
    noticed(merchant, environment="test")
    send_notices()
    assert mail.letters[0]["Subject"].startswith("[Test] 3 days left")


def test_one_occasion_of_an_object_is_told_of_once(merchant: MadeMerchant) -> None:
    notice = noticed(merchant)
    for occasion in ("3", "1", "1"):
        noticed_again = {"object_id": notice.object_id, "occasion": occasion}
        notify_merchant(
            merchant_id=merchant.id, environment="live", kind=notice.kind, context=CONTEXT,
            **noticed_again,
        )  # fmt: skip
    assert MerchantNotice.objects.filter(object_id=notice.object_id).count() == 2


def test_a_notice_is_written_exactly_if_what_it_tells_is(merchant: MadeMerchant) -> None:
    object_id = uuid4()
    with transaction.atomic():
        noticed(merchant, object_id=object_id)
        transaction.set_rollback(True)
    assert not MerchantNotice.objects.filter(object_id=object_id).exists()


def test_while_the_mail_server_is_away_it_is_tried_again(
    merchant: MadeMerchant, mail: MailServer, settings: Any
) -> None:
    notice = noticed(merchant)
    settings.EMAIL_PORT = 1

    assert send_notices()["failed"] == 1
    assert send_notices() == {"sent": 0, "failed": 0}

    notice.refresh_from_db()
    assert (notice.sent_at, notice.gave_up_at, notice.attempts) == (None, None, 1)
    assert notice.last_error == "ConnectionRefusedError"
    assert notice.next_attempt_at > datetime.now(UTC)
    settings.EMAIL_PORT = mail.port
    make_due(notice)
    assert send_notices()["sent"] == 1
    assert len(mail.letters) == 1


def test_an_address_that_is_refused_is_given_up_and_stops_no_other(
    merchant: MadeMerchant, mail: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    refused = noticed(merchant)
    mail.answer = b"550 nobody of that name"
    send_notices()
    mail.answer = b"250 taken"
    noticed(merchant)
    send_notices()

    refused.refresh_from_db()
    assert refused.gave_up_at is not None
    assert refused.sent_at is None
    assert len(mail.letters) == 1
    # Neither the log nor the row has the address.
    assert refused.merchant.email not in caplog.text + str(refused.last_error)


def test_it_is_given_up_in_the_end(merchant: MadeMerchant, settings: Any, mail: MailServer) -> None:
    notice = noticed(merchant)
    settings.EMAIL_PORT = 1
    for _ in range(ATTEMPTS_MAX):
        make_due(notice)
        send_notices()
    notice.refresh_from_db()
    assert notice.attempts == ATTEMPTS_MAX
    assert notice.gave_up_at is not None


def test_a_notice_whose_template_is_missing_stops_no_other(
    merchant: MadeMerchant, mail: MailServer
) -> None:
    noticed(merchant, kind="no_such_letter")
    noticed(merchant)
    assert send_notices() == {"sent": 1, "failed": 1}


def test_a_dispute_is_told_of_by_e_mail(api: Api, mail: MailServer) -> None:
    dispute = disputed(api, amount=1234)
    api.post(f"/v1/disputes/{dispute['id']}/accept")

    send_notices()

    subjects = [letter["Subject"] for letter in mail.letters]
    assert subjects == [
        f"[Test] A payment of $12.34 is disputed: answer by {dispute['due_date']}",
        "[Test] The dispute over $12.34 is lost",
    ]
