"""The figures on the home page."""

from datetime import UTC, datetime

from tests.api_client import Api
from transactions.admin.home import read_day
from transactions.models import Transaction


def figures_around(transaction: str) -> tuple[int, int, int]:
    """Succeeded, amount captured and count of the test payments on the day of ``transaction``."""
    created = Transaction.objects.get(pk=transaction).created_at.astimezone(UTC)
    slices = read_day(
        day=datetime(created.year, created.month, created.day, tzinfo=UTC), environment="test"
    )
    return (
        sum(part.succeeded for part in slices),
        sum(part.captured for part in slices),
        sum(part.count for part in slices),
    )


def test_a_payment_that_waits_for_its_confirmation_is_no_success_yet(api: Api) -> None:
    first = api.paid(amount=700)["id"]
    succeeded, captured, count = figures_around(first)

    waiting = api.pay("4000000000006033", amount=900).json()

    assert waiting["status"] == "captured"
    assert figures_around(first) == (succeeded, captured, count + 1)

    api.paid(amount=800)

    assert figures_around(first) == (succeeded + 1, captured + 800, count + 2)
