"""Settings of ``./dev check``: the embedded start's, with no database behind them.

Migrations are compared with the models from their files alone; a pool that waits for a server
that is not there would add its time-out.
"""

from payments_project.settings.local import *  # noqa: F403

DATABASES = {"default": {"ENGINE": "django.db.backends.dummy"}}
