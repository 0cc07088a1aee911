"""The data folder's ``env``: addresses and secrets for every process of the product."""

import os
import sys
from dataclasses import dataclass

from payments_project.local import secret_values
from payments_project.local.folder import DataFolder, read_env, write_env
from payments_project.local.postgres import Addresses


@dataclass(frozen=True, slots=True)
class Environment:
    """What the product's processes are given: ``values`` are those of the ``env`` file."""

    folder: DataFolder
    values: dict[str, str]

    def for_process(self, name: str, **extra: str) -> dict[str, str]:
        """The environment of one of the product's processes, as the application's role.

        The files' values are given too, so that nothing of the caller's own environment wins.
        """
        stack = read_env(self.folder.stack_env_file)
        addresses = {"KAFKA_BOOTSTRAP_SERVERS": "", "ELASTICSEARCH_URL": ""} | stack
        return (
            self.values
            | addresses
            | {
                "DJANGO_SETTINGS_MODULE": "payments_project.settings.local",
                "PAYMENTS_DATA": str(self.folder.path),
                "PROCESS_NAME": name,
                "PYTHONUNBUFFERED": "1",
            }
            | extra
        )

    def for_owner(self, name: str) -> dict[str, str]:
        """The same as the role that owns the schema: for migrations only."""
        return self.for_process(name, DATABASE_URL=self.values["DATABASE_OWNER_URL"])


def write(
    folder: DataFolder, *, addresses: Addresses, redis_url: str, public_url: str
) -> Environment:
    """Writes the ``env`` file: secrets as they were, addresses as they are now."""
    known = read_env(folder.env_file)
    values = known | {
        "DATABASE_URL": addresses.application,
        "DATABASE_OWNER_URL": addresses.owner,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": public_url,
        **secret_values.complete(known),
    }
    write_env(folder.env_file, values)
    return Environment(folder, values)


def inherited(environment: dict[str, str]) -> dict[str, str]:
    """This process's environment with the given values laid over it."""
    return os.environ | environment


def manage(*arguments: str) -> list[str]:
    """The command line of ``manage.py``."""
    return [sys.executable, "manage.py", *arguments]
