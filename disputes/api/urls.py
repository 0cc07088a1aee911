"""The app's endpoints under ``/v1``."""

from django.urls import path

from disputes.api import dispute_views, file_views, views

urlpatterns = [
    # Before ``transactions/<id>``, which would take ``record`` for an id.
    path("transactions/record", views.RecordView.as_view()),
    path("refunds", views.RefundsView.as_view()),
    path("refunds/<str:refund_id>", views.RefundView.as_view()),
    path("refunds/<str:refund_id>/cancel", views.CancelRefundView.as_view()),
    path("disputes", dispute_views.DisputesView.as_view()),
    path("disputes/<str:dispute_id>", dispute_views.DisputeView.as_view()),
    path("disputes/<str:dispute_id>/accept", dispute_views.AcceptDisputeView.as_view()),
    path("files", file_views.FilesView.as_view()),
    path("files/<str:file_id>", file_views.FileView.as_view()),
    path("files/<str:file_id>/contents", file_views.FileContentsView.as_view()),
]
