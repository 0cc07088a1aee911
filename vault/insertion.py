"""Writing new cards: rows of the vault and their events in one statement."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, router

from payments_project.actor import Actor
from payments_project.events.record import EVENT_COLUMNS
from payments_project.tenancy import Scope
from vault.card_data import CardData
from vault.crypto.envelope import Sealed, seal_card
from vault.crypto.fingerprint import card_fingerprint
from vault.crypto.keys import key_provider
from vault.crypto.tokens import new_token
from vault.models import CARD, PaymentMethod

# Columns come in as array literals, one text per column: psycopg would adapt each element by
# itself, which takes as long again as the insert. The event's object is what
# vault.snapshot.payment_method_snapshot makes of the same row, and a test compares them; all rows
# of a statement have one created_at, so it is written out once.
_INSERT = f"""
    WITH given AS (
        SELECT * FROM unnest(
            %s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
            %s::date[]
        ) AS given (token, customer_id, envelope, encryption_key_id, fingerprint, last_four, brand,
                    expires_at)
    ), stored AS (
        INSERT INTO payment_methods_vault (
            token, customer_id, merchant_id, environment, encrypted_data, encryption_key_id,
            payment_method_type, fingerprint, last_four, brand, expires_at, event_sequence)
        SELECT token, customer_id, %s, %s, decode(envelope, 'hex'), encryption_key_id,
               '{CARD}', fingerprint, last_four, brand, expires_at, 1
          FROM given
        ON CONFLICT (customer_id, fingerprint) DO NOTHING
        RETURNING *
    ), told AS (
        INSERT INTO events ({EVENT_COLUMNS})
        SELECT 'payment_method', token, 'payment_method.created', 1,
               jsonb_build_object('object', jsonb_build_object(
                   'id', token,
                   'object', 'payment_method',
                   'environment', environment,
                   'type', payment_method_type,
                   'card', jsonb_build_object(
                       'brand', brand,
                       'last_four', last_four,
                       'exp_month', extract(month FROM expires_at)::integer,
                       'exp_year', extract(year FROM expires_at)::integer,
                       'fingerprint', fingerprint),
                   'customer', customer_id,
                   'is_active', is_active,
                   'created_at', (SELECT to_char(created_at AT TIME ZONE 'UTC',
                                                 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                                    FROM stored LIMIT 1),
                   'last_used_at', NULL)),
               merchant_id, environment, %s, %s::uuid, %s, %s
          FROM stored
    )
"""  # noqa: S608 (constants only)
INSERT_CARD = f"{_INSERT} SELECT created_at FROM stored"
# Answers with what was kept out, which is rarely anything.
INSERT_CARDS = f"{_INSERT} SELECT token FROM given WHERE token NOT IN (SELECT token FROM stored)"


class NewCard(NamedTuple):
    """A card on its way into the vault: its new token, its envelope and what is stored beside."""

    token: str
    customer_id: UUID | None
    fingerprint: str
    sealed: Sealed
    card: CardData


def fingerprint_of(*, scope: Scope, card: CardData) -> str:
    """The card's fingerprint at the scope's merchant and environment."""
    return card_fingerprint(merchant_id=scope.merchant_id, environment=scope.environment, card=card)


def seal_new_card(
    *, scope: Scope, card: CardData, customer_id: UUID | None, fingerprint: str
) -> NewCard:
    """Gives ``card`` a token and encrypts it for the row that it will get."""
    token = new_token()
    sealed = seal_card(
        provider=key_provider(),
        card=card,
        token=token,
        merchant_id=scope.merchant_id,
        environment=scope.environment,
    )
    return NewCard(token, customer_id, fingerprint, sealed, card)


def insert_card(*, scope: Scope, actor: Actor, new: NewCard) -> PaymentMethod | None:
    """Inserts one card with its ``payment_method.created`` event: one statement, both or none.

    None when its customer has that card already. A concurrent insert of the same customer's card
    is waited for.
    """
    using = router.db_for_write(PaymentMethod)
    with connections[using].cursor() as cursor:
        cursor.execute(INSERT_CARD, _parameters(scope, actor, [new]))
        row = cursor.fetchone()
    return None if row is None else _inserted_row(using, scope, new, row[0])


def insert_cards(*, scope: Scope, actor: Actor, batches: Iterable[Sequence[NewCard]]) -> set[str]:
    """Inserts batches of cards with their events, and returns the tokens that were kept out.

    Kept out is a card that its customer has already, or that comes twice. Cards must come sorted
    by customer and fingerprint over all batches, so that two calls at once wait for each other in
    one order only. A batch is sent without waiting for the answer to the one before, so that
    PostgreSQL writes one while the next is encrypted. Call it in a transaction.
    """
    connection = connections[router.db_for_write(PaymentMethod)]
    cursors = []
    with connection.wrap_database_errors, connection.connection.pipeline():
        for cards in batches:
            cursor = connection.cursor()
            cursor.execute(INSERT_CARDS, _parameters(scope, actor, cards))
            cursors.append(cursor)
        return {token for cursor in cursors for (token,) in cursor.fetchall()}


def _parameters(scope: Scope, actor: Actor, cards: Sequence[NewCard]) -> list[Any]:
    return [
        _array(new.token for new in cards),
        _array(None if new.customer_id is None else str(new.customer_id) for new in cards),
        _array(new.sealed.encrypted_data.hex() for new in cards),
        _array(new.sealed.encryption_key_id for new in cards),
        _array(new.fingerprint for new in cards),
        _array(new.card.last_four for new in cards),
        _array(new.card.brand for new in cards),
        _array(new.card.expires_at.isoformat() for new in cards),
        scope.merchant_id,
        scope.environment,
        actor.kind,
        actor.id,
        actor.request_id,
        actor.idempotency_key,
    ]


def _inserted_row(using: str, scope: Scope, new: NewCard, created_at: datetime) -> PaymentMethod:
    """The row as it was just written, without reading it back."""
    row = PaymentMethod(
        token=new.token,
        customer_id=new.customer_id,
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        encrypted_data=new.sealed.encrypted_data,
        encryption_key_id=new.sealed.encryption_key_id,
        payment_method_type=CARD,
        fingerprint=new.fingerprint,
        last_four=new.card.last_four,
        brand=new.card.brand,
        expires_at=new.card.expires_at,
        is_active=True,
        created_at=created_at,
        event_sequence=1,
    )
    row._state.adding = False  # noqa: SLF001 (Django's documented attribute)
    row._state.db = using  # noqa: SLF001
    row.was_created = True
    return row


def _array(values: Iterable[str | None]) -> str:
    """A PostgreSQL array literal. The values are our own: none holds a quote or a backslash."""
    return "{" + ",".join("NULL" if value is None else f'"{value}"' for value in values) + "}"
