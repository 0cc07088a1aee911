"""The demo's customers with a card each, made before their first payment; and what they paid."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import SecretStr

from analytics.demo.past import Told, ids_at, make_months, write_events
from merchants.models import Customer
from merchants.personal_data import write_personal_data
from merchants.services.extend_history import extend_history
from merchants.snapshot import customer_snapshot
from payments_project.tenancy import Scope
from transactions.models import Transaction
from transactions.services.total_customers import write_totals
from vault.cards import parse_card
from vault.insertion import CardSealer, row_of
from vault.models import PaymentMethod
from vault.snapshot import payment_method_snapshot

Payer = tuple[Customer, PaymentMethod]

# Before the first payment, which is at most 61 days old.
DAYS_AGO = (62, 75)
NAMES = (
    "Ada Byron", "Grace Murray", "Alan Mathison", "Edsger Wybe", "Barbara Jane", "Donald Ervin",
    "Katherine Coleman", "Dennis MacAlistair", "Radia Joy", "Niklaus Emil", "Frances Elizabeth",
    "Tony Hoare",
)  # fmt: skip
CARDS = (
    "4242424242424242", "5555555555554444", "378282246310005", "6011111111111117",
    "3056930009020004", "3566002020360505",
)  # fmt: skip


def make_payers(*, scope: Scope, seed: int) -> list[Payer]:
    """A customer with a card for each of ``NAMES``, in the caller's transaction.

    As ``create_customer`` and ``tokenise_card`` make them, but in the past.
    """
    dice = random.Random(seed)  # noqa: S311 (stories, not secrets)
    now = datetime.now(UTC)
    moments = sorted(
        now - timedelta(days=dice.randint(*DAYS_AGO), seconds=dice.randrange(40_000)) for _ in NAMES
    )
    make_months(moments[0], now)
    extend_history(merchant_id=scope.merchant_id, moment=moments[0])
    return [
        _payer(scope, place, identity, moment)
        for place, (identity, moment) in enumerate(zip(ids_at(moments), moments, strict=True))
    ]


def _payer(scope: Scope, place: int, identity: UUID, moment: datetime) -> Payer:
    name = NAMES[place]
    customer = Customer(
        id=identity,
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        email=f"{name.lower().replace(' ', '.')}@example.org",
        external_customer_id=f"C-{1000 + place}",
        event_sequence=1,
        created_at=moment,
        updated_at=moment,
    )
    write_personal_data(customer, {"name": name, "address": {"city": "Portland", "country": "US"}})
    customer.save(force_insert=True)
    attached_at = moment + timedelta(seconds=40)
    new = CardSealer(scope=scope).seal(
        parse_card(
            number=SecretStr(CARDS[place % len(CARDS)]),
            exp_month=1 + place % 12,
            exp_year=2030 + place % 5,
            holder_name=name,
        ),
        customer_id=identity,
    )
    card = row_of(new, scope=scope, created_at=attached_at)
    card.save(force_insert=True)
    write_events(
        scope,
        [
            Told(moment, "customer.created", identity, 1, customer_snapshot(customer)),
            Told(attached_at, "payment_method.created", new.token, 1, payment_method_snapshot(new)),
        ],
    )
    return customer, card


def count_payments(*, payers: Sequence[Payer], payments: Sequence[Transaction]) -> None:
    """Writes the customers' totals, and tells cards when they were last used; after ``payments``
    are written, in the caller's transaction."""
    for _customer, card in payers:
        own = [payment for payment in payments if payment.payment_method_token == card.pk]
        if own:
            PaymentMethod.objects.filter(pk=card.pk).update(
                last_used_at=max(payment.created_at for payment in own)
            )
    write_totals(sorted(customer.pk for customer, _card in payers))
