"""The demo merchant: sixty days of business that the auditor accepts, made once."""

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from django.core.management import call_command
from django.db.models import Count, Min, Sum

from analytics.demo import today
from analytics.management.commands.seed_demo import APPLICANT, DEMO_EMAIL, OTHER_EMAIL
from analytics.models import DailyTransactionSummary, MerchantMonthlyStats
from disputes.models import Dispute, Refund
from disputes.services.audit_books import audit_books
from merchants.models import ApiKey, Customer, Merchant
from payments_project.models import AuditEntry, IdempotencyKey, StaffUser
from payments_project.tenancy import Scope
from tests.payments_project.events.holding import faults_in
from tests.server import ROOT, Server
from transactions.balances import fold_balances, read_balances
from transactions.models import GatewayOperation, SimulatorCallback, SimulatorCharge, Transaction
from transactions.states import SUCCESSFUL
from vault.models import PaymentMethod

PAYMENTS = 240


@pytest.fixture(scope="module")
def output(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "credentials.json"
    call_command("seed_demo", output=path, payments=PAYMENTS)
    return path


@pytest.fixture
def demo(output: Path) -> Merchant:
    return Merchant.objects.get(email=DEMO_EMAIL)


def test_books_of_the_demo_balance(output: Path) -> None:
    fold_balances()

    assert audit_books() == []


def test_dashboards_show_the_demo_at_once(demo: Merchant) -> None:
    summaries = DailyTransactionSummary.objects.filter(merchant=demo)
    counted = summaries.aggregate(
        payments=Sum("transaction_count"),
        gross=Sum("gross_amount"),
        refunded=Sum("refunded_amount"),
    )
    payments = Transaction.objects.filter(merchant=demo)
    refunds = Refund.objects.filter(merchant=demo, status="succeeded")

    assert counted == {
        "payments": payments.count(),
        "gross": payments.filter(status__in=SUCCESSFUL).aggregate(Sum("captured_amount"))[
            "captured_amount__sum"
        ],
        "refunded": refunds.aggregate(Sum("amount"))["amount__sum"],
    }
    assert MerchantMonthlyStats.objects.filter(merchant_id=demo.pk).exists()


def test_every_environment_has_its_payments(demo: Merchant) -> None:
    counts = dict(
        Transaction.objects.filter(merchant=demo)
        .values_list("environment")
        .annotate(Count("id"))
        .order_by()
    )

    assert counts == {"test": PAYMENTS + today.PAYMENTS, "live": PAYMENTS // 2}


def test_payments_are_spread_over_sixty_days_and_none_lies_ahead(demo: Merchant) -> None:
    now = datetime.now(UTC)
    moments = list(
        Transaction.objects.filter(merchant=demo, environment="test").values_list(
            "created_at", flat=True
        )
    )

    assert now - timedelta(days=61) <= min(moments) <= now - timedelta(days=50)
    assert now - timedelta(days=3) <= max(moments) <= now
    assert len({moment.date() for moment in moments}) > 40


def test_history_tells_every_kind_of_end(demo: Merchant) -> None:
    statuses = set(Transaction.objects.filter(merchant=demo).values_list("status", flat=True))

    assert {"succeeded", "failed", "refunded", "disputed"} <= statuses
    assert Refund.objects.filter(merchant=demo).count() > 5
    assert Dispute.objects.filter(merchant=demo).exists()
    assert any(
        balance.available > 0 and balance.pending > 0
        for balance in read_balances(Scope(demo.pk, "test"))
    )


def test_today_leaves_what_a_history_can_not(demo: Merchant) -> None:
    keys = IdempotencyKey.objects.filter(merchant_id=demo.pk)
    operations = GatewayOperation.objects.filter(transaction__merchant=demo)
    act = AuditEntry.objects.get(action="api_key.revoked", merchant_id=demo.pk)

    assert set(keys.values_list("recovery_point", flat=True)) == {"finished"}
    assert set(operations.values_list("kind", "status")) == {
        ("capture", "succeeded"),
        ("void", "succeeded"),
    }
    assert SimulatorCallback.objects.exists()
    assert act.staff_user.username == "admin"
    assert "ticket 1042" in act.reason


def test_events_of_the_history_lie_in_its_time(demo: Merchant) -> None:
    from payments_project.models import Event

    first = Event.objects.filter(
        merchant_id=demo.pk, aggregatetype="transaction", environment="test"
    ).aggregate(Min("created_at"))["created_at__min"]

    assert first < datetime.now(UTC) - timedelta(days=50)


def test_every_event_is_as_its_schema_says(output: Path) -> None:
    from payments_project.models import Event

    merchants = Merchant.objects.filter(email__in=(DEMO_EMAIL, OTHER_EMAIL, APPLICANT))
    events = Event.objects.filter(merchant_id__in=merchants.values("pk"))
    written = set(events.filter(request_id=None).values_list("type", "environment"))

    # Of the history's own writing there is every kind, and in both environments.
    for kind in ("customer.created", "payment_method.created", "transaction.failed"):
        assert {(kind, "test"), (kind, "live")} <= written
    assert {"refund.succeeded", "dispute.closed"} <= {kind for kind, _ in written}
    assert faults_in(events.iterator()) == set()


def test_keys_in_the_file_work_and_nobody_else_reads_it(output: Path, server: Server) -> None:
    credentials = json.loads(output.read_text())

    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    for name in ("test_key", "live_key", "other_merchant_test_key"):
        headers = {"Authorization": f"Bearer {credentials[name]}"}
        assert httpx.get(f"{server.url}/v1/balance", headers=headers).status_code == 200
    headers = {"Authorization": f"Bearer {credentials['publishable_test_key']}"}
    assert httpx.get(f"{server.url}/v1/balance", headers=headers).status_code == 403
    admin = StaffUser.objects.get(username=credentials["admin_username"])
    assert admin.check_password(credentials["admin_password"])


def test_seeding_again_changes_nothing(output: Path, demo: Merchant) -> None:
    credentials = output.read_text()
    payments = Transaction.objects.filter(merchant=demo).count()
    keys = ApiKey.objects.count()

    call_command("seed_demo", output=output, payments=PAYMENTS)

    assert output.read_text() == credentials
    assert Transaction.objects.filter(merchant=demo).count() == payments
    assert ApiKey.objects.count() == keys
    assert Merchant.objects.filter(email=DEMO_EMAIL).count() == 1


def test_production_refuses_demo_data() -> None:
    merchants = Merchant.objects.count()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "payments_project.settings.production",
        "ALLOWED_HOSTS": "pay.example.com",
        "PUBLIC_URL": "https://pay.example.com",
        "PII_KEYS": os.environ["VAULT_KEYS"],
    }

    ended = subprocess.run(
        [sys.executable, "manage.py", "seed_demo"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode != 0
    assert "production" in ended.stderr
    assert Merchant.objects.count() == merchants


def test_steps_of_the_history_follow_each_other_with_their_own_states(demo: Merchant) -> None:
    from payments_project.models import Event

    now = datetime.now(UTC)
    stories: dict[str, list[Event]] = {}
    for event in Event.objects.filter(
        merchant_id=demo.pk,
        aggregatetype__in=("refund", "dispute"),
        # Today's have the key of the request that caused them.
        idempotency_key=None,
    ).order_by("sequence"):
        stories.setdefault(event.aggregateid, []).append(event)

    for steps in stories.values():
        moments = [step.created_at for step in steps]
        assert moments == sorted(set(moments))
        assert moments[-1] < now - timedelta(seconds=1)
        first = steps[0].payload["object"]["status"]
        if steps[0].type == "refund.created":
            assert first == "pending"
        else:
            assert first == "open"
            assert {step.actor_kind for step in steps if "evidence" not in step.type} == {"gateway"}


def test_disputes_under_review_have_evidence_and_decided_ones_took_their_time(
    demo: Merchant,
) -> None:
    for dispute in Dispute.objects.filter(merchant=demo):
        answered = dispute.evidence_submitted_at
        assert (dispute.status in ("under_review", "won")) <= (answered is not None)
        assert bool(dispute.evidence) == (answered is not None)
        if dispute.resolved_at:
            assert dispute.resolved_at > (answered or dispute.created_at) + timedelta(hours=1)


def test_payers_are_there_before_they_pay_and_know_what_they_paid(demo: Merchant) -> None:
    for customer in Customer.objects.filter(merchant=demo):
        payments = Transaction.objects.filter(customer=customer)
        good = payments.filter(status__in=SUCCESSFUL)
        card = PaymentMethod.objects.get(customer_id=customer.pk)
        moments = list(payments.order_by("created_at").values_list("created_at", flat=True))

        assert customer.created_at < card.created_at < moments[0]
        assert card.last_used_at == moments[-1]
        assert customer.total_transactions == good.count() > 0
        assert customer.first_transaction_at == good.earliest("created_at").created_at
        assert customer.last_transaction_at == good.latest("created_at").created_at
        paid = dict(good.values_list("currency").annotate(Sum("captured_amount")).order_by())
        assert dict(customer.totals.values_list("currency", "amount")) == paid
        assert customer.total_amount == paid.get("USD", 0)


def test_declined_charges_have_the_scenario_that_declines(demo: Merchant) -> None:
    declined = SimulatorCharge.objects.filter(
        reference__in=Transaction.objects.filter(merchant=demo, status="failed").values("pk")
    )

    assert declined.exists()
    assert all(charge.scenario == charge.decline_code for charge in declined)
