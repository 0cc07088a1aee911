"""Where a history happens: two merchants, their gateway, and the consumers that hear of it late."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import httpx
from django.db import connection

from analytics.search.consumers import SEARCH_DOCUMENTS, SEARCH_WORDS
from analytics.services.mark_days_due import DAILY_SUMMARIES
from disputes.models import Dispute, Refund
from disputes.services.audit_books import Finding, audit_books
from payments_project.events.consumers import Consumer, handle_batch
from payments_project.events.logged import COLUMNS, EventRow, LoggedEvent, from_log
from payments_project.events.reach import LOG, write_reach
from tests.analytics.search.searching import ELASTICSEARCH
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import FEES, client_of, make_merchant
from tests.server import Server
from transactions.models import Transaction

Found = TypeVar("Found")
# What an act says that found nothing to act on.
NOBODY = "there is none"

SHOPS = ("first test", "first live", "second test")
SUMMARIES, WORDS, DOCUMENTS = "summaries", "words", "documents"


@dataclass(frozen=True)
class Act:
    """Something that happens. It is written as what makes it, without what goes without saying."""

    def do(self, world: "World") -> str:
        """Does it, and says what came of it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        said = [
            f"{own.name}={getattr(self, own.name)!r}"
            for own in fields(self)
            if getattr(self, own.name) != own.default
        ]
        return f"{type(self).__name__}({', '.join(said)})"


class Delivery:
    """What one consumer has not handled yet. Every event is handed over at least once, one object's
    in order; events of different objects in any order, as Kafka's partitions would give them."""

    def __init__(self, consumer: Consumer, merchants: Sequence[UUID]) -> None:
        self.consumer = consumer
        self._merchants = list(merchants)
        self._position = 0
        self._waiting: dict[str, list[LoggedEvent]] = defaultdict(list)

    def hand_over(
        self, *, part: str = "all", newest_first: bool = False, batch: int = 500, times: int = 1
    ) -> int:
        """Has the consumer handle what waits of all objects, or of every other one; how much."""
        self._read()
        objects = sorted(self._waiting, reverse=newest_first)
        if part != "all":
            objects = objects[("even", "odd").index(part) :: 2]
        events = [event for name in objects for event in self._waiting.pop(name)]
        for start in range(0, len(events), batch):
            for _ in range(times):
                handle_batch(self.consumer, events[start : start + batch], also=_refuse)
        return len(events)

    def finish(self) -> None:
        """Hands over all that is left, and tells how far that is."""
        reached = datetime.now(UTC)
        self.hand_over()
        if self.consumer.show is not None:
            self.consumer.show()
        write_reach(self.consumer.name, reached, [LOG])

    def _read(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {COLUMNS} FROM events WHERE merchant_id = ANY(%s) AND position > %s"
                " ORDER BY position",
                [self._merchants, self._position],
            )
            events = [from_log(EventRow(*row)) for row in cursor.fetchall()]
        for event in events:
            self._waiting[event.aggregateid].append(event)
            self._position = event.position


def _refuse(event: LoggedEvent, cause: str) -> None:
    raise AssertionError(f"{event} was set aside: {cause}")


@dataclass
class Customer:
    """Somebody's customer."""

    shop: int
    id: str


@dataclass
class Payment:
    """A payment that the merchant knows of; ``recorded``: taken elsewhere."""

    shop: int
    id: str
    amount: int
    recorded: bool = False


@dataclass
class World:
    """What acts act on. ``texts`` are all that anything could be found by, at some time; ``decided``
    are the disputes whose outcome is on its way, which no second one must contradict."""

    engine: str
    apis: list[Api]
    deliveries: dict[str, Delivery]
    payments: list[Payment] = field(default_factory=list)
    customers: list[Customer] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)
    story: list[str] = field(default_factory=list)
    # The acts that found something to act on.
    busy: list[Act] = field(default_factory=list)
    # What the auditor had to say before: of other tests' merchants.
    findings_before: list[Finding] = field(default_factory=list)

    def play(self, acts: Sequence[Act]) -> None:
        """Each act in turn; the story says what came of it."""
        for act in acts:
            number = len(self.story) + 1
            self.story.append(f"{number:>3}. {act}")
            self.busy.append(act)
            came_of_it = act.do(self)
            self.story[-1] += f": {came_of_it}"
            if came_of_it == NOBODY:
                self.busy.pop()

    def settle_down(self) -> None:
        """All that has happened is handled."""
        for delivery in self.deliveries.values():
            delivery.finish()

    def payment(
        self, number: int, statuses: Collection[str], *, may_be_recorded: bool = True
    ) -> Payment | None:
        """The payment of this number out of those in one of ``statuses``; of all where there is
        none, so that a refusal is part of the history now and then."""
        ids = [paid.id for paid in self.payments]
        known = dict(Transaction.objects.filter(pk__in=ids).values_list("pk", "status"))
        fitting = [paid for paid in self.payments if known[UUID(paid.id)] in statuses]
        found = fitting or self.payments
        return _counted_round(
            [paid for paid in found if may_be_recorded or not paid.recorded], number
        )

    def customer(self, number: int, *, shop: int | None = None) -> Customer | None:
        """The customer of this number, out of one shop's or of all."""
        return _counted_round([row for row in self.customers if shop in (None, row.shop)], number)

    def refund(self, number: int) -> Refund | None:
        """The refund of this number, out of those that wait, if any do."""
        found = list(Refund.objects.filter(merchant_id__in=self._merchants()).order_by("id"))
        waiting = [refund for refund in found if refund.status == "pending"]
        return _counted_round(waiting or found, number)

    def dispute(
        self, number: int, kinds: Collection[str], statuses: Collection[str]
    ) -> Dispute | None:
        """The dispute of this number out of those that may go on, as far as we know."""
        found = Dispute.objects.filter(
            merchant_id__in=self._merchants(), dispute_type__in=kinds, status__in=statuses
        ).order_by("id")
        return _counted_round([row for row in found if str(row.pk) not in self.decided], number)

    def api_of(self, row: Refund | Dispute) -> Api:
        """The key that the row's merchant sees it with."""
        [api] = [
            api
            for api in self.apis
            if (api.scope.merchant_id, api.scope.environment) == (row.merchant_id, row.environment)
        ]
        return api

    def took(self, shop: int, response: httpx.Response, *, recorded: bool = False) -> str:
        """Keeps the payment that an answer tells of, a declined one too; says what it was."""
        body = response.json()
        made = body if response.is_success else body["error"].get("transaction")
        if made is None:
            return outcome(response)
        paid = Payment(shop, made["id"], made["amount"], recorded)
        self.payments.append(paid)
        return self.of(paid, response)

    def of(self, paid: Payment, response: httpx.Response) -> str:
        """Which payment was acted on, and what was answered."""
        return f"payment {self.payments.index(paid)}, {outcome(response)}"

    def _merchants(self) -> set[UUID]:
        return {UUID(str(api.scope.merchant_id)) for api in self.apis}


def _counted_round(found: Sequence[Found], number: int) -> Found | None:
    return found[number % len(found)] if found else None


@contextmanager
def new_world(server: Server, engine: str) -> Iterator[World]:
    """Two merchants that nobody knows yet. The second one's recorded payments come to us, and it
    gets no fee of a dispute back. Where Elasticsearch answers PostgreSQL's words are kept too."""
    first = make_merchant()
    second = make_merchant(
        fee_structure={**FEES, "dispute_fee_returned": False},
        processing_config={"credits_recorded_payments": True},
    )
    keys = [(first, "test"), (first, "live"), (second, "test")]
    ids = [first.id, second.id]
    deliveries = {
        SUMMARIES: Delivery(DAILY_SUMMARIES, ids),
        WORDS: Delivery(SEARCH_WORDS, ids),
    }
    if engine == ELASTICSEARCH:
        deliveries[DOCUMENTS] = Delivery(SEARCH_DOCUMENTS, ids)
    # What others left for the gateway to tell is told before.
    deliver_gateway_messages()
    with ExitStack() as stack:
        apis = [stack.enter_context(client_of(server, *key)) for key in keys]
        yield World(engine, apis, deliveries, findings_before=audit_books())


def outcome(response: httpx.Response) -> str:
    """An answer in a few words; one that is no answer fails."""
    assert response.status_code < 500, response.text
    told = response.json()
    if response.is_success:
        return str(told.get("status", response.status_code))
    return f"{response.status_code} {told['error'].get('decline_code') or told['error']['code']}"
