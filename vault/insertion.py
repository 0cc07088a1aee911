"""Writing new cards: rows of the vault, each with its ``payment_method.created`` event."""

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.db import connections, router
from django.db.transaction import on_commit

from payments_project.actor import Actor
from payments_project.events.record import EVENT_COLUMNS, event_payload
from payments_project.events.wake import events_written
from payments_project.tenancy import Scope
from vault.card_data import CardData
from vault.crypto.envelope import Sealed, row_binding, scope_binding, seal_card
from vault.crypto.fingerprint import Fingerprinter
from vault.crypto.keys import key_provider
from vault.crypto.tokens import new_token
from vault.models import CARD, PaymentMethod
from vault.snapshot import payment_method_snapshot

_COLUMNS = """
    token, customer_id, merchant_id, environment, encrypted_data, encryption_key_id,
    payment_method_type, fingerprint, last_four, brand, expires_at, event_sequence"""
_UNLESS_KNOWN = "ON CONFLICT (customer_id, fingerprint) DO NOTHING"

_INSERT_CARD = f"""
    WITH stored AS (
        INSERT INTO payment_methods_vault ({_COLUMNS})
        VALUES (%(token)s, %(customer_id)s, %(merchant_id)s, %(environment)s, %(envelope)s,
                %(key_id)s, '{CARD}', %(fingerprint)s, %(last_four)s, %(brand)s, %(expires_at)s, 1)
        {_UNLESS_KNOWN}
        RETURNING token, created_at
    ), told AS (
        INSERT INTO events ({EVENT_COLUMNS})
        SELECT 'payment_method', token, 'payment_method.created', 1, %(payload)s::jsonb,
               %(merchant_id)s, %(environment)s,
               %(actor_kind)s, %(actor_id)s::uuid, %(request_id)s, %(idempotency_key)s
          FROM stored
    )
    SELECT created_at FROM stored
"""

# Batches take two plain statements, their columns as array literals. Measured for each row: one
# statement of both parts took 10 µs more, ON CONFLICT takes 8, and psycopg's adapting each
# element by itself took as long as the insert.
_INSERT_CARDS = f"""
    INSERT INTO payment_methods_vault ({_COLUMNS})
    SELECT token, customer_id, %s, %s, decode(envelope, 'hex'), key_id,
           '{CARD}', fingerprint, last_four, brand, expires_at, 1
      FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[],
                  %s::text[], %s::date[])
           AS given (token, customer_id, envelope, key_id, fingerprint, last_four, brand,
                     expires_at)
"""
_INSERT_UNKNOWN_CARDS = f"{_INSERT_CARDS} {_UNLESS_KNOWN} RETURNING token"
_INSERT_EVENTS = f"""
    INSERT INTO events ({EVENT_COLUMNS})
    SELECT 'payment_method', payload -> 'object' ->> 'id', 'payment_method.created', 1, payload,
           %s, %s, %s, %s::uuid, %s, %s
      FROM jsonb_array_elements(%s::jsonb) AS payload
"""


class NewCard(NamedTuple):
    """A card on its way into the vault: its token, its envelope and what is stored beside."""

    token: str
    customer_id: UUID | None
    fingerprint: str
    brand: str
    last_four: str
    expires_at: date
    sealed: Sealed
    card: CardData
    payment_method_type: str = CARD
    is_active: bool = True


class CardSealer:
    """Makes new cards ready for the vault: token, fingerprint, envelope; for one scope."""

    def __init__(self, *, scope: Scope) -> None:
        merchant_id, environment = scope.merchant_id, scope.environment
        self.fingerprints = Fingerprinter(merchant_id=merchant_id, environment=environment)
        self._provider = key_provider()
        self._binding = scope_binding(merchant_id=merchant_id, environment=environment)

    def seal(
        self, card: CardData, *, customer_id: UUID | None, fingerprint: str | None = None
    ) -> NewCard:
        """Gives ``card`` a token and encrypts it for the row that it will get."""
        token = new_token()
        return NewCard(
            token,
            customer_id,
            fingerprint or self.fingerprints.of(card),
            card.brand,
            card.last_four,
            card.expires_at,
            seal_card(
                provider=self._provider,
                card=card,
                binding=row_binding(scope=self._binding, token=token),
            ),
            card,
        )


def insert_card(*, scope: Scope, actor: Actor, new: NewCard) -> PaymentMethod | None:
    """Inserts one card with its event: one statement, both or none.

    None when its customer has that card already. A concurrent insert of the same customer's card
    is waited for.
    """
    using = router.db_for_write(PaymentMethod)
    parameters = {
        "token": new.token,
        "customer_id": new.customer_id,
        "merchant_id": scope.merchant_id,
        "environment": scope.environment,
        "envelope": new.sealed.encrypted_data,
        "key_id": new.sealed.encryption_key_id,
        "fingerprint": new.fingerprint,
        "last_four": new.last_four,
        "brand": new.brand,
        "expires_at": new.expires_at,
        "payload": event_payload(
            object_type="payment_method",
            object_id=new.token,
            environment=scope.environment,
            data=payment_method_snapshot(new),
        ),
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "request_id": actor.request_id,
        "idempotency_key": actor.idempotency_key,
    }
    with connections[using].cursor() as cursor:
        cursor.execute(_INSERT_CARD, parameters)
        stored = cursor.fetchone()
    if stored is None:
        return None
    on_commit(events_written, using=using)
    return _stored_row(using, scope, new, stored[0])


class BatchInsertion:
    """Inserts batches of cards with their events, in a transaction that the caller holds.

    Use it as a context manager. Nothing waits for PostgreSQL's answer before the end (pipeline
    mode), so that it writes one batch while the next is encrypted; an error of any statement is
    raised by the statement after it, or at the end.
    """

    def __init__(self, *, scope: Scope, actor: Actor) -> None:
        self._scope = scope
        self._actor = actor
        self._connection = connections[router.db_for_write(PaymentMethod)]
        self._unanswered: list[tuple[Any, Sequence[NewCard]]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if not self._connection.in_atomic_block:
            raise RuntimeError("an event is written in the transaction of the change it tells")
        self._stack.enter_context(self._connection.wrap_database_errors)
        self._stack.enter_context(self._connection.connection.pipeline())
        return self

    def __exit__(self, *error: Any) -> bool | None:
        on_commit(events_written, using=self._connection.alias)
        return self._stack.__exit__(*error)

    def insert_guests(self, cards: Sequence[NewCard]) -> None:
        """Cards without a customer: none can be there already."""
        self._execute(_INSERT_CARDS, _columns(self._scope, cards))
        self._tell(cards)

    def insert_customers(self, cards: Sequence[NewCard]) -> None:
        """Customers' cards, sorted by customer and fingerprint over all calls, so that two batches
        at once wait for each other in one order only."""
        cursor = self._execute(_INSERT_UNKNOWN_CARDS, _columns(self._scope, cards))
        self._unanswered.append((cursor, cards))

    def kept_out(self) -> list[NewCard]:
        """The customers' cards that were not stored, because the customer has them already or they
        came twice; tells of those that were. Waits for PostgreSQL."""
        kept_out = []
        for cursor, cards in self._unanswered:
            stored = {token for (token,) in cursor.fetchall()}
            self._tell([new for new in cards if new.token in stored])
            kept_out += [new for new in cards if new.token not in stored]
        self._unanswered.clear()
        return kept_out

    def _tell(self, cards: Sequence[NewCard]) -> None:
        self._execute(_INSERT_EVENTS, _events(self._scope, self._actor, cards))

    def _execute(self, statement: str, parameters: list[Any]) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(statement, parameters)
        return cursor


def _columns(scope: Scope, cards: Sequence[NewCard]) -> list[Any]:
    return [
        scope.merchant_id,
        scope.environment,
        _words(new.token for new in cards),
        _words(None if new.customer_id is None else str(new.customer_id) for new in cards),
        _words(new.sealed.encrypted_data.hex() for new in cards),
        _words(new.sealed.encryption_key_id for new in cards),
        _words(new.fingerprint for new in cards),
        _words(new.last_four for new in cards),
        _words(new.brand for new in cards),
        _words(new.expires_at.isoformat() for new in cards),
    ]


def _events(scope: Scope, actor: Actor, cards: Sequence[NewCard]) -> list[Any]:
    return [
        scope.merchant_id,
        scope.environment,
        actor.kind,
        actor.id,
        actor.request_id,
        actor.idempotency_key,
        json.dumps([_content(scope, new) for new in cards], separators=(",", ":")),
    ]


def _content(scope: Scope, new: NewCard) -> dict[str, Any]:
    """What ``event_payload`` makes a text of, for many at once; a test compares them."""
    identity = {"id": new.token, "object": "payment_method", "environment": scope.environment}
    return {"object": {**identity, **payment_method_snapshot(new)}}


def row_of(new: NewCard, *, scope: Scope, created_at: datetime) -> PaymentMethod:
    """A new card's row, not yet written."""
    return PaymentMethod(
        token=new.token,
        customer_id=new.customer_id,
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        encrypted_data=new.sealed.encrypted_data,
        encryption_key_id=new.sealed.encryption_key_id,
        payment_method_type=new.payment_method_type,
        fingerprint=new.fingerprint,
        last_four=new.last_four,
        brand=new.brand,
        expires_at=new.expires_at,
        is_active=new.is_active,
        created_at=created_at,
        event_sequence=1,
    )


def _stored_row(using: str, scope: Scope, new: NewCard, created_at: datetime) -> PaymentMethod:
    """The row as it was just written, without reading it back."""
    row = row_of(new, scope=scope, created_at=created_at)
    row._state.adding = False
    row._state.db = using
    row.was_created = True
    return row


def _words(values: Iterable[str | None]) -> str:
    """An array literal of texts of our own making: none holds a quote or a backslash."""
    return "{" + ",".join("NULL" if value is None else f'"{value}"' for value in values) + "}"
