"""What a browser is shown where a request to the console fails outside of its views."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from payments_project.api import fallback
from payments_project.api.request_id import request_id_of
from payments_project.console.site import CONTENT_SECURITY_POLICY


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form that was opened before the latest sign-in, or sent from elsewhere. Nothing of it
    was done. (Django's setting ``CSRF_FAILURE_VIEW``; the merchant API has no forms.)"""
    return _page(
        request,
        403,
        "This form is too old",
        "You have signed in again since it was opened, or your browser keeps no cookies. Nothing was"
        " done. Open the page anew, and send it from there.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500: a page for the console, the API's shape for all else; Django has logged the cause."""
    if not request.path.startswith(reverse("admin:index")):
        return fallback.server_error(request)
    return _page(
        request,
        500,
        "Something went wrong on our side",
        "The fault is in the log, with the request's id. Look at the object before you try again: what"
        " you asked for may have been done.",
    )


def _page(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    context = {
        "title": title,
        "words": words,
        "home": reverse("admin:index"),
        "request_id": request_id_of(request),
    }
    # Without the request: its context processors read the session, which may be what failed.
    response = render(None, "admin/console/failed.html", context, status=status)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response
