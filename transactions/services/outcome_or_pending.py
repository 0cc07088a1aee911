"""What is answered once an intent is committed, whatever becomes of its outcome."""

import logging
from collections.abc import Callable
from typing import TypeVar

from payments_project.errors import ServiceError
from payments_project.idempotency.replies import Replies

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Subject = TypeVar("Subject")


def outcome_or_pending(
    *,
    ask: Callable[[], Answer],
    finish: Callable[[Answer], Subject],
    pending: Callable[[], Subject],
    replies: Replies[Subject],
    intent: str,
) -> Subject:
    """Asks the gateway, has ``finish`` commit what it said, and returns what that returns; after
    the commit of ``intent``, whose name is for the log.

    If the gateway's answer can't be had or written (a lost connection, a lock that was not given,
    an adapter that raises), ``pending`` is told: the object as the intent left it. An error would
    read as "try again", and the gateway may have acted: without an idempotency key that is a second
    act. A key stays started, to be resumed; the resolver asks. A refusal that ``finish`` has
    committed is raised.
    """
    try:
        answer = ask()
        try:
            return finish(answer)
        except ServiceError as error:
            refusal = error
    except Exception:
        logger.exception("the outcome of %s could not be written", intent)
        # A reply may have been made of an outcome that is not written.
        replies.forget()
        return pending()
    raise refusal
