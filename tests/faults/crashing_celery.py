"""The product's Celery application, whose processes die with SIGKILL where ``CRASH_AT`` says: before
or after the simulated bank takes an order. Only tests load this module; the product has no such
switch.
"""

import os

import django

django.setup()

from payments_project.celery import app  # noqa: E402 (the bank's models need the setup)
from tests.faults.crashing_wsgi import AFTER_GATEWAY, BEFORE_GATEWAY, die  # noqa: E402
from transactions.banks.interface import BankResult, PaymentOrder  # noqa: E402
from transactions.banks.simulator.bank import SimulatorBank  # noqa: E402

__all__ = ["app"]

_crash_at = os.environ["CRASH_AT"]
_send = SimulatorBank.send


def _send_and_die(self: SimulatorBank, order: PaymentOrder) -> BankResult:
    if _crash_at == BEFORE_GATEWAY:
        die()
    result = _send(self, order)
    if _crash_at == AFTER_GATEWAY:
        die()
    return result


SimulatorBank.send = _send_and_die  # type: ignore[method-assign]
