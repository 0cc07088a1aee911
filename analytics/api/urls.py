"""The app's endpoints under ``/v1``."""

from django.urls import path

from analytics.api import search_views

urlpatterns = [
    path("search/transactions", search_views.SearchTransactionsView.as_view()),
]
