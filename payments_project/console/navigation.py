"""The sidebar: from the settings' list to what one member of staff may open."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups of links for the user: only registered models, only those with the right to view.

    An item of ``CONSOLE_SIDEBAR`` names a model (``app.model``) or an address of the console.
    """
    groups = []
    for group in settings.CONSOLE_SIDEBAR:
        items = [item for entry in group["items"] if (item := _item(request, *entry)) is not None]
        if items:
            groups.append({"title": group["title"], "items": items})
    # One address may begin with another; the longest one is where the user is.
    links = [item for group in groups for item in group["items"]]
    here = [item for item in links if _is_within(request.path, item["link"])]
    longest = max(here, key=lambda item: len(item["link"]), default=None)
    for item in links:
        item["active"] = item is longest
    return groups


def _is_within(path: str, link: str) -> bool:
    return path == link if link == reverse("admin:index") else path.startswith(link)


def _item(
    request: HttpRequest, title: str, icon: str, target: str, permission: str | None = None
) -> dict[str, Any] | None:
    if permission is not None:
        if permission and not request.user.has_perm(permission):
            return None
        return {"title": title, "icon": icon, "link": reverse(f"admin:{target}")}
    model = apps.get_model(target)
    model_admin = admin.site._registry.get(model)  # noqa: SLF001 (is_registered gives no admin)
    if model_admin is None or not model_admin.has_view_or_change_permission(request):
        return None
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return {"title": title, "icon": icon, "link": reverse(name)}


def environment_label(request: HttpRequest) -> list[str]:
    """The label at the top of every page that tells one installation from another."""
    return ["Embedded", "info"] if settings.EMBEDDED else ["Production", "danger"]
