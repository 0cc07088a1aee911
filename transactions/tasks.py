"""Celery tasks of the payment life cycle; each calls one service."""

from celery import shared_task

from payments_project.jobs.outcomes import AnotherRun
from transactions.balances import fold_balances
from transactions.gateways.simulator.delivery import send_due_callbacks
from transactions.services.callbacks import apply_callbacks
from transactions.services.confirm_overdue import confirm_overdue_captures
from transactions.services.expire import expire_authorizations
from transactions.services.resolve import resolve_unknown_outcomes
from transactions.services.resolve_payouts import resolve_payouts, settle_overdue_payouts
from transactions.services.run_payout_schedules import run_payout_schedules
from transactions.services.send_payouts import send_payouts
from transactions.services.settle import settle_due


@shared_task(name="transactions.fold_balances", expires=5)
def fold_balances_task() -> int:
    folded = fold_balances()
    if folded is None:
        raise AnotherRun
    return folded


@shared_task(name="transactions.apply_callbacks", expires=10)
def apply_callbacks_task() -> int:
    return apply_callbacks()


@shared_task(name="transactions.send_simulator_callbacks", expires=5)
def send_simulator_callbacks_task() -> int:
    return send_due_callbacks()


@shared_task(name="transactions.resolve_unknown_outcomes", expires=30)
def resolve_unknown_outcomes_task() -> dict[str, int]:
    return resolve_unknown_outcomes()


@shared_task(name="transactions.confirm_overdue_captures", expires=600)
def confirm_overdue_captures_task() -> dict[str, int]:
    return confirm_overdue_captures()


@shared_task(name="transactions.settle_due", expires=600)
def settle_due_task() -> int:
    return settle_due()


@shared_task(name="transactions.expire_authorizations", expires=600)
def expire_authorizations_task() -> int:
    return expire_authorizations()


@shared_task(name="transactions.send_payouts", expires=10)
def send_payouts_task() -> dict[str, int]:
    return send_payouts()


@shared_task(name="transactions.resolve_payouts", expires=30)
def resolve_payouts_task() -> dict[str, int]:
    return resolve_payouts()


@shared_task(name="transactions.settle_overdue_payouts", expires=600)
def settle_overdue_payouts_task() -> dict[str, int]:
    return settle_overdue_payouts()


@shared_task(name="transactions.run_payout_schedules", expires=600)
def run_payout_schedules_task() -> int:
    return run_payout_schedules()
