"""Production: nothing embedded, nothing with a default, nothing unsafe."""

from payments_project.settings.base import *  # noqa: F403
from payments_project.settings.base import env

EMBEDDED = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
PUBLIC_URL = env("PUBLIC_URL")
PII_KEYS = env("PII_KEYS")

SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
WHITENOISE_USE_FINDERS = False
