"""Settings that hold everywhere. What differs by place is read from the environment.

Nothing secret has a default here: a missing setting stops the start with its name.
"""

import json
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from payments_project.schedule import SCHEDULE
from payments_project.settings import console, openapi
from payments_project.socket_addresses import parse_socket_address

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent.parent


PREPARED_STATEMENTS = env.bool("DATABASE_PREPARED_STATEMENTS", default=True)


def database(url: str) -> dict[str, Any]:
    """A Django database from its URL, with a pool of this process's connections.

    Prepared statements are on: through PgBouncer in transaction mode they need version 1.21 or
    later. TCP_USER_TIMEOUT ends a connection whose other side vanished; without it a black-holed
    server holds a thread for minutes.
    """
    config: dict[str, Any] = {**environ.Env.db_url_config(url)}
    config["ENGINE"] = "payments_project.database.backend"
    config["CONN_MAX_AGE"] = 0
    config["OPTIONS"] = {
        **config.get("OPTIONS", {}),
        "pool": {
            "min_size": env.int("DATABASE_POOL_MIN", default=1),
            "max_size": env.int("DATABASE_POOL_MAX", default=20),
            "timeout": 10,
            "max_lifetime": 3600,
        },
        "server_side_binding": True,
        # After so many uses a statement is prepared. PgBouncer before 1.21 needs this off.
        "prepare_threshold": 2 if PREPARED_STATEMENTS else None,
        "connect_timeout": 5,
        "keepalives_idle": 30,
        "tcp_user_timeout": 10_000,
        "application_name": env("PROCESS_NAME", default="payments"),
    }
    return config


def evidence_storage(*, default_folder: Path) -> dict[str, Any]:
    """Where files for disputes lie: the S3 bucket EVIDENCE_S3_BUCKET, or else a folder.

    A bucket's address (for others than Amazon's) and region may be named; the credentials are found
    as boto3 finds them. Objects are private, and nothing is ever overwritten.
    """
    bucket = env("EVIDENCE_S3_BUCKET", default="")
    if bucket:
        return {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": bucket,
                "endpoint_url": env("EVIDENCE_S3_ENDPOINT_URL", default="") or None,
                "region_name": env("EVIDENCE_S3_REGION", default="") or None,
                "default_acl": None,
                "file_overwrite": False,
                "querystring_auth": True,
            },
        }
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": env("EVIDENCE_FOLDER", default="") or default_folder,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    }


def json_object(name: str) -> dict[str, Any]:
    """A setting that is a JSON object; empty where it is missing. What is none stops the start."""
    try:
        value = json.loads(env(name, default="") or "{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} is no JSON object")
    return value


def socket_addresses(name: str) -> list[str]:
    """A setting that lists addresses with ports. What is none stops the start."""
    values: list[str] = [value.strip() for value in env.list(name, default=[]) if value.strip()]
    try:
        for value in values:
            parse_socket_address(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None
    return values


DATABASES = {"default": database(env("DATABASE_URL"))}
# The role that runs the product; migrations grant it its rights. The owner's URL is given as
# DATABASE_URL to the processes that migrate, and to no other.
DATABASE_APP_ROLE = env("DATABASE_APP_ROLE", default="payments_app")

REDIS_URL = env("REDIS_URL")
# PostgreSQL itself, for readers of the event log, where DATABASE_URL leads through PgBouncer.
EVENTS_DATABASE = database(url) if (url := env("EVENTS_DATABASE_URL", default="")) else None
# How long events and webhooks stay in the log; the source of every payment's timeline.
EVENTS_KEPT_MONTHS = env.int("EVENTS_KEPT_MONTHS", default=24)
WEBHOOKS_KEPT_MONTHS = env.int("WEBHOOKS_KEPT_MONTHS", default=6)
PROCESS_NAME = env("PROCESS_NAME", default="payments")

KAFKA_BOOTSTRAP_SERVERS = env("KAFKA_BOOTSTRAP_SERVERS", default="")
# More settings for every client, under librdkafka's names: {"security.protocol": "SASL_SSL", …}.
KAFKA_OPTIONS = json_object("KAFKA_OPTIONS")
KAFKA_TOPIC_PREFIX = env("KAFKA_TOPIC_PREFIX", default="payments")
# Of topics that the relay makes. More partitions let more consumers share the work; they can't be
# changed later without mixing up the order of an object's events. -1: as many copies as the brokers
# are set to.
KAFKA_PARTITIONS = env.int("KAFKA_PARTITIONS", default=6)
KAFKA_REPLICATION_FACTOR = env.int("KAFKA_REPLICATION_FACTOR", default=-1)
KAFKA_RETENTION_HOURS = env.int("KAFKA_RETENTION_HOURS", default=7 * 24)
ELASTICSEARCH_URL = env("ELASTICSEARCH_URL", default="")
# More of the client's own settings: {"api_key": "…", "ca_certs": "/etc/…"}.
ELASTICSEARCH_OPTIONS = json_object("ELASTICSEARCH_OPTIONS")
ELASTICSEARCH_INDEX_PREFIX = env("ELASTICSEARCH_INDEX_PREFIX", default="payments")
# Of indices that are made from now on; copies as many as there are nodes for, up to one.
ELASTICSEARCH_SHARDS = env.int("ELASTICSEARCH_SHARDS", default=1)
ELASTICSEARCH_REPLICAS = env("ELASTICSEARCH_REPLICAS", default="0-1")
# An index that was replaced stays so long for searches that go on from an earlier page.
SEARCH_INDEX_KEPT_SECONDS = env.int("SEARCH_INDEX_KEPT_SECONDS", default=900)

# Each web process keeps to a core of its own, and its threads don't interrupt each other; for
# servers that have their machine to themselves.
WEB_CORE_PER_PROCESS = env.bool("WEB_CORE_PER_PROCESS", default=False)

SECRET_KEY = env("SECRET_KEY")
# Keyed hashes: API keys, request bodies and card numbers can't be searched without these.
API_KEY_HASH_KEY = env("API_KEY_HASH_KEY")
REQUEST_FINGERPRINT_KEY = env("REQUEST_FINGERPRINT_KEY")
CARD_FINGERPRINT_KEY = env("CARD_FINGERPRINT_KEY")
# Encrypted fields that must be read back (tax ids, gateway credentials, stored secrets).
CRYPTOGRAPHY_KEY = env("CRYPTOGRAPHY_KEY")
# The same secret under a name of ours: django-cryptography replaces its own by derived bytes.
STORED_SECRETS_KEY = CRYPTOGRAPHY_KEY
# Key rings, "id:base64,id:base64": the first encrypts, all decrypt.
VAULT_KEYS = env("VAULT_KEYS")
PII_KEYS = env("PII_KEYS")

DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
PUBLIC_URL = env("PUBLIC_URL", default="http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
CSRF_FAILURE_VIEW = "payments_project.console.failures.csrf_failure"

INSTALLED_APPS = [
    # The theme without its own site: the console's takes the admin's place.
    "unfold.apps.BasicAppConfig",
    "payments_project.console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "payments_project",
    "merchants",
    "vault",
    "transactions",
    "disputes",
    "analytics",
]

MIDDLEWARE = [
    "payments_project.api.request_id.RequestIdMiddleware",
    "payments_project.api.metrics.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# What a request of the merchant API passes (payments_project/wsgi.py).
API_MIDDLEWARE = [
    name for name in MIDDLEWARE if name.startswith("payments_project.api.") or "Security" in name
]

ROOT_URLCONF = "payments_project.urls"
WSGI_APPLICATION = "payments_project.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "payments_project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_USER_MODEL = "payments_project.StaffUser"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT: Path | None = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
    "evidence": evidence_storage(default_folder=BASE_DIR / "evidence"),
}
WHITENOISE_USE_FINDERS = True

DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.DefaultClient",
            # Nothing waits for Redis longer than this; each use says what it does without it.
            "SOCKET_CONNECT_TIMEOUT": 0.05,
            "SOCKET_TIMEOUT": 0.05,
        },
    }
}

# How staff sign in; docs/staff.md. "required": nobody reaches the console without a second factor;
# "optional": those alone are asked for one who have enrolled.
STAFF_SECOND_FACTOR = env("STAFF_SECOND_FACTOR", default="required")
if STAFF_SECOND_FACTOR not in ("required", "optional"):
    raise ImproperlyConfigured("STAFF_SECOND_FACTOR is neither required nor optional")
# A session ends so long after its last request, and so long after its beginning whatever happens.
STAFF_SESSION_IDLE_SECONDS = env.int("STAFF_SESSION_IDLE_SECONDS", default=30 * 60)
STAFF_SESSION_SECONDS = env.int("STAFF_SESSION_SECONDS", default=12 * 3600)
SESSION_ENGINE = "payments_project.staff.sign_in.session_store"
SESSION_COOKIE_AGE = STAFF_SESSION_SECONDS
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
# Not "Strict": a link to a payment in a ticket would lead to the sign-in page.
SESSION_COOKIE_SAMESITE = "Lax"

# How many proxies stand before the product and add the address that called them to
# X-Forwarded-For; payments_project/client_address.py.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["merchants.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["payments_project.api.strict_json.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "payments_project.api.openapi.ApiSchema",
    "EXCEPTION_HANDLER": "payments_project.api.exception_handler.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

# Requests per key and endpoint, in a sliding window; a key may have its own.
RATE_LIMIT_PER_SECOND = env.int("RATE_LIMIT_PER_SECOND", default=100)
RATE_LIMIT_PER_HOUR = env.int("RATE_LIMIT_PER_HOUR", default=100_000)

# Gateways. A call that takes longer has an unknown outcome; the lease adds GATEWAY_LEASE_MARGIN.
GATEWAY_TIMEOUT_SECONDS = env.int("GATEWAY_TIMEOUT_SECONDS", default=30)
GATEWAY_LEASE_MARGIN_SECONDS = 5
# What a gateway promised to tell and has not told for so long is asked for.
GATEWAY_MESSAGE_OVERDUE_SECONDS = env.int("GATEWAY_MESSAGE_OVERDUE_SECONDS", default=3600)
SIMULATOR_SIGNING_KEY = env("SIMULATOR_SIGNING_KEY", default="")
SIMULATOR_CALLBACK_DELAY_SECONDS = env.float("SIMULATOR_CALLBACK_DELAY_SECONDS", default=3.0)
# True lets the simulator answer live keys too: an embedded start only.
SIMULATOR_ANSWERS_LIVE = env.bool("SIMULATOR_ANSWERS_LIVE", default=False)
AUTHORIZATION_VALID_DAYS = env.int("AUTHORIZATION_VALID_DAYS", default=7)

# Refunds, adjustments and payouts by one person alone: up to so much, in major units of any currency
# that has no limit of its own in the console.
APPROVAL_LIMIT_DEFAULT = env.int("APPROVAL_LIMIT_DEFAULT", default=1_000)

# Who pays live money out: "file" for pain.001 files that staff hand to the bank.
PAYOUT_BANK = env("PAYOUT_BANK", default="file")
# The accounts that files of payouts debit, by currency:
# {"EUR": {"name": "…", "iban": "…", "bic": "…"}}; an account without an IBAN has "account".
PAYOUT_DEBTORS: dict[str, dict[str, str]] = json_object("PAYOUT_DEBTORS")

# Webhooks: workers of one process, which mostly wait for merchants' servers; and after how many days
# without a success an endpoint is disabled.
WEBHOOK_TIMEOUT_SECONDS = env.float("WEBHOOK_TIMEOUT_SECONDS", default=15.0)
WEBHOOK_THREADS = env.int("WEBHOOK_THREADS", default=64)
WEBHOOK_DISABLED_AFTER_DAYS = env.int("WEBHOOK_DISABLED_AFTER_DAYS", default=5)
# Test mode's endpoints may be on this host: an embedded start only.
WEBHOOK_ALLOW_LOOPBACK = env.bool("WEBHOOK_ALLOW_LOOPBACK", default=False)
# Who is asked for endpoints' names, each as address:port ([address]:port for IPv6); the system's
# servers by default.
WEBHOOK_DNS_SERVERS: list[str] = socket_addresses("WEBHOOK_DNS_SERVERS")

CELERY_BROKER_URL = env("CELERY_BROKER_URL", default=REDIS_URL)
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 300
CELERY_TIMEZONE = "UTC"
# Merchants' servers may take their time, and are waited for by workers of their own.
CELERY_TASK_ROUTES = {"merchants.deliver_webhooks": {"queue": "webhooks"}}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Longer than the longest task; a killed worker's task comes back soon after, not 100 s later.
# Who asks for work waits for a broker that is away a moment, not the six seconds that are the default.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 2400,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_BEAT_SCHEDULE = SCHEDULE
CELERY_REDBEAT_REDIS_URL = CELERY_BROKER_URL
# A beat that was killed leaves its lock behind. The next one looks for it as often as the loop's
# interval says, by default every five minutes: so long would nothing run by the clock.
CELERY_BEAT_MAX_LOOP_INTERVAL = 2
CELERY_REDBEAT_LOCK_TIMEOUT = 10

# E-mail to merchants: smtp://user:password@host:587 (smtp+tls:// with STARTTLS, smtp+ssl://), or
# consolemail:// and filemail:///folder to look at it.
EMAIL_URL = env("EMAIL_URL", default="consolemail://")
vars().update(env.email_url_config(EMAIL_URL))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env("EMAIL_FROM", default="Payments <payments@localhost>")

# What one CSV file of the console may take: rows in it, rows looked at where a filter has no index,
# and seconds.
EXPORT_ROWS_MAX = env.int("EXPORT_ROWS_MAX", default=1_000_000)
EXPORT_LOOKED_AT_MAX = env.int("EXPORT_LOOKED_AT_MAX", default=5_000_000)
EXPORT_SECONDS_MAX = env.int("EXPORT_SECONDS_MAX", default=600)

CONSOLE_SIDEBAR = console.CONSOLE_SIDEBAR
UNFOLD = console.UNFOLD

SPECTACULAR_SETTINGS = openapi.SPECTACULAR_SETTINGS
