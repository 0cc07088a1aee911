"""What keeps search true: two consumers of events, one for each engine.

Neither believes what an event says: it names payments, and what is written is what the tables say
of them now, so that repeated and reordered events do no harm. PostgreSQL's words go on while
Elasticsearch is away, which catches up by itself.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from uuid import UUID

from django.conf import settings

from analytics.search.content import FoundPayment, read_chunks
from analytics.search.transaction_words import write_words
from merchants.models import Customer
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.consumers import Consumer
from payments_project.events.log_reader import Selection
from payments_project.events.logged import LoggedEvent
from transactions.selectors import payments_of_customer
from transactions.services.raise_revision import raise_revisions_of_customer

WORDS, DOCUMENTS = "search_words", "search_documents"

# So many payments of one customer are written at a time.
CUSTOMER_PAYMENTS = 1_000
_CUSTOMER_EVENTS = ("customer.updated", "customer.deleted")

Write = Callable[[Iterable[Sequence[FoundPayment]]], object]


def _handle_words(events: Sequence[LoggedEvent]) -> None:
    _handle(events, write_words)


def _handle_documents(events: Sequence[LoggedEvent]) -> None:
    if not settings.ELASTICSEARCH_URL:
        return
    # Its library is loaded where there is one.
    from analytics.search.elastic.indices import written_indices
    from analytics.search.elastic.write import write_payments

    done: set[str] = set()
    # An index that is made meanwhile is filled with what is there when it is: whether that is what
    # was written here just now, nobody knows, so it gets it too.
    while missing := [name for name in written_indices() if name not in done]:
        _handle(events, partial(write_payments, targets=missing))
        done.update(missing)


def _show_documents() -> None:
    if settings.ELASTICSEARCH_URL:
        from analytics.search.elastic.indices import show_written

        show_written()


def _handle(events: Sequence[LoggedEvent], write: Write) -> None:
    payments = {UUID(found) for event in events if (found := _payment_of(event))}
    write(read_chunks(payments))
    for customer, sequence in _moved_customers(events):
        _write_customer(customer, sequence, write)


def _payment_of(event: LoggedEvent) -> str | None:
    kind = event.row.aggregatetype
    if kind == "transaction":
        return event.aggregateid
    if kind in ("refund", "dispute"):
        found: str = event.data["object"]["transaction"]
        return found
    return None


def _moved_customers(events: Sequence[LoggedEvent]) -> list[tuple[UUID, int]]:
    """The customers of whom one of ``events`` told another e-mail address, and that event's number,
    if it is the last such event of theirs; of an older one there is nothing to show any more."""
    told = {
        (UUID(event.aggregateid), event.sequence)
        for event in events
        if event.type in _CUSTOMER_EVENTS
    }
    if not told:
        return []
    known = Customer.objects.filter(pk__in=[customer for customer, _ in told])
    return sorted(told.intersection(known.values_list("pk", "email_sequence")))


def _write_customer(customer: UUID, sequence: int, write: Write) -> None:
    """The customer's payments, all of them, a number at a time, under a higher revision each: what
    somebody else has read with the old address may be written later than what is read here. For
    one change they are raised once, for all engines together."""
    raise_some = partial(
        raise_revisions_of_customer,
        customer_id=customer,
        sequence=sequence,
        limit=CUSTOMER_PAYMENTS,
    )
    while not run_in_transaction(raise_some):
        pass
    after = None
    while found := payments_of_customer(customer, after=after, limit=CUSTOMER_PAYMENTS):
        write(read_chunks(found))
        after = found[-1]


_SHOWN = Selection(("transaction", "refund", "dispute", "customer"), is_excluded=False)

SEARCH_WORDS = Consumer(
    name=WORDS, handle=_handle_words, objects=_SHOWN, batch_events=500, tells_reach=True
)
SEARCH_DOCUMENTS = Consumer(
    name=DOCUMENTS,
    handle=_handle_documents,
    objects=_SHOWN,
    batch_events=4_000,
    tells_reach=True,
    show=_show_documents,
)
