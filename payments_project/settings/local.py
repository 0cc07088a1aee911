"""The embedded start: ``./dev`` writes the secrets and the engines' addresses into its data folder.

``PAYMENTS_DATA`` names that folder (``.local`` by default); what the environment says wins.
"""

import os
from pathlib import Path

import environ

_data = Path(os.environ.get("PAYMENTS_DATA", Path(__file__).parents[2] / ".local"))
for _file in ("env", "stack.env"):
    if (_data / _file).is_file():
        environ.Env.read_env(str(_data / _file))

from payments_project.settings.base import *  # noqa: E402, F403

ALLOWED_HOSTS = ["*"]
EMBEDDED = True
# The login that ./dev up prints works with its password alone.
STAFF_SECOND_FACTOR = env("STAFF_SECOND_FACTOR", default="optional")  # noqa: F405
SIMULATOR_ANSWERS_LIVE = True
WEBHOOK_ALLOW_LOOPBACK = env.bool("WEBHOOK_ALLOW_LOOPBACK", default=True)  # noqa: F405
# High enough to benchmark one merchant's key; see docs/rate-limits.md.
RATE_LIMIT_PER_SECOND = env.int("RATE_LIMIT_PER_SECOND", default=10_000)  # noqa: F405
RATE_LIMIT_PER_HOUR = env.int("RATE_LIMIT_PER_HOUR", default=10_000_000)  # noqa: F405
STORAGES["evidence"] = evidence_storage(default_folder=_data / "evidence")  # noqa: F405
if "EMAIL_URL" not in os.environ:
    # What would be sent lies in the data folder, a file for each run of the worker.
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(_data / "mail")
# Static files are found where they lie; nothing is collected.
STATIC_ROOT = None
SESSION_COOKIE_NAME = "payments_session"
