"""Tokens of forms that may act only once, however often they are sent.

A form carries a signed token of its user and purpose. Taking one inserts a row, so of several
sendings that arrive together one is first, and the session, which the last request to end would
overwrite, has no part in it.
"""

import secrets
from datetime import UTC, datetime, timedelta

from django.core import signing
from django.db import connection
from django.http import HttpRequest

from payments_project.console.models import UsedFormToken

FIELD = "form_token"
# A form that was opened longer ago is asked for again.
VALID_FOR = timedelta(hours=12)
_SALT = "payments_project.console.form_tokens"

_TAKE = "INSERT INTO used_form_tokens (token) VALUES (%s) ON CONFLICT (token) DO NOTHING"


def new_token(request: HttpRequest, purpose: str) -> str:
    """A token for one sending of one form by the request's user."""
    content = [secrets.token_urlsafe(18), str(request.user.pk), purpose]
    return signing.dumps(content, salt=_SALT, compress=False)


def take_token(request: HttpRequest, purpose: str) -> bool:
    """Whether the form's token is the user's, for ``purpose``, young enough and not taken before.

    Committed at once: it stays taken, whatever becomes of the form.
    """
    try:
        token, user, meant_for = signing.loads(
            request.POST.get(FIELD, ""), salt=_SALT, max_age=VALID_FOR
        )
    except (signing.BadSignature, ValueError):
        return False
    if user != str(request.user.pk) or meant_for != purpose:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [token])
        return bool(cursor.rowcount)


def delete_old_tokens() -> int:
    """Deletes tokens that no form can carry any more; how many there were."""
    before = datetime.now(UTC) - 2 * VALID_FOR
    return UsedFormToken.objects.filter(used_at__lt=before).delete()[0]
