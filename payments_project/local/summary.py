"""What ``./dev up`` prints when it is ready: what to open, and a line that pays."""

import json
import secrets
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

from payments_project.local import stack
from payments_project.local.folder import DataFolder
from payments_project.local.terminal import note, say, seconds_text, styled, table

# The last words: a detached start is followed up to here.
END = "stops it."
_CARD = "4242424242424242"


def show(
    folder: DataFolder, credentials: dict[str, str], *, seconds: float, detached: bool
) -> None:
    """Addresses, login, keys, and a ``curl`` to paste."""
    url = credentials["base_url"]
    say()
    say(f"{styled('Ready', 'green')} in {seconds_text(seconds)}")
    say()
    login = f"{credentials.get('admin_username')} / {credentials.get('admin_password')}"
    rows = [
        ["Console", styled(credentials["admin_url"], "cyan"), login],
        ["API docs", styled(f"{url}/docs", "cyan"), ""],
        ["Secret key", credentials.get("test_key", ""), styled("test mode", "dim")],
        [
            "Publishable key",
            credentials.get("publishable_test_key", ""),
            styled("test mode", "dim"),
        ],
    ]
    table([[styled(name, "dim"), *rest] for name, *rest in rows])
    say()
    _show_payment(credentials)
    running = "Kafka and Elasticsearch are connected." if stack.running_stack(folder) else ""
    say(
        styled(
            f"All keys are in {folder.name}/credentials.json, logs in {folder.name}/logs.", "dim"
        )
    )
    if running:
        say(styled(running, "dim"))
    how = f"./dev down{folder.option}" if detached else "Ctrl-C"
    say(f"{styled(how, 'bold')} {styled(END, 'dim')}")
    say()


def payment_method(credentials: dict[str, str]) -> str:
    """A card's token to pay with: the one of an earlier start, or a new one; empty on failure."""
    known = credentials.get("payment_method")
    if known and _call(credentials, f"/v1/payment_methods/{known}").get("is_active"):
        return known
    body = {
        "type": "card",
        "card": {"number": _CARD, "exp_month": 12, "exp_year": datetime.now(UTC).year + 4},
    }
    return str(_call(credentials, "/v1/payment_methods", body).get("id", ""))


def _show_payment(credentials: dict[str, str]) -> None:
    token = credentials["payment_method"]
    if not token:
        note("A card could not be tokenised: see the log of web.")
        say()
        return
    body = json.dumps({"amount": 4200, "currency": "USD", "payment_method": token})
    say(styled("Take a payment of 42 dollars:", "dim"))
    say()
    for line in (
        f"curl -sw '\\n' {credentials['base_url']}/v1/transactions \\",
        f"  -H 'Authorization: Bearer {credentials['test_key']}' \\",
        "  -H 'Content-Type: application/json' \\",
        # New at each start: of an earlier one, the card may have been another.
        f"  -H 'Idempotency-Key: order-{secrets.token_hex(4)}' \\",
        f"  -d '{body}'",
    ):
        print(f"    {line}", flush=True)
    say()


def _call(credentials: dict[str, str], path: str, body: Any = None) -> dict[str, Any]:
    """A call as the demo's merchant; an empty answer if it did not succeed."""
    request = urllib.request.Request(  # noqa: S310
        f"{credentials['base_url']}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {credentials.get('test_key')}",
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except (OSError, ValueError, urllib.error.HTTPError):
        return {}
