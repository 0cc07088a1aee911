"""Asking gateways about what waits for their answer: the one loop of all resolvers.

Fair to every gateway and every row, whatever one of them does: a gateway that is silent costs each
call its whole time-out, and there may be more such rows than any run can ask about.
"""

import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from payments_project.jobs.outcomes import AnotherRun
from payments_project.single_run import single_run
from transactions.gateways.calls import listening
from transactions.gateways.interface import Outcome
from transactions.gateways.lease import gateway_lease_seconds

logger = logging.getLogger(__name__)

# So often in a row without an answer, a gateway is left for the next run.
SILENT_MAX = 3
# No row is begun later in a run than this; with the last row's calls that is well within the time
# that a task has (CELERY_TASK_TIME_LIMIT).
RUN_SECONDS_MAX = 120
# A row takes two calls at most: the question, and the bar where nothing was found.
_CALLS_PER_ROW = 2
_LOCK_SECONDS_MIN = 10

_SILENCE = (Outcome.UNKNOWN, Outcome.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows of one kind that wait for a gateway's answer, ``gateway`` being the path to its name.

    ``ask`` is given a row's key. It asks, commits what it heard, and returns whether the row is
    settled now; it has to bear that the row was settled since.
    """

    kind: str
    rows: QuerySet[Any]
    gateway: str
    ask: Callable[[UUID], bool]


@dataclass(slots=True)
class _Queue:
    """A gateway's rows, and what asking about them has come to so far."""

    rows: list[tuple[Waiting, UUID]] = field(default_factory=list)
    seconds: float = 0.0
    silent: int = 0


def ask_gateways(*kinds: Waiting, job: str, batch: int) -> dict[str, int]:
    """Asks about up to ``batch`` rows of each gateway and kind; returns how many were asked about
    and how many are settled now.

    Rows are taken in random order, so that none that stays open holds up the others for ever. The
    gateway that has taken the least time so far is next, so that a slow one delays no other; one
    that gave no answer three times in a row is left for the next run, and so is all that is left
    after ``RUN_SECONDS_MAX``. A row that raises is logged and stops nothing. Raises ``AnotherRun``
    while another run of ``job`` goes on.
    """
    row_seconds = max(_CALLS_PER_ROW * gateway_lease_seconds(), _LOCK_SECONDS_MIN)
    with single_run(job, seconds=row_seconds) as keep_others_out:
        if keep_others_out is None:
            raise AnotherRun
        return _ask_in_turn(_queues(kinds, batch), before_each=keep_others_out)


def _queues(kinds: Iterable[Waiting], batch: int) -> list[_Queue]:
    """A queue for each gateway that something waits for, both in random order."""
    queues: dict[str, _Queue] = {}
    for kind in kinds:
        names = kind.rows.order_by().values_list(kind.gateway, flat=True).distinct()
        for name in list(names):
            rows = kind.rows.filter(**{kind.gateway: name}).order_by("?")
            queue = queues.setdefault(name, _Queue())
            queue.rows += [(kind, key) for key in rows.values_list("pk", flat=True)[:batch]]
    # What another run has settled since the names were read has left its queue empty.
    in_order = [queue for queue in queues.values() if queue.rows]
    for queue in in_order:
        random.shuffle(queue.rows)
    random.shuffle(in_order)
    return in_order


def _ask_in_turn(queues: list[_Queue], *, before_each: Callable[[], None]) -> dict[str, int]:
    ends = time.monotonic() + RUN_SECONDS_MAX
    asked = settled = 0
    while queues and time.monotonic() < ends:
        before_each()
        queue = min(queues, key=lambda queue: queue.seconds)
        kind, key = queue.rows.pop()
        started = time.monotonic()
        is_settled, has_answered = _ask(kind, key)
        queue.seconds += time.monotonic() - started
        queue.silent = 0 if has_answered else queue.silent + 1
        asked += 1
        settled += is_settled
        if not queue.rows or queue.silent == SILENT_MAX:
            queues.remove(queue)
    return {"asked": asked, "settled": settled}


def _ask(kind: Waiting, key: UUID) -> tuple[bool, bool]:
    """Whether the row is settled now, and whether its gateway answers: it does if any call was
    answered, or none was needed."""
    is_settled = False
    with listening() as heard:
        try:
            is_settled = kind.ask(key)
        except Exception:
            logger.exception("could not ask about %s %s", kind.kind, key)
    return is_settled, not heard or any(outcome not in _SILENCE for outcome in heard)
