"""URLs: the merchant API under ``/v1``, the console under ``/admin``, probes at the root.

Apps are named as strings: the project imports none of them.
"""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
]
