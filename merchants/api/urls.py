"""The app's endpoints under ``/v1``."""

from django.urls import path

from merchants.api import views

urlpatterns = [
    path("customers", views.CustomersView.as_view()),
    path("customers/<str:customer_id>", views.CustomerView.as_view()),
    path("api_keys", views.ApiKeysView.as_view()),
    path("api_keys/<str:api_key_id>", views.ApiKeyView.as_view()),
    path("api_keys/<str:api_key_id>/rotate", views.RotateApiKeyView.as_view()),
    path("api_keys/<str:api_key_id>/revoke", views.RevokeApiKeyView.as_view()),
]
