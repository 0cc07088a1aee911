"""Tokenising a batch of cards: imports from another vault."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import router, transaction

from payments_project.actor import Actor
from payments_project.tenancy import Scope
from vault.card_data import CardData
from vault.customers import check_customer
from vault.insertion import BatchInsertion, CardSealer, NewCard
from vault.models import PaymentMethod
from vault.services.tokenise import renew_existing

CARDS_MAX = 5_000
STATEMENT_CARDS_MAX = 125


@dataclass(frozen=True, slots=True)
class CardToStore:
    """A card and the customer that it is for, if any."""

    card: CardData
    customer_id: UUID | None = None


def tokenise_many(*, scope: Scope, actor: Actor, cards: Sequence[CardToStore]) -> list[str]:
    """Stores up to 5,000 cards in one transaction, all or none; their tokens in the same order.

    Each card is treated as by ``tokenise_card``, events included; a card that its customer has
    already, or twice in the batch, gets the token that exists. Raises as ``tokenise_card`` does,
    and ``ValueError`` for a larger batch.
    """
    if len(cards) > CARDS_MAX:
        raise ValueError(f"a batch holds at most {CARDS_MAX} cards")
    for customer_id in sorted({entry.customer_id for entry in cards if entry.customer_id}):
        check_customer(scope=scope, customer_id=customer_id)
    sealer = CardSealer(scope=scope)
    tokens: dict[int, str] = {}
    places: dict[str, int] = {}

    def sealed(members: Sequence[tuple[str | None, int]]) -> list[NewCard]:
        batch = []
        for fingerprint, place in members:
            entry = cards[place]
            new = sealer.seal(entry.card, customer_id=entry.customer_id, fingerprint=fingerprint)
            tokens[place], places[new.token] = new.token, place
            batch.append(new)
        return batch

    with transaction.atomic(using=router.db_for_write(PaymentMethod)):
        with BatchInsertion(scope=scope, actor=actor) as insertion:
            for members in _batches(_guests(cards)):
                insertion.insert_guests(sealed(members))
            for members in _batches(_customers_in_lock_order(sealer, cards)):
                insertion.insert_customers(sealed(members))
            kept_out = insertion.kept_out()
        for new in kept_out:
            existing = renew_existing(scope=scope, actor=actor, new=new)
            tokens[places[new.token]] = existing.token
    return [tokens[place] for place in range(len(cards))]


def _guests(cards: Sequence[CardToStore]) -> list[tuple[str | None, int]]:
    return [(None, place) for place, entry in enumerate(cards) if entry.customer_id is None]


def _customers_in_lock_order(
    sealer: CardSealer, cards: Sequence[CardToStore]
) -> list[tuple[str | None, int]]:
    ordered = sorted(
        (entry.customer_id, sealer.fingerprints.of(entry.card), place)
        for place, entry in enumerate(cards)
        if entry.customer_id is not None
    )
    return [(fingerprint, place) for _, fingerprint, place in ordered]


def _batches(
    members: Sequence[tuple[str | None, int]],
) -> Iterator[Sequence[tuple[str | None, int]]]:
    """Fingerprints (where known) and places of the cards of one statement each."""
    for start in range(0, len(members), STATEMENT_CARDS_MAX):
        yield members[start : start + STATEMENT_CARDS_MAX]
