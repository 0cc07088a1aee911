"""Times the console's pages in a process of its own, through Django's handler and its middleware.

Run as ``python -m bench.console_timer``; the questions are ``prepare``, ``pages``, ``queries`` and
``time``. Pages are taken from the admin's registry, so that none is left out.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import django

django.setup()

from django.contrib import admin  # noqa: E402 (models need the setup)
from django.contrib.admin.views.main import PAGE_VAR  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client, RequestFactory  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import reverse  # noqa: E402

from analytics.services.roll_up_hours import DAYS_KEPT, roll_up_hours  # noqa: E402
from bench.tenants import make_tenants  # noqa: E402
from payments_project.console.keyset import OLDER, Position  # noqa: E402
from payments_project.console.panels import DASHBOARD  # noqa: E402
from payments_project.staff.models import StaffUser  # noqa: E402
from payments_project.staff.sign_in.session_store import SEEN_AT, SIGN_IN  # noqa: E402
from payments_project.tenancy import ENVIRONMENTS, TEST  # noqa: E402
from transactions.models import Transaction  # noqa: E402
from transactions.payout_models import PayoutAccount  # noqa: E402

DEEP_PAGE = 100


class Console:
    """A superuser's browser, which sees everything."""

    def __init__(self) -> None:
        self.user = StaffUser.objects.filter(username="bench").first()
        self.client = Client(headers={"host": "localhost"})
        if self.user is not None:
            self.client.force_login(self.user)
            # What signing in by its pages leaves in the session; without it a login is none.
            session = self.client.session
            now = int(time.time())
            session[SIGN_IN] = {"at": now, "factor": "totp", "ip": "127.0.0.1"}
            session[SEEN_AT] = now
            session.save()

    def prepare(self, count: int) -> dict[str, Any]:
        """Makes the superuser and so many merchants; their ids, and an encrypted word in hex."""
        StaffUser.objects.create_superuser(username="bench", password=None)
        self.__init__()  # type: ignore[misc]
        merchants = [str(tenant.merchant_id) for tenant in make_tenants(count=count, cards_each=0)]
        field = PayoutAccount._meta.get_field("holder_name")
        secret: Any = field.get_db_prep_save("Bench", connection)
        return {
            "staff": str(self.user.pk),  # type: ignore[union-attr]
            "merchants": merchants,
            "secret": bytes(secret.obj).hex(),
        }

    def pages(self) -> list[dict[str, str]]:
        """Every page that is measured: its name, its list's table, its address.

        The hours are rolled up first, as the worker does every minute.
        """
        roll_up_hours(hours=24 * DAYS_KEPT)
        found = [
            {"name": f"home, {name}", "table": "", "url": f"/admin/?environment={name}"}
            for name in ENVIRONMENTS
        ]
        for model, model_admin in admin.site._registry.items():  # noqa: SLF001
            table = model._meta.db_table
            for what, query in self._queries_of(model_admin):
                name = f"{model._meta.verbose_name_plural}, {what}"
                url = f"{_address(model)}{query}"
                found.append({"name": name, "table": table, "url": url})
            for _, name, _ in getattr(model_admin, "custom_urls", ()):
                # The payments are test payments.
                url = f"{reverse(f'admin:{name}')}?environment={TEST}"
                found.append({"name": name.replace("_", " "), "table": "", "url": url})
        busiest = _busiest_merchant()
        page = reverse("admin:merchants_merchant_change", args=[busiest])
        whose = f"merchant={busiest}&environment={TEST}"
        addresses = {
            "dashboard, busiest merchant": f"{page}?tab={DASHBOARD}&environment={TEST}",
            "find payments, busiest merchant": f"{reverse('admin:find_payments')}?{whose}",
        }
        return [*found, *({"name": n, "table": "", "url": u} for n, u in addresses.items())]

    def queries(self, url: str) -> int:
        """How many statements the page takes, with everything warm."""
        self._get(url)
        with CaptureQueriesContext(connection) as captured:
            self._get(url)
        return len(captured)

    def times_ms(self, url: str, times: int) -> list[float]:
        """How long the whole page takes, rendered; milliseconds each."""
        found = []
        for _ in range(times):
            started = time.perf_counter()
            self._get(url)
            found.append((time.perf_counter() - started) * 1000)
        return found

    def _get(self, url: str) -> None:
        status = self.client.get(url).status_code
        if status != 200:
            raise RuntimeError(f"{url} answers {status}")

    def _queries_of(self, model_admin: Any) -> Iterator[tuple[str, str]]:
        yield "page 1", ""
        request = RequestFactory().get("/")
        request.user = self.user  # type: ignore[assignment]
        changelist = model_admin.get_changelist_instance(request)
        filtered = _a_filter(changelist)
        if filtered:
            yield f"filtered by {filtered[0]}", "?{}={}".format(*filtered)
        order = changelist.order
        before = (DEEP_PAGE - 1) * model_admin.list_per_page - 1
        # Of the rows that the list shows without a filter: some are left out.
        rows = changelist.queryset.order_by(*order.ordering(OLDER)).values_list(*order.names)
        place = rows[before : before + 1]
        if place:
            yield f"page {DEEP_PAGE}", f"?{PAGE_VAR}={Position(OLDER, tuple(place[0]))}"


def _busiest_merchant() -> UUID:
    """That of most of the newest payments."""
    newest = Transaction.objects.order_by("-pk").values_list("merchant_id", flat=True)[:1_000]
    return Counter(newest).most_common(1)[0][0]


def _a_filter(changelist: Any) -> tuple[str, str] | None:
    """A parameter of the list's first filter, with the newest row's value where it has one."""
    for spec in changelist.filter_specs:
        choice = next(iter(spec.choices(changelist)), None)
        if choice is None:
            continue
        name = choice["name"]
        if choice["kind"] == "date":
            return name, f"{datetime.now(UTC) - timedelta(days=60):%Y-%m-%d}"
        if choice["kind"] != "select":
            continue
        options = [str(value) for value, *_ in choice["options"]]
        rows = changelist.result_list
        newest = str(getattr(rows[0], name, "")) if rows else ""
        return name, newest if newest in options else options[0]
    return None


def _address(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def main() -> None:
    """Answers until the input ends."""
    console = Console()
    for line in sys.stdin:
        question: dict[str, Any] = json.loads(line)
        does: dict[str, Callable[..., Any]] = {
            "prepare": console.prepare,
            "pages": console.pages,
            "queries": console.queries,
            "time": console.times_ms,
        }
        answer = does[question.pop("do")](**question)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
