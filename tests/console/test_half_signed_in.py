"""Nothing of the console answers before the second factor is shown."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.console.signing_in import (
    CODE,
    ENROL,
    LOGIN,
    browser,
    enrolled,
    give_password,
    is_in,
    signed_in,
    staff,
)

NO_OBJECT = "01a20911-0000-7000-8000-000000000000"


def console_addresses() -> Iterator[str]:
    """Every address that the console registers, with something for each of its parts."""

    def walk(patterns, prefix):
        for pattern in patterns:
            text = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, text)
            elif isinstance(pattern, URLPattern):
                yield text

    (console,) = [
        entry
        for entry in get_resolver().url_patterns
        if isinstance(entry, URLResolver) and entry.app_name == "admin"
    ]
    for text in walk(console.url_patterns, "/admin/"):
        address = re.sub(r"<[^>]+>", NO_OBJECT, re.sub(r"\(\?P<[^>]+>\^?[^)]*\)", "auth", text))
        yield re.sub(r"[\^$]", "", address)


OPEN = {LOGIN, CODE, ENROL}
GUARDED = sorted(set(console_addresses()) - OPEN)


def test_every_registered_model_is_among_the_guarded_addresses():
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert base in GUARDED
    assert len(GUARDED) > 4 * len(admin.site._registry)


@pytest.fixture(scope="module")
def half_way(django_db_setup, django_db_blocker) -> Iterator[dict[str, Client]]:
    """Browsers that are nearly signed in, each in its own way."""
    before, settings.STAFF_SECOND_FACTOR = settings.STAFF_SECOND_FACTOR, "required"
    try:
        with django_db_blocker.unblock():
            has_one, has_none = staff(), staff()
            enrolled(has_one)
            password_given, enrolling, logged_in = browser(), browser(), browser()
            give_password(password_given, has_one)
            give_password(enrolling, has_none)
            enrolling.get(ENROL)
            logged_in.force_login(has_one)
            yield {
                "a stranger": browser(),
                "the password was given": password_given,
                "enrolling": enrolling,
                "logged in by Django alone": logged_in,
                "signed in by password alone": signed_in(has_one, factor="none"),
            }
    finally:
        settings.STAFF_SECOND_FACTOR = before


@pytest.mark.parametrize("address", GUARDED)
def test_no_address_answers_before_the_second_factor(half_way, second_factor_required, address):
    for who, client in half_way.items():
        for answer in (client.get(address), client.post(address, {"reason": "x"})):
            assert answer.status_code in (302, 404), (who, address, answer.status_code)
            if answer.status_code == 302:
                assert answer.headers["Location"].startswith((LOGIN, "/admin/")), (who, address)
                assert answer.content == b""
            assert b"Sign out" not in answer.content
        assert not is_in(client)
