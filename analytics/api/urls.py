"""The app's endpoints under ``/v1``."""

from django.urls import path

from analytics.api import report_views, search_views

urlpatterns = [
    path("search/transactions", search_views.SearchTransactionsView.as_view()),
    path("reports/daily_summaries", report_views.DailySummariesView.as_view()),
    path("reports/monthly_stats", report_views.MonthlyStatsView.as_view()),
    path("reports/balance", report_views.BalanceReportView.as_view()),
    path("reports/settlements", report_views.SettlementsView.as_view()),
    path("reports/fees", report_views.FeesView.as_view()),
    path("reports/disputes", report_views.DisputeReportView.as_view()),
]
