"""The app's endpoints under ``/v1``."""

from django.urls import path

from merchants.api import views, webhook_views

urlpatterns = [
    path("customers", views.CustomersView.as_view()),
    path("customers/<str:customer_id>", views.CustomerView.as_view()),
    path("api_keys", views.ApiKeysView.as_view()),
    path("api_keys/<str:api_key_id>", views.ApiKeyView.as_view()),
    path("api_keys/<str:api_key_id>/rotate", views.RotateApiKeyView.as_view()),
    path("api_keys/<str:api_key_id>/revoke", views.RevokeApiKeyView.as_view()),
    path("webhook_endpoints", webhook_views.WebhookEndpointsView.as_view()),
    path("webhook_endpoints/<str:endpoint_id>", webhook_views.WebhookEndpointView.as_view()),
    path(
        "webhook_endpoints/<str:endpoint_id>/rotate_secret",
        webhook_views.RotateSecretView.as_view(),
    ),
    path(
        "webhook_endpoints/<str:endpoint_id>/test", webhook_views.TestWebhookEndpointView.as_view()
    ),
    path("webhook_endpoints/<str:endpoint_id>/resend", webhook_views.ResendWebhooksView.as_view()),
    path(
        "webhook_endpoints/<str:endpoint_id>/deliveries",
        webhook_views.WebhookDeliveriesView.as_view(),
    ),
    path("webhook_deliveries/<str:delivery_id>", webhook_views.WebhookDeliveryView.as_view()),
    path(
        "webhook_deliveries/<str:delivery_id>/resend",
        webhook_views.ResendWebhookView.as_view(),
    ),
]
