"""``./manage.py reset_second_factor USERNAME``: for the only administrator who lost the phone."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.staff.models import StaffUser
from payments_project.staff.sign_in import lock_out, second_factor, sessions


class Command(BaseCommand):
    help = (
        "Takes a member of staff's second factor away, unlocks the account and signs it out"
        " everywhere; the next sign-in enrols anew. On record as done by the system."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", default="By the operator, on the server.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = StaffUser.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no member of staff named {options['username']!r}.")

        def work() -> bool:
            was_enrolled = second_factor.reset(user=user, request=None, reason=options["reason"])
            if was_enrolled:
                lock_out.unlock(user)
                sessions.end_sessions(user)
            return was_enrolled

        if not run_in_transaction(work):
            raise CommandError(f"{user.username} has no second factor.")
        self.stdout.write(f"{user.username} enrols a second factor at the next sign-in.")
