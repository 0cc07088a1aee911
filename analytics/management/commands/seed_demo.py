"""``./manage.py seed_demo``: the demo merchants, their keys and history, and a staff login.

Safe to run again: what is there stays, and so do the keys in the output file. Under production
settings it refuses: it makes a superuser and prints secret keys.
"""

import json
import secrets
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.demo.history import write_history
from analytics.demo.payers import make_payers
from analytics.demo.payouts import open_payout_accounts, pay_out_history
from analytics.demo.today import do_business
from analytics.services.refresh_monthly_stats import refresh_monthly_stats
from analytics.services.roll_up_hours import DAYS_KEPT, roll_up_hours
from analytics.services.roll_up_whole_days import first_day_with_payments, roll_up_whole_days
from merchants.models import Merchant
from merchants.onboarding import ticked_items
from merchants.services.approve_merchant import tick_item
from merchants.services.create_api_key import create_api_key
from merchants.services.create_merchant import create_merchant
from merchants.terms import CREDITS_RECORDED, get_terms
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.models import StaffUser
from payments_project.tenancy import ENVIRONMENTS, LIVE, TEST, Scope
from transactions.services.settle import settle_due

DEMO_EMAIL = "owner@blue-heron.example"
OTHER_EMAIL = "owner@northwind.example"
APPLICANT = "owner@tandem.example"
ADMIN = "admin"
FEES = {
    "percent_bps": 290,
    "fixed": {"USD": 30, "EUR": 30, "GBP": 20},
    "brands": {"amex": {"percent_bps": 350, "fixed": {"USD": 30, "EUR": 30, "GBP": 20}}},
    "dispute": {"USD": 1500, "EUR": 1500, "GBP": 1500},
}


class Command(BaseCommand):
    help = "Make the demo merchants with their history, keys and a staff login; safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, help="write keys and login to this JSON file")
        parser.add_argument("--payments", type=int, default=400, help="payments of history")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("Demo data are not made under production settings.")
        output: Path | None = options["output"]
        known = json.loads(output.read_text()) if output and output.is_file() else {}
        demo, is_new = self._merchant("Blue Heron Coffee Roasters", DEMO_EMAIL)
        other, _ = self._merchant("Northwind Books", OTHER_EMAIL)
        self._applicant()
        credentials = {
            "admin_username": ADMIN,
            "admin_password": known.get("admin_password") or self._staff_login(),
            "test_key": known.get("test_key") or self._key(demo, "test"),
            "live_key": known.get("live_key") or self._key(demo, "live"),
            "publishable_test_key": known.get("publishable_test_key")
            or self._key(demo, "test", key_type="publishable"),
            "other_merchant_test_key": known.get("other_merchant_test_key")
            or self._key(other, "test"),
        }
        if is_new:
            for environment in ENVIRONMENTS:
                open_payout_accounts(Scope(demo.pk, environment))
            count = sum(
                self._history(demo, environment, options["payments"])
                for environment in ENVIRONMENTS
            )
            count += do_business(
                merchant=demo,
                key=credentials["test_key"],
                staff=StaffUser.objects.get(username=ADMIN),
            )
            settle_due()
            pay_out_history(Scope(demo.pk, LIVE))
            self._compute_summaries()
            self.stdout.write(f"  {count} payments over the last 60 days")
        if output:
            output.write_text(json.dumps(known | credentials, indent=2) + "\n")
            output.chmod(0o600)
        else:
            self.stdout.write(json.dumps(credentials, indent=2))

    def _compute_summaries(self) -> None:
        """What dashboards show, so that nobody has to wait for the clock."""
        first = first_day_with_payments()
        if first is not None:
            for _ in roll_up_whole_days(first=first, last=datetime.now(UTC).date()):
                pass
        refresh_monthly_stats()
        roll_up_hours(hours=24 * DAYS_KEPT)

    def _applicant(self) -> None:
        """An account that waits for approval, with part of its checklist done."""
        if Merchant.objects.filter(email=APPLICANT).exists():
            return
        applicant = create_merchant(
            actor=SYSTEM,
            business_name="Tandem Bicycle Works",
            legal_name="Tandem Bicycle Works Inc.",
            business_type="corporation",
            tax_id="84-1234567",
            email=APPLICANT,
            website="https://tandem.example",
            address={"line1": "7 Mill Road", "city": "Boulder", "country": "US"},
        )
        self._tick(applicant, {"identity", "website"})

    def _tick(self, merchant: Merchant, items: set[str]) -> None:
        for item in items:
            run_in_transaction(
                partial(
                    tick_item, merchant_id=merchant.pk, item=item, note="Demo data", actor=SYSTEM
                )
            )

    def _merchant(self, name: str, email: str) -> tuple[Merchant, bool]:
        found = Merchant.objects.filter(email=email).first()
        if found is not None:
            return found, False
        merchant = create_merchant(
            actor=SYSTEM,
            business_name=name,
            legal_name=f"{name} LLC",
            business_type="llc",
            email=email,
            website=f"https://{email.split('@')[1]}",
            address={"line1": "1 Harbour Street", "city": "Portland", "country": "US"},
            status="active",
            verification_status="verified",
            fee_structure=FEES,
            tax_id="98-7654321",
            processing_config={CREDITS_RECORDED: True},
        )
        self._tick(merchant, {item.name for item in ticked_items()})
        return merchant, True

    def _key(self, merchant: Merchant, environment: str, key_type: str = "secret") -> str:
        permissions = ("*",) if key_type == "secret" else ()
        _, key = run_in_transaction(
            lambda: create_api_key(
                scope=Scope(merchant.pk, environment),
                actor=SYSTEM,
                name="Demo",
                key_type=key_type,
                permissions=permissions,
            )
        )
        return key

    def _staff_login(self) -> str:
        password = secrets.token_urlsafe(12)
        user, _ = StaffUser.objects.get_or_create(
            username=ADMIN,
            defaults={"email": "admin@example.com", "is_staff": True, "is_superuser": True},
        )
        user.set_password(password)
        user.save(update_fields=["password"])
        return password

    def _history(self, merchant: Merchant, environment: str, payments: int) -> int:
        scope = Scope(merchant.pk, environment)
        share = payments if environment == TEST else payments // 2
        seed = len(environment) * 1000 + share
        return run_in_transaction(
            lambda: write_history(
                scope=scope,
                terms=get_terms(merchant.pk),
                payers=make_payers(scope=scope, seed=seed),
                payments=share,
                seed=seed,
            )
        )
