"""What a browser is shown when a request to the console fails outside of its views."""

from http import HTTPStatus

import pytest
from django.test import Client

from payments_project.staff.models import StaffUser
from tests.console.signing_in import LOGIN, PASSWORD, is_in, signed_in, text_of


def test_form_without_its_token_is_refused_in_words(user: StaffUser) -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post(LOGIN, {"username": user.username, "password": PASSWORD})

    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "This form is too old" in text_of(answer)
    assert answer.headers["Request-Id"] in text_of(answer)
    assert "default-src" in answer.headers["Content-Security-Policy"]
    assert not is_in(client)


def test_fault_in_the_console_is_a_page(user: StaffUser, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: object) -> None:
        raise RuntimeError("of a secret")

    monkeypatch.setattr("payments_project.console.site.home_context", fail)
    client = signed_in(user)
    client.raise_request_exception = False

    answer = client.get("/admin/")

    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Something went wrong on our side" in text_of(answer)
    assert answer.headers["Request-Id"] in text_of(answer)
    assert "of a secret" not in text_of(answer)
