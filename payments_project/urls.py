"""URLs: the merchant API under ``/v1``, the console under ``/admin``, probes at the root.

Apps are named as strings: the project imports none of them.
"""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from payments_project.api import docs, event_schemas, event_views, health, metrics, openapi
from payments_project.api.methods import read_only

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(url="/docs")),
    path("favicon.ico", RedirectView.as_view(url=static("console/icon.svg"))),
    path("docs", read_only(docs.docs)),
    path("docs/events/<str:file_name>", read_only(event_schemas.event_schema)),
    path("healthz", read_only(health.healthz)),
    path("readyz", read_only(health.readyz)),
    path("metrics", read_only(metrics.metrics)),
    # Looked through in this order at every request: payments come first. (``disputes`` has
    # ``transactions/record``, which ``transactions/<id>`` would take for an id.)
    path("v1/", include("disputes.api.urls")),
    path("v1/", include("transactions.api.urls")),
    path("v1/", include("vault.api.urls")),
    path("v1/", include("merchants.api.urls")),
    path("v1/", include("analytics.api.urls")),
    path("v1/events", event_views.EventsView.as_view()),
    path("v1/events/<str:event_id>", event_views.EventView.as_view()),
    path("v1/openapi.json", read_only(openapi.document)),
    path("admin", RedirectView.as_view(url="/admin/", query_string=True)),
    path("admin/", admin.site.urls),
]

handler400 = "payments_project.api.fallback.bad_request"
handler403 = "payments_project.api.fallback.forbidden"
handler404 = "payments_project.api.fallback.not_found"
handler500 = "payments_project.console.failures.server_error"
