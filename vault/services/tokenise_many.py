"""Tokenising a batch of cards: imports from another vault."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import router, transaction

from payments_project.actor import Actor
from payments_project.tenancy import Scope
from vault.card_data import CardData
from vault.customers import check_customer
from vault.insertion import NewCard, fingerprint_of, insert_cards, seal_new_card
from vault.models import PaymentMethod
from vault.services.tokenise import renew_existing

BATCH_CARDS_MAX = 5_000
STATEMENT_CARDS_MAX = 250


@dataclass(frozen=True, slots=True)
class CardToStore:
    """A card and the customer that it is for, if any."""

    card: CardData
    customer_id: UUID | None = None


def tokenise_many(*, scope: Scope, actor: Actor, cards: Sequence[CardToStore]) -> list[str]:
    """Stores up to 5,000 cards in one transaction, all or none; their tokens in the same order.

    Each card is treated as by ``tokenise_card``, events included; a card that its customer has
    already, or twice in the batch, gets the token that exists. New rows are written by one
    statement. Raises as ``tokenise_card`` does, and ``ValueError`` for a larger batch.
    """
    if len(cards) > BATCH_CARDS_MAX:
        raise ValueError(f"a batch holds at most {BATCH_CARDS_MAX} cards")
    for customer_id in sorted({entry.customer_id for entry in cards if entry.customer_id}):
        check_customer(scope=scope, customer_id=customer_id)
    in_lock_order = sorted(
        (str(entry.customer_id or ""), fingerprint_of(scope=scope, card=entry.card), place)
        for place, entry in enumerate(cards)
    )
    tokens = [""] * len(cards)
    new_cards: list[NewCard] = []

    def batches() -> Iterator[list[NewCard]]:
        for start in range(0, len(cards), STATEMENT_CARDS_MAX):
            batch = []
            for _, fingerprint, place in in_lock_order[start : start + STATEMENT_CARDS_MAX]:
                entry = cards[place]
                new = seal_new_card(
                    scope=scope,
                    card=entry.card,
                    customer_id=entry.customer_id,
                    fingerprint=fingerprint,
                )
                tokens[place] = new.token
                batch.append(new)
            new_cards.extend(batch)
            yield batch

    with transaction.atomic(using=router.db_for_write(PaymentMethod)):
        kept_out = insert_cards(scope=scope, actor=actor, batches=batches())
        if kept_out:
            for new, (_, _, place) in zip(new_cards, in_lock_order, strict=True):
                if new.token in kept_out:
                    tokens[place] = renew_existing(scope=scope, actor=actor, new=new).token
    return tokens
