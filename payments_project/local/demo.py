"""``./dev demo``: a walk through the whole API over HTTP, as the demo's merchant.

It prints what happened, checks every answer against the API's documentation, and ends with 1 if
one of them breaks it. It may be run again and again: it pays in a currency that is new to the
merchant while there is one, so that its balance is its own.
"""

import subprocess
import time
from collections.abc import Callable

import httpx

from payments_project.local import (
    demo_account,
    demo_money,
    demo_reports,
    demo_search,
    demo_webhooks,
)
from payments_project.local.demo_walk import Breach, Merchant, Walk
from payments_project.local.environment import Environment, inherited, manage
from payments_project.local.folder import ROOT, DataFolder, read_env
from payments_project.local.terminal import Problem, say, seconds_text, styled, table

# Unknown outcomes take half a minute to be settled: their payments are made first, and looked at last.
CHAPTERS: list[tuple[str, Callable[[Walk], None]]] = [
    ("Unknown outcomes begin", demo_money.unknown_outcomes_begin),
    ("Customers and cards", demo_account.customers_and_cards),
    ("Payments", demo_money.payments),
    ("Authorize, capture, cancel", demo_money.authorizations),
    ("Idempotency", demo_money.idempotency),
    ("Refunds", demo_money.refunds),
    ("Payments taken elsewhere", demo_money.recorded_payments),
    ("Disputes", demo_money.disputes),
    ("Payouts", demo_money.payouts),
    ("Webhooks", demo_webhooks.webhooks),
    ("API keys", demo_account.api_keys),
    ("Apart from others", demo_account.separation),
    ("Lists", demo_account.lists),
    ("Strict input", demo_account.strict_input),
    ("Erasure", demo_account.erasure),
    ("Unknown outcomes end", demo_money.unknown_outcomes_end),
    ("The books", demo_money.books),
    ("Reports", demo_reports.reports),
    ("Search", demo_search.search),
    ("Console and documentation", demo_account.console_and_docs),
]
# Two decimal places each, and none with a fixed fee in the demo merchant's terms.
_CURRENCIES = [
    "CHF",
    "NZD",
    "AUD",
    "CAD",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CZK",
    "RON",
    "BGN",
    "MXN",
    "BRL",
    "ZAR",
    "THB",
    "SGD",
    "HKD",
    "ILS",
    "TRY",
    "PHP",
    "MYR",
    "INR",
    "PEN",
    "ARS",
    "UYU",
    "DOP",
    "GTQ",
    "CRC",
    "BOB",
    "MAD",
    "EGP",
    "KES",
    "NGN",
    "GHS",
    "TZS",
    "AED",
    "SAR",
    "QAR",
    "GEL",
    "AMD",
    "AZN",
    "KZT",
    "UZS",
    "LKR",
    "BDT",
    "NPR",
]


def run_demo(*, data: str, base_url: str | None) -> int:
    """Walks every chapter; 0 if all of it holds. A breach ends its chapter, not the walk."""
    folder = DataFolder.named(data)
    credentials = _credentials(folder, base_url)
    started = time.monotonic()
    walk = Walk(
        credentials,
        Merchant(credentials["base_url"], credentials["test_key"]),
        Merchant(credentials["base_url"], credentials["other_merchant_test_key"]),
    )
    walk.currency = _new_currency(walk, folder)
    say()
    say(
        styled("A walk through the API", "bold")
        + styled(f" at {walk.base_url}, in {walk.currency}", "dim")
    )
    say(
        styled("Every line is an answer of the running service that was checked. It takes a", "dim")
    )
    say(styled("minute: gateways time out and banks confirm later, as they do.", "dim"))
    broken = [title for title, chapter in CHAPTERS if not _walk(title, chapter, walk)]
    if base_url is None and not _audit(folder):
        broken.append("Audit")
    say()
    time_taken = styled(seconds_text(time.monotonic() - started), "dim")
    if broken:
        say(f"{styled('✗ Broken', 'red')}: {', '.join(broken)}  {time_taken}")
    else:
        say(f"{styled('✓ All of it holds', 'green')}: {walk.checked} checks  {time_taken}")
        _look_around(walk)
    say()
    return 1 if broken else 0


def _credentials(folder: DataFolder, base_url: str | None) -> dict[str, str]:
    credentials: dict[str, str] = folder.read(folder.credentials_file.name)
    if not credentials:
        raise Problem(
            f"There are no keys in {folder.name}.",
            hint=f"Start it first:  ./dev up{folder.option}",
        )
    if base_url is not None:
        credentials["base_url"] = base_url.rstrip("/")
    return credentials


def _new_currency(walk: Walk, folder: DataFolder) -> str:
    try:
        balances = walk.answer(walk.merchant.get("/balance"))["balances"]
    except (httpx.TransportError, ValueError) as error:
        raise Problem(
            f"Nothing answers at {walk.base_url} ({type(error).__name__}).",
            hint=(
                "Start it first, in another terminal or with --detach:  "
                f"./dev up --detach{folder.option}"
            ),
        ) from error
    except Breach as breach:
        raise Problem("The demo's key does not work there.", log=str(breach)) from breach
    known = {balance["currency"] for balance in balances}
    return next((currency for currency in _CURRENCIES if currency not in known), _CURRENCIES[0])


def _walk(title: str, chapter: Callable[[Walk], None], walk: Walk) -> bool:
    started = time.monotonic()
    say()
    say(styled(title, "bold") + styled(f"  {_summary(chapter)}", "dim"))
    try:
        chapter(walk)
    except Breach as breach:
        first, *rest = str(breach).splitlines()
        say(f"  {styled('✗', 'red')} {first}")
        for line in rest:
            say(f"      {line}")
        return False
    except (httpx.TransportError, KeyError, ValueError) as error:
        say(f"  {styled('✗', 'red')} {type(error).__name__}: {error}")
        return False
    say(styled(f"  {seconds_text(time.monotonic() - started)}", "dim"))
    return True


def _look_around(walk: Walk) -> None:
    """Where a person finds what was just made."""
    place = f"{walk.base_url}/admin/transactions/transaction/{walk.remembered.get('paid')}/change/"
    names = ("admin_username", "admin_password")
    login = " / ".join(walk.credentials.get(name, "") for name in names)
    say()
    rows = [
        ["The first payment", styled(place, "cyan")],
        ["Login", login],
        ["The API", styled(f"{walk.base_url}/docs", "cyan")],
    ]
    table([[styled(name, "dim"), *rest] for name, *rest in rows])


def _summary(chapter: Callable[[Walk], None]) -> str:
    return (chapter.__doc__ or "").partition("\n")[0]


def _audit(folder: DataFolder) -> bool:
    """``manage.py audit_books`` on the same database: beside HTTP, from the rows themselves."""
    say()
    say(styled("Audit", "bold") + styled("  manage.py audit_books recomputes everything", "dim"))
    environment = Environment(folder, read_env(folder.env_file)).for_process("audit")
    done = subprocess.run(
        manage("audit_books", "--no-color"),
        check=False,
        cwd=ROOT,
        env=inherited(environment),
        capture_output=True,
        text=True,
    )
    for line in (done.stdout + done.stderr).splitlines()[-40:]:
        mark, _, check = line.strip().partition("  ")
        say(f"  {styled('✓', 'green')} {check}" if mark == "ok" else f"  {line.strip()}")
    return done.returncode == 0
