"""Celery tasks of the vault; each calls one service."""

from celery import shared_task

from vault.services.tell_of_expiring_cards import tell_of_expiring_cards


@shared_task(name="vault.tell_of_expiring_cards", expires=3600)
def tell_of_expiring_cards_task() -> int:
    return tell_of_expiring_cards()
