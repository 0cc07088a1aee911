"""Production: nothing embedded, nothing with a default, nothing unsafe."""

import environ
from django.core.exceptions import ImproperlyConfigured

_SECRET_CHARACTERS_MIN = 32
_ADDRESSES = (
    "ALLOWED_HOSTS",
    "PUBLIC_URL",
    "DATABASE_URL",
    "REDIS_URL",
    "EMAIL_URL",
    "EMAIL_FROM",
)
_SECRETS = (
    "SECRET_KEY",
    "API_KEY_HASH_KEY",
    "REQUEST_FINGERPRINT_KEY",
    "CARD_FINGERPRINT_KEY",
    "CRYPTOGRAPHY_KEY",
    "SIMULATOR_SIGNING_KEY",
    "VAULT_KEYS",
    "PII_KEYS",
)

# Empty is as bad as missing: what is hashed or signed under an empty key is open to anybody.
_env = environ.Env()
for _name in (*_ADDRESSES, *_SECRETS):
    if not _env(_name).strip():
        raise ImproperlyConfigured(f"{_name} is set to nothing")
    if _name in _SECRETS and len(_env(_name)) < _SECRET_CHARACTERS_MIN:
        raise ImproperlyConfigured(
            f"{_name} has less than {_SECRET_CHARACTERS_MIN} characters;"
            " ./dev secrets makes good ones"
        )

# Files for disputes: a bucket, or a folder that all processes share.
if not any(_env(name, default="").strip() for name in ("EVIDENCE_S3_BUCKET", "EVIDENCE_FOLDER")):
    raise ImproperlyConfigured("EVIDENCE_S3_BUCKET or EVIDENCE_FOLDER is not set")

from payments_project.settings.base import *  # noqa: E402, F403
from payments_project.settings.base import STAFF_SECOND_FACTOR, WEBHOOK_ALLOW_LOOPBACK, env  # noqa: E402

EMBEDDED = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
PUBLIC_URL = env("PUBLIC_URL")

if STAFF_SECOND_FACTOR != "required":
    raise ImproperlyConfigured("STAFF_SECOND_FACTOR is required in production, and nothing else")
if WEBHOOK_ALLOW_LOOPBACK:
    raise ImproperlyConfigured("WEBHOOK_ALLOW_LOOPBACK is for an embedded start only")
# There is one that speaks TLS, or every request would be sent on to https for ever.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=1)

SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
WHITENOISE_USE_FINDERS = False
