"""The app's endpoints under ``/v1``."""

from django.urls import path

from vault.api import views

urlpatterns = [
    path("payment_methods", views.PaymentMethodsView.as_view()),
    path("payment_methods/<str:token>", views.PaymentMethodView.as_view()),
    path("payment_methods/<str:token>/attach", views.AttachPaymentMethodView.as_view()),
    path("payment_methods/<str:token>/detach", views.DetachPaymentMethodView.as_view()),
]
