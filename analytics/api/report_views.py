"""Reports over HTTP."""

from typing import Any, ClassVar

from rest_framework.request import Request

from analytics.api.report_csv import ReportFile, file_response
from analytics.api.report_lists import ReportList
from analytics.api.report_objects import (
    BalanceChanges,
    BalanceLine,
    BalanceReportObject,
    BucketReport,
    DailyFeesObject,
    DailySettlementObject,
    DailySummaryObject,
    MonthlyDisputesObject,
    MonthlyStatsObject,
)
from analytics.api.report_queries import (
    DailySummaryQuery,
    FeeQuery,
    LedgerQuery,
    MonthQuery,
    ReportListQuery,
    ReportQuery,
    SettlementQuery,
)
from analytics.reports.balance import read_balance_report
from analytics.reports.daily_summaries import place_of_summary, read_daily_summaries
from analytics.reports.disputes import read_monthly_disputes
from analytics.reports.fees import read_daily_fees
from analytics.reports.monthly_stats import read_monthly_stats
from analytics.reports.settlements import read_daily_settlements
from payments_project.api.openapi import Content, ListOf, Operation
from payments_project.api.views import ApiView

CSV = Content(("text/csv",), "With `format=csv`: all rows as a file.")


class ReportView(ApiView):
    """A report: as JSON, or as a file."""

    permissions_required: ClassVar[dict[str, str]] = {"GET": "reports:read"}

    def as_file(self, file: ReportFile, name: str, query: ReportQuery) -> Any:
        """``file`` as the answer, named for what is in it."""
        currency = [query.currency] if query.currency else []
        parts = [name, self.scope.environment, *currency, *query.named_ends()]
        is_read = self.request.method != "HEAD"
        return file_response(file, name="_".join(parts), with_body=is_read)


class ReportListView(ReportView):
    """A report that is a list: ``report`` says which."""

    report: ClassVar[ReportList]

    def answer(self, model: type[ReportListQuery]) -> Any:
        """The page or the file that was asked for."""
        query = self.query(model)
        query.require_one_form()
        if query.is_csv:
            return self.as_file(self.report.file(self.scope, query), self.report.name, query)
        return self.expanded(self.report.page(self.scope, query))


class DailySummariesView(ReportListView):
    """``/v1/reports/daily_summaries``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(DailySummaryObject)}, query=DailySummaryQuery, or_file=CSV),
    }
    report = ReportList(
        "daily_summaries", DailySummaryObject, read_daily_summaries, place_of=place_of_summary
    )

    def get(self, request: Request) -> Any:
        """Payments by day and currency, the newest day first."""
        return self.answer(DailySummaryQuery)


class MonthlyStatsView(ReportListView):
    """``/v1/reports/monthly_stats``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(MonthlyStatsObject)}, query=MonthQuery, or_file=CSV),
    }
    report = ReportList("monthly_stats", MonthlyStatsObject, read_monthly_stats, by_month=True)

    def get(self, request: Request) -> Any:
        """Payments by month and currency, the newest month first."""
        return self.answer(MonthQuery)


class SettlementsView(ReportListView):
    """``/v1/reports/settlements``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(DailySettlementObject)}, query=SettlementQuery, or_file=CSV),
    }
    report = ReportList("settlements", DailySettlementObject, read_daily_settlements)

    def get(self, request: Request) -> Any:
        """Money by the day on which it becomes available, and payouts; the newest day first."""
        return self.answer(SettlementQuery)


class FeesView(ReportListView):
    """``/v1/reports/fees``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(DailyFeesObject)}, query=FeeQuery, or_file=CSV),
    }
    report = ReportList("fees", DailyFeesObject, read_daily_fees)

    def get(self, request: Request) -> Any:
        """Fees by the day on which they were charged and currency, the newest day first."""
        return self.answer(FeeQuery)


class DisputeReportView(ReportListView):
    """``/v1/reports/disputes``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(MonthlyDisputesObject)}, query=MonthQuery, or_file=CSV),
    }
    report = ReportList("disputes", MonthlyDisputesObject, read_monthly_disputes, by_month=True)

    def get(self, request: Request) -> Any:
        """Chargebacks by the month of their payment and currency, the newest month first."""
        return self.answer(MonthQuery)


class BalanceReportView(ReportView):
    """``/v1/reports/balance``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: BalanceReportObject}, query=LedgerQuery, or_file=CSV),
    }

    def get(self, request: Request) -> Any:
        """Opening balance, changes by type and closing balance of each currency and bucket."""
        query = self.query(LedgerQuery)
        if query.is_csv:
            file = ReportFile(BalanceLine, iter([self._lines(query)]))
            return self.as_file(file, "balance", query)
        return self._report(query)

    def _report(self, query: LedgerQuery) -> BalanceReportObject:
        days = query.days()
        read_at, buckets = read_balance_report(
            scope=self.scope, first=days.first, last=days.last, currency=query.currency
        )
        return BalanceReportObject(
            environment=self.scope.environment,
            first_day=days.first,
            last_day=days.last,
            computed_at=read_at,
            balances=[
                BucketReport(
                    currency=item.currency,
                    bucket=item.bucket,
                    opening_balance=item.opening,
                    changes=BalanceChanges(**item.changes),
                    closing_balance=item.closing,
                )
                for item in buckets
            ],
        )

    def _lines(self, query: LedgerQuery) -> list[BalanceLine]:
        report = self._report(query)
        whole = report.model_dump(exclude={"balances"})
        return [
            BalanceLine(**whole, **bucket.model_dump(exclude={"changes"}), **dict(bucket.changes))
            for bucket in report.balances
        ]
