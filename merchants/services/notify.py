"""Telling a merchant something by e-mail: written down with what it tells, sent afterwards."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from merchants.models import MerchantNotice


def notify_merchant(
    *,
    merchant_id: UUID,
    environment: str,
    kind: str,
    object_id: UUID,
    occasion: str,
    context: Mapping[str, Any],
) -> None:
    """Writes a notice in the caller's transaction, so that it is sent exactly if that commits.

    Of one ``kind`` and ``occasion`` an object has one notice: another is not written. ``kind``
    names the template ``notices/<kind>.txt``; ``context`` is what it needs, nothing personal.
    """
    MerchantNotice.objects.bulk_create(
        [
            MerchantNotice(
                merchant_id=merchant_id,
                environment=environment,
                kind=kind,
                object_id=object_id,
                occasion=occasion,
                context=dict(context),
            )
        ],
        ignore_conflicts=True,
    )
