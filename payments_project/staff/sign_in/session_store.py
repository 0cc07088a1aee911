"""Django's session engine on ``staff_sessions`` (``settings.SESSION_ENGINE``)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

# What a session of somebody who is signed in holds (payments_project.staff.sign_in.sessions).
SIGN_IN = "sign_in"
SEEN_AT = "seen_at"


class SessionStore(DatabaseStore):
    """Writes whose session it is, since when, and when it was last used into columns."""

    @classmethod
    def get_model_class(cls) -> Any:
        from payments_project.staff.sign_in.models import StaffSession

        return StaffSession

    def create_model_instance(self, data: Mapping[str, Any]) -> Any:
        row = super().create_model_instance(data)
        mark = data.get(SIGN_IN)
        if SESSION_KEY in data and mark:
            row.user_id = data[SESSION_KEY]
            row.signed_in_at = datetime.fromtimestamp(mark["at"], UTC)
            row.seen_at = datetime.fromtimestamp(data.get(SEEN_AT, mark["at"]), UTC)
            row.ip_address = mark.get("ip")
        return row
