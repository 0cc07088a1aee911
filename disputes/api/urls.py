"""The app's endpoints under ``/v1``."""

from django.urls import path

from disputes.api import views

urlpatterns = [
    # Before ``transactions/<id>``, which would take ``record`` for an id.
    path("transactions/record", views.RecordView.as_view()),
    path("refunds", views.RefundsView.as_view()),
    path("refunds/<str:refund_id>", views.RefundView.as_view()),
    path("disputes", views.DisputesView.as_view()),
    path("disputes/<str:dispute_id>", views.DisputeView.as_view()),
]
