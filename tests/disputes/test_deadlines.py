"""Deadlines: reminders seven, three and one day before, and what becomes of a dispute after."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from disputes.models import Dispute, DisputeOperation
from disputes.services.audit_books import audit_books
from disputes.services.close_overdue_disputes import close_overdue_disputes
from disputes.services.dispute_acts import complete
from disputes.services.remind_of_disputes import remind_of_disputes
from merchants.models import MerchantNotice
from payments_project.events.models import Event
from payments_project.idempotency.replies import NoReplies
from tests.api_client import Api
from tests.disputes.disputing import answer, disputed, due
from tests.disputes.test_answers import submit_by_service
from tests.gateway_messages import told
from tests.threads import at_once
from tests.transactions.gateway_doubles import scripted
from transactions.balances import fold_balances
from transactions.gateways.interface import GatewayResult, Outcome


def today() -> date:
    return datetime.now(UTC).date()


def reminders(dispute: dict[str, Any]) -> list[int]:
    """The days that were left, as events tell, each with its letter."""
    events = Event.objects.filter(aggregateid=dispute["id"], type="dispute.due_soon")
    days = [event.payload["object"]["days_left"] for event in events.order_by("sequence")]
    letters = MerchantNotice.objects.filter(object_id=dispute["id"], kind="dispute_due_soon")
    assert [row.context["days_left"] for row in letters.order_by("id")] == days
    return days


def test_reminders_come_seven_three_and_one_day_before_each_once(api: Api) -> None:
    dispute = disputed(api)
    due(dispute, today() + timedelta(days=8))

    seen = []
    for day in range(9):
        for _ in range(2):
            remind_of_disputes(today=today() + timedelta(days=day))
        seen.append(list(reminders(dispute)))

    assert seen == [[], [7], [7], [7], [7], [7, 3], [7, 3], [7, 3, 1], [7, 3, 1]]


@pytest.mark.parametrize(("days", "first"), [(7, 7), (5, 5), (3, 3), (2, 2), (1, 1), (0, 0)])
def test_of_reminders_that_are_due_at_once_the_nearest_is_given(
    api: Api, days: int, first: int
) -> None:
    dispute = disputed(api)
    due(dispute, today() + timedelta(days=days))

    at_once(3, lambda _: remind_of_disputes())

    assert reminders(dispute) == [first]


def test_answered_and_overdue_disputes_are_not_reminded_of(api: Api) -> None:
    answered, late = disputed(api), disputed(api)
    answer(api, answered, {"evidence": {"customer_name": "Ada"}, "submit": True})
    due(answered, today() + timedelta(days=1))
    due(late, today() - timedelta(days=1))

    remind_of_disputes()

    assert reminders(answered) == reminders(late) == []
    due(late, today() + timedelta(days=30))


def test_a_day_that_the_gateway_puts_off_is_told_of_anew(api: Api) -> None:
    dispute = disputed(api)
    due(dispute, today() + timedelta(days=1))
    remind_of_disputes()
    later = today() + timedelta(days=6)
    name = Dispute.objects.get(pk=dispute["id"]).gateway_dispute_id

    message = told("dispute.updated", dispute=name, due_date=later.isoformat())

    assert message.outcome == f"dispute {dispute['id']} is open"
    assert api.get(f"/v1/disputes/{dispute['id']}").json()["due_date"] == later.isoformat()
    remind_of_disputes()
    assert reminders(dispute) == [1, 6]


def test_the_gateway_names_the_day(api: Api) -> None:
    day = today() + timedelta(days=21)
    assert disputed(api, due_date=day)["due_date"] == day.isoformat()


@pytest.mark.parametrize(
    ("kind", "status"), [("chargeback", "lost"), ("inquiry", "warning_closed")]
)
def test_what_nobody_answers_is_closed_when_its_last_day_is_over(
    api: Api, kind: str, status: str
) -> None:
    dispute = disputed(api, dispute_type=kind)
    due(dispute, today())
    close_overdue_disputes()
    assert api.get(f"/v1/disputes/{dispute['id']}").json()["status"] == "open"
    due(dispute, today() - timedelta(days=1))

    at_once(3, lambda _: close_overdue_disputes())

    told_ = api.get(f"/v1/disputes/{dispute['id']}").json()
    assert told_["status"] == status
    assert told_["resolved_at"] is not None
    closed = Event.objects.filter(aggregateid=dispute["id"], type="dispute.closed")
    assert [event.actor_kind for event in closed] == ["system"]
    fold_balances()
    assert audit_books() == []


def test_what_was_sent_in_time_is_not_lost_while_the_gateway_is_silent(api: Api) -> None:
    dispute = disputed(api)
    due(dispute, today())
    with scripted(dispute["transaction"], submit_evidence=[GatewayResult(Outcome.UNKNOWN)]):
        submit_by_service(dispute)
    due(dispute, today() - timedelta(days=1))

    close_overdue_disputes()

    assert api.get(f"/v1/disputes/{dispute['id']}").json()["status"] == "open"
    due(dispute, today())
    complete(
        DisputeOperation.objects.get(dispute_id=dispute["id"]), key_id=None, replies=NoReplies()
    )
    assert api.get(f"/v1/disputes/{dispute['id']}").json()["status"] == "under_review"
