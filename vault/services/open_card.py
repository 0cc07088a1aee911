"""Opening a card for a charge: the payment path's one statement on the vault."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import router

from payments_project.database.statements import fetch_one
from payments_project.tenancy import Scope
from vault.access import payment_method_missing
from vault.card_data import CardData
from vault.crypto.envelope import Sealed, row_binding, scope_binding, unseal_card
from vault.crypto.keys import key_provider
from vault.crypto.tokens import is_token
from vault.models import PaymentMethod

USE_NOTED_EVERY = timedelta(hours=1)

# Parameters: token, merchant id, environment. The payment path may send it in a pipeline of its
# own and hand the row to opened_card_from_row.
OPEN_CARD = """
    SELECT token, encrypted_data, encryption_key_id, payment_method_type, fingerprint,
           last_four, brand, expires_at, customer_id, is_active, last_used_at
      FROM payment_methods_vault
     WHERE token = %s AND merchant_id = %s AND environment = %s
"""


@dataclass(frozen=True, slots=True)
class OpenedCard:
    """A card in clear (``card``, concealed) beside what may be stored and shown of it."""

    token: str
    card: CardData
    payment_method_type: str
    fingerprint: str
    last_four: str | None
    brand: str | None
    expires_at: date | None
    customer_id: UUID | None
    is_active: bool
    last_used_at: datetime | None

    def is_use_due(self, *, now: datetime | None = None) -> bool:
        """Whether ``mark_used`` would write anything: the last use noted is over an hour old."""
        if self.last_used_at is None:
            return True
        return self.last_used_at < (now or datetime.now(UTC)) - USE_NOTED_EVERY


def open_card(*, scope: Scope, token: str, param: str | None = None) -> OpenedCard:
    """Decrypts the card behind ``token``: one statement, no lock, whatever the card's state.

    The caller decides what ``is_active``, ``expires_at`` and ``customer_id`` mean for its act.
    Raises ``ResourceMissing`` (with ``param``, if the token stood in a body), ``CardUnreadable``
    and ``EncryptionKeyUnknown``.
    """
    row = None
    if is_token(token):
        row = fetch_one(
            OPEN_CARD,
            [token, scope.merchant_id, scope.environment],
            using=router.db_for_write(PaymentMethod),
        )
    if row is None:
        raise payment_method_missing(param=param)
    return opened_card_from_row(scope=scope, row=row)


def opened_card_from_row(*, scope: Scope, row: Sequence[Any]) -> OpenedCard:
    """Decrypts a row that ``OPEN_CARD`` returned, for the same scope. Raises as ``open_card``."""
    (token, envelope, key_id, kind, fingerprint, last_four, brand, expires_at, customer_id,
     is_active, last_used_at) = row  # fmt: skip
    return OpenedCard(
        token=token,
        card=unseal_card(
            provider=key_provider(),
            sealed=Sealed(bytes(envelope), key_id),
            binding=row_binding(
                scope=scope_binding(merchant_id=scope.merchant_id, environment=scope.environment),
                token=token,
            ),
            brand=brand or "",
        ),
        payment_method_type=kind,
        fingerprint=fingerprint,
        last_four=last_four,
        brand=brand,
        expires_at=expires_at,
        customer_id=customer_id,
        is_active=is_active,
        last_used_at=last_used_at,
    )
