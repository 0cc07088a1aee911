"""Acts as a browser does them: the form's page first, for its one-time token, then the form."""

import re
from typing import Any

from django.test import Client
from django.urls import reverse

from payments_project.staff.models import AuditEntry

REASON = "Ticket 4711"


def act(label: str, key: object, name: str) -> str:
    """The address of an act on an object."""
    return reverse(f"admin:{label.replace('.', '_')}_act", args=[key, name])


def audit_of(key: object) -> list[AuditEntry]:
    """What the trail says of an object, oldest first."""
    return list(AuditEntry.objects.filter(object_id=str(key)).order_by("id"))


def token_of(client: Client, address: str) -> str:
    """The one-time token of a form, where its page has one."""
    found = re.search(r'name="form_token" value="([^"]+)"', client.get(address).content.decode())
    return found[1] if found else ""


def do(client: Client, label: str, key: object, name: str, **values: Any) -> str:
    """Does an act and returns the text of the page that answers it."""
    address = act(label, key, name)
    form = {"reason": REASON, "form_token": token_of(client, address), **values}
    answer = client.post(address, form, follow=True)
    assert answer.status_code == 200, answer.content
    return answer.content.decode().replace("&#x27;", "'")
