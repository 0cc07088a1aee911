"""The pictures in the docs, taken from a running start: ``python -m tests.browser.screenshots``.

Signs in with the credentials in the data folder (``.local``, or ``--data``), and writes
``docs/screenshots/``. What they show is the demo's business.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.chromium import running_chromium

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
WIDE, TALL, PHONE = (1280, 860), (1280, 1240), (390, 844)


def _first_of(list_address: str) -> Callable[[Page], None]:
    def open_it(page: Page) -> None:
        page.goto(list_address)
        page.locator("#result_list tbody tr").first.get_by_role("link").first.click()
        page.wait_for_load_state()

    return open_it


def _at(address: str) -> Callable[[Page], None]:
    return lambda page: page.goto(address) and None


DASHBOARD = "/admin/analytics/dailytransactionsummary/dashboard/"
FIND_PAYMENTS = "/admin/analytics/searchindex/find-payments/"


def _merchant(tab: str) -> Callable[[Page], None]:
    def open_it(page: Page) -> None:
        page.goto("/admin/merchants/merchant/?status=pending")
        page.locator("#result_list tbody tr").first.get_by_role("link").first.click()
        page.wait_for_load_state()
        if tab:
            page.goto(f"{page.url.partition('?')[0]}?tab={tab}")

    return open_it


PICTURES: tuple[tuple[str, Callable[[Page], None], tuple[int, int], str], ...] = (
    ("home", _at("/admin/"), WIDE, "light"),
    ("home-dark", _at("/admin/"), WIDE, "dark"),
    ("home-phone", _at("/admin/"), PHONE, "light"),
    ("dashboard", _at(f"{DASHBOARD}?environment=test"), TALL, "light"),
    ("dashboard-dark", _at(f"{DASHBOARD}?environment=test&period=90d"), TALL, "dark"),
    (
        "find-payments",
        _at(f"{FIND_PAYMENTS}?environment=live&merchant=owner@blue-heron.example&last_four=4242"),
        WIDE,
        "light",
    ),
    ("payments", _at("/admin/transactions/transaction/?environment=live"), WIDE, "light"),
    (
        "payment",
        _first_of("/admin/transactions/transaction/?environment=live&status=succeeded"),
        WIDE,
        "light",
    ),
    ("dispute", _first_of("/admin/disputes/dispute/?environment=live&status=open"), WIDE, "light"),
    ("approval", _first_of("/admin/payments_project/approval/?status=pending"), WIDE, "light"),
    ("onboarding", _merchant(""), WIDE, "light"),
    ("payouts", _at("/admin/transactions/payout/"), WIDE, "light"),
    ("audit", _at("/admin/payments_project/auditentry/"), WIDE, "light"),
)


def take(data: Path) -> None:
    """Takes all pictures; raises ``FileNotFoundError`` where no start has written credentials."""
    known = json.loads((data / "credentials.json").read_text())
    FOLDER.mkdir(exist_ok=True)
    with running_chromium() as browser:
        for name, open_it, (width, height), scheme in PICTURES:
            context = browser.new_context(
                base_url=known["base_url"],
                viewport={"width": width, "height": height},
                color_scheme=scheme,
            )
            page = context.new_page()
            page.goto("/admin/login/")
            page.get_by_label("Username").fill(known["admin_username"])
            page.get_by_label("Password").fill(known["admin_password"])
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/admin/")
            open_it(page)
            page.screenshot(path=FOLDER / f"{name}.png")
            context.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".local"))
    take(parser.parse_args().data)
