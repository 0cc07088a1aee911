"""What staff do with API keys: make, rotate, revoke. The key itself is shown once."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from functools import partial
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest

from merchants import states
from merchants.api.authentication import forget_keys
from merchants.errors import ApiKeyInactive
from merchants.locking import lock_api_key
from merchants.models import ApiKey, Merchant
from merchants.permissions import EVERYTHING, PERMISSIONS
from merchants.services.create_api_key import create_api_key
from merchants.services.revoke_api_key import revoke_api_key
from merchants.services.rotate_api_key import rotate_api_key
from payments_project.console import display
from payments_project.console.acts import Act, ActForm, Done, Shown, staff_actor
from payments_project.errors import InvalidInput
from payments_project.staff.audit import record_audit
from payments_project.tenancy import ENVIRONMENTS, Scope

KEYS_PERMISSION = "merchants.add_apikey"

_OVERLAPS = (
    (0, "at once"),
    (3_600, "after an hour"),
    (24 * 3_600, "after a day"),
    (7 * 24 * 3_600, "after a week"),
)
_RATE_MAX = 2_147_483_647


class CreateKeyForm(ActForm):
    """A key's name, kind and rights."""

    name = forms.CharField(max_length=100, help_text="What the merchant calls it.")
    environment = forms.ChoiceField(choices=[(name, name) for name in reversed(ENVIRONMENTS)])
    key_type = forms.ChoiceField(
        label="Type",
        choices=[
            (ApiKey.SECRET, "secret: for the merchant's servers"),
            (ApiKey.PUBLISHABLE, "publishable: for pages, makes payment methods only"),
        ],
    )
    permissions = forms.MultipleChoiceField(
        required=False,
        choices=[(name, name) for name in [EVERYTHING, *sorted(PERMISSIONS - {EVERYTHING})]],
        widget=forms.CheckboxSelectMultiple,
        help_text="Of a secret key. Writing includes reading; * is everything.",
    )
    expires_on = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The last day on which it works (UTC).",
    )
    per_second = forms.IntegerField(
        required=False, min_value=1, max_value=_RATE_MAX, label="Calls per second"
    )
    per_hour = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=_RATE_MAX,
        label="Calls per hour",
        help_text="To each endpoint; empty for the installation's default.",
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("key_type") == ApiKey.PUBLISHABLE:
            values["permissions"] = []
        elif not values.get("permissions") and "permissions" not in self.errors:
            self.add_error("permissions", "A secret key needs at least one permission.")
        day = values.get("expires_on")
        if day is not None and day < datetime.now(UTC).date():
            self.add_error("expires_on", "That day is over.")
        return values


class RotateKeyForm(ActForm):
    """When the old key ends."""

    overlap = forms.TypedChoiceField(
        label="The old key ends", choices=_OVERLAPS, coerce=int, initial=24 * 3_600
    )


def _create(request: HttpRequest, merchant: Merchant, values: Mapping[str, Any]) -> Shown:
    if merchant.status == states.CLOSED:
        raise InvalidInput("A closed account gets no keys.")
    day = values["expires_on"]
    key, secret = create_api_key(
        scope=Scope(merchant.pk, values["environment"]),
        actor=staff_actor(request),
        name=values["name"],
        key_type=values["key_type"],
        permissions=values["permissions"],
        expires_at=datetime.combine(day, time.max, tzinfo=UTC) if day else None,
        rate_limits=(values["per_second"], values["per_hour"]),
    )
    record_audit(
        request=request,
        action="api_key.created",
        obj=key,
        after=_summary(key),
        reason=values["reason"],
    )
    return _shown(key, secret, "The new API key")


def _rotate(request: HttpRequest, key: ApiKey, values: Mapping[str, Any]) -> Shown:
    new, secret = rotate_api_key(
        scope=Scope(key.merchant_id, key.environment),
        api_key_id=key.pk,
        overlap_seconds=values["overlap"],
        actor=staff_actor(request),
    )
    transaction.on_commit(partial(forget_keys, [key.pk]))
    record_audit(
        request=request,
        action="api_key.rotated",
        obj=key,
        before={"prefix": key.key_prefix},
        after={"prefix": new.key_prefix, "overlap_seconds": values["overlap"]},
        reason=values["reason"],
    )
    return _shown(new, secret, "The key that takes over")


def _revoke(request: HttpRequest, key: ApiKey, values: Mapping[str, Any]) -> Done:
    scope = Scope(key.merchant_id, key.environment)
    if not lock_api_key(scope=scope, api_key_id=key.pk).is_active:
        raise ApiKeyInactive("Somebody has revoked it already.")
    revoke_api_key(scope=scope, api_key_id=key.pk, actor=staff_actor(request))
    transaction.on_commit(partial(forget_keys, [key.pk]))
    record_audit(
        request=request,
        action="api_key.revoked",
        obj=key,
        before={"is_active": True},
        after={"is_active": False},
        reason=values["reason"],
    )
    return Done(f"{key.key_prefix}… is revoked. Every process refuses it from now on.")


def _summary(key: ApiKey) -> dict[str, Any]:
    return {
        "prefix": key.key_prefix,
        "name": key.name,
        "type": key.key_type,
        "environment": key.environment,
        "permissions": list(key.permissions or ()),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }


def _shown(key: ApiKey, secret: str, title: str) -> Shown:
    return Shown(
        title=title,
        message="Copy it now: only its hash is kept, and no page shows it again.",
        secret=secret,
        facts=[
            ("Name", key.name or display.EMPTY),
            ("Environment", display.environment_badge(key.environment)),
            ("Permissions", ", ".join(key.permissions or ()) or display.EMPTY),
            ("Works until", display.moment(key.expires_at)),
            ("Its page", display.object_link("merchants.ApiKey", key.pk, f"{key.key_prefix}…")),
        ],
    )


def is_usable(key: ApiKey) -> bool:
    """Whether a key still opens anything."""
    return bool(key.is_active) and (key.expires_at is None or key.expires_at > datetime.now(UTC))


CREATE_KEY = Act(
    name="create-key",
    title="New API key",
    icon="add",
    permission=KEYS_PERMISSION,
    explanation="The key is shown once, on the next page. Hand it over by a safe way.",
    form=CreateKeyForm,
    perform=_create,
    is_once=True,
    is_offered=lambda merchant: merchant.status != states.CLOSED,
)
ROTATE_KEY = Act(
    name="rotate",
    title="Rotate",
    icon="autorenew",
    permission=KEYS_PERMISSION,
    explanation="A new key with the same name, rights and limits takes over, and is shown once.",
    form=RotateKeyForm,
    perform=_rotate,
    is_once=True,
    is_offered=is_usable,
)
REVOKE_KEY = Act(
    name="revoke",
    title="Revoke",
    icon="block",
    permission="merchants.revoke_apikey",
    explanation="The key ends for good; whatever still calls with it is refused.",
    perform=_revoke,
    is_offered=lambda key: bool(key.is_active),
    why_not=lambda key: "It is revoked already.",
    is_dangerous=True,
    is_bulk=True,
)
