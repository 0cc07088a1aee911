"""The app's endpoints under ``/v1``."""

from django.urls import path

from transactions.api import balance_views, callback_views, payout_views, views

urlpatterns = [
    path("transactions", views.TransactionsView.as_view()),
    path("transactions/<str:transaction_id>", views.TransactionView.as_view()),
    path("transactions/<str:transaction_id>/capture", views.CaptureView.as_view()),
    path("transactions/<str:transaction_id>/cancel", views.CancelView.as_view()),
    path("transactions/<str:transaction_id>/timeline", views.TimelineView.as_view()),
    path("balance", balance_views.BalanceView.as_view()),
    path("balance/entries", balance_views.BalanceEntriesView.as_view()),
    path("payouts", payout_views.PayoutsView.as_view()),
    path("payouts/<str:payout_id>", payout_views.PayoutView.as_view()),
    path("payouts/<str:payout_id>/cancel", payout_views.CancelPayoutView.as_view()),
    path("gateways/<str:name>/webhook", callback_views.GatewayCallbackView.as_view()),
]
