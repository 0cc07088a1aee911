"""Settings that name no engine and no secret: for checks, types, and gathering static files.

Nothing that runs with them connects to anything. There is no database behind them: migrations are
compared with the models from their files alone, where a pool would wait for a server.
"""

import base64
import os

_SECRET = "0" * 64
_RING = f"2000-01:{base64.b64encode(bytes(32)).decode()}"

os.environ |= {
    "PAYMENTS_DATA": "/nonexistent",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": _SECRET,
    "API_KEY_HASH_KEY": _SECRET,
    "REQUEST_FINGERPRINT_KEY": _SECRET,
    "CARD_FINGERPRINT_KEY": _SECRET,
    "CRYPTOGRAPHY_KEY": _SECRET,
    "SIMULATOR_SIGNING_KEY": _SECRET,
    "VAULT_KEYS": _RING,
    "PII_KEYS": _RING,
}

from payments_project.settings.local import *  # noqa: E402, F403

DATABASES = {"default": {"ENGINE": "django.db.backends.dummy"}}
# Where the image's build gathers static files for production, which looks there.
STATIC_ROOT = BASE_DIR / "staticfiles"  # noqa: F405
