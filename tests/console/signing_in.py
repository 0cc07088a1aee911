"""Staff who sign in, by the pages as browsers do it, and past them where a test is about other things."""

import re
import secrets
import time
from base64 import b32decode
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address
from uuid import uuid4

from django.test import Client

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.staff.models import StaffUser
from payments_project.staff.sign_in import second_factor
from payments_project.staff.sign_in.models import SignInCounter
from payments_project.staff.sign_in.session_store import SEEN_AT, SIGN_IN
from tests.console.acting import audit_of

LOGIN, CODE, ENROL = "/admin/login/", "/admin/login/code/", "/admin/login/enrol/"
PASSWORD = "grouts & plumply"
NOW = datetime(2026, 11, 26, 12, 0, 10, tzinfo=UTC)


def staff(**details) -> StaffUser:
    name = uuid4().hex
    details = {"is_staff": True, "is_superuser": True, **details}
    StaffUser.objects.create_user(username=name, password=PASSWORD, **details)
    return StaffUser.objects.get(username=name)


def browser() -> Client:
    """A browser at an address that no other test has."""
    # As the database writes it: without leading zeros.
    address = IPv6Address(f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1").compressed
    return Client(REMOTE_ADDR=address)


def enrolled(user: StaffUser) -> tuple[bytes, list[str]]:
    """A second factor that was set up a while ago, so that the code of now is still unused."""
    secret = second_factor.new_secret()
    then = datetime.now(UTC) - timedelta(minutes=5)
    codes = run_in_transaction(
        lambda: second_factor.enrol(
            user=user, secret=secret, code=second_factor.code_at(secret, then),
            request=None, now=then,
        )
    )  # fmt: skip
    return secret, codes


def code_now(secret: bytes) -> str:
    return second_factor.code_at(secret, datetime.now(UTC))


def wrong_code(secret: bytes) -> str:
    """Six digits that are right at no time near now."""
    now = datetime.now(UTC)
    near = {second_factor.code_at(secret, now + timedelta(seconds=30 * k)) for k in range(-4, 5)}
    return next(code for code in (f"{n:06}" for n in range(100)) if code not in near)


def give_password(client: Client, user: StaffUser, password: str = PASSWORD, **more):
    return client.post(LOGIN, {"username": user.username, "password": password, **more})


def text_of(response) -> str:
    return response.content.decode().replace("&#x27;", "'")


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def actions_on(user: StaffUser) -> list[str]:
    return [entry.action.removeprefix("staff_user.") for entry in audit_of(user.pk)]


def forget_locks(user: StaffUser) -> None:
    """The time that a lock takes, gone by."""
    SignInCounter.objects.filter(key__startswith=str(user.pk)).update(
        locked_until=datetime.now(UTC) - timedelta(seconds=1)
    )


def pending(user: StaffUser) -> Client:
    """A browser that has given the password and nothing else."""
    client = browser()
    answer = give_password(client, user)
    assert answer.headers["Location"] == CODE
    return client


def second_factor_words(answer) -> bool:
    return "That code is wrong, too old, or was used before" in text_of(answer)


def begin_enrolment(client: Client, user: StaffUser) -> bytes:
    assert give_password(client, user).headers["Location"] == ENROL
    return offered_secret(client.get(ENROL))


def offered_secret(page) -> bytes:
    typed = re.search(r'id="typed-secret">([A-Z2-7 ]+)<', text_of(page))[1]
    return b32decode(typed.replace(" ", ""))


def signed_in(user: StaffUser, *, client: Client | None = None, factor: str = "totp") -> Client:
    """Django's ``force_login``, and the mark that password and second factor were shown: without it
    the console takes a login for none."""
    client = client or Client()
    client.force_login(user)
    session = client.session
    now = int(time.time())
    session[SIGN_IN] = {"at": now, "factor": factor, "ip": "127.0.0.1"}
    session[SEEN_AT] = now
    session.save()
    client.user = user
    return client
