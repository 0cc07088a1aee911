"""Probes: ``/healthz`` (the process lives) and ``/readyz`` (it can serve, engine by engine)."""

import functools
import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django_redis import get_redis_connection

from payments_project.database.partitions import MONTHS_AHEAD_LEAST, months_ahead

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient
    from elasticsearch import Elasticsearch

# What is asked beside the request's own thread is waited for no longer than this.
ASKED_SECONDS_MAX = 1.0
UNAVAILABLE = "unavailable"
# A name that does not resolve can hold a thread for longer: the next probes wait for the same
# question rather than take more threads.
_threads = ThreadPoolExecutor(2, thread_name_prefix="readyz")
_asked: dict[str, Future[dict[str, Any]]] = {}


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process lives; asks no engine."""
    return _answer({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 if payments can be taken, else 503. They can without the engines other than PostgreSQL,
    and a configured one that is away makes them ``degraded`` (docs/running.md)."""
    engines = ask_engines()
    ready = engines["postgresql"]["status"] == "ok"
    degraded = any(engine["status"] == UNAVAILABLE for engine in engines.values())
    status = UNAVAILABLE if not ready else "degraded" if degraded else "ok"
    return _answer({"status": status, "engines": engines}, status=200 if ready else 503)


def ask_engines() -> dict[str, dict[str, Any]]:
    """Each engine's ``status``: ``ok`` with the milliseconds that it took, ``not_configured``, or
    ``unavailable`` with the reason. Takes little over ``ASKED_SECONDS_MAX``."""
    return {"postgresql": _check(_check_postgresql), **ask_other_engines()}


def ask_other_engines() -> dict[str, dict[str, Any]]:
    """The same without PostgreSQL, for who has just been answered by it."""
    deadline = time.monotonic() + ASKED_SECONDS_MAX
    # They answer while this thread asks the others.
    kafka = _ask("kafka", _check_kafka, settings.KAFKA_BOOTSTRAP_SERVERS)
    elasticsearch = _ask("elasticsearch", _check_elasticsearch, settings.ELASTICSEARCH_URL)
    return {
        "redis": _check(_check_redis),
        "kafka": _answer_of(kafka, deadline),
        "elasticsearch": _answer_of(elasticsearch, deadline),
    }


def _ask(name: str, check: Callable[[str], None], address: str) -> Future[dict[str, Any]] | None:
    """Begins to ask an engine in a thread; None if it is not configured."""
    if not address:
        return None
    asked = _asked.get(name)
    if asked is None or asked.done():
        asked = _asked[name] = _threads.submit(_check, functools.partial(check, address))
    return asked


def _answer_of(asked: Future[dict[str, Any]] | None, deadline: float) -> dict[str, Any]:
    if asked is None:
        return {"status": "not_configured"}
    try:
        return asked.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        return {"status": UNAVAILABLE, "reason": "TimeoutError"}


def _check(check: Callable[[], None]) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        check()
    except (Error, OSError, redis.exceptions.RedisError, RuntimeError) as error:
        return {"status": UNAVAILABLE, "reason": type(error).__name__}
    return {"status": "ok", "ms": round((time.perf_counter() - started) * 1000, 1)}


def _check_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if months_ahead() < MONTHS_AHEAD_LEAST:
        raise RuntimeError("too few monthly partitions ahead")


def _check_redis() -> None:
    get_redis_connection("default").ping()


def _check_kafka(servers: str) -> None:
    from confluent_kafka import KafkaException

    try:
        _kafka(servers).list_topics(timeout=ASKED_SECONDS_MAX)
    except KafkaException as error:
        raise ConnectionError from error


def _check_elasticsearch(url: str) -> None:
    from elasticsearch import ApiError, TransportError

    try:
        health = _elasticsearch(url).cluster.health()
    except (ApiError, TransportError, ValueError) as error:
        raise ConnectionError from error
    if health["status"] == "red":
        raise RuntimeError("a part of its data is missing")


# Their libraries are loaded where they are configured only, and a client is kept for the process.
@functools.cache
def _kafka(servers: str) -> "AdminClient":
    from confluent_kafka.admin import AdminClient

    # It tells stderr of each attempt that fails, and would try ever more rarely.
    return AdminClient(
        {"bootstrap.servers": servers, "log_level": 0, "reconnect.backoff.max.ms": 1000}
    )


@functools.cache
def _elasticsearch(url: str) -> "Elasticsearch":
    from elasticsearch import Elasticsearch

    options = {"request_timeout": ASKED_SECONDS_MAX, "max_retries": 0}
    return Elasticsearch(url, **(settings.ELASTICSEARCH_OPTIONS | options))


def _answer(content: dict[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(json.dumps(content), status=status, content_type="application/json")
