"""Staff with a browser, each with one role."""

import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Browser, Page

from payments_project.staff.models import StaffUser
from tests.browser.chromium import running_chromium
from tests.server import Server

PASSWORD = "six green bicycles"
# Nothing on a page may take longer, on a machine that others use too.
WAIT_MILLISECONDS = 30_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; its driver runs an event loop in this thread, which Django's ORM is told to bear."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with running_chromium() as running:
        yield running


@pytest.fixture
def at_work(browser: Browser, server: Server) -> Iterator[Callable[[str], Page]]:
    """``at_work("Support")``: the console as a new member of staff with that role sees it, signed
    in by the form."""
    contexts = []

    def sign_in(role: str) -> Page:
        name = f"{role.lower()}-{uuid4().hex[:8]}"
        StaffUser.objects.create_user(username=name, password=PASSWORD, is_staff=True)
        StaffUser.objects.get(username=name).groups.add(Group.objects.get(name=role))
        context = browser.new_context(
            base_url=server.url, viewport={"width": 1400, "height": 1000}, accept_downloads=True
        )
        context.set_default_timeout(WAIT_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.goto("/admin/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Needs somebody").wait_for()
        return page

    yield sign_in
    for context in contexts:
        context.close()
