"""Probes: ``/healthz`` (the process lives) and ``/readyz`` (it can serve, engine by engine)."""

import json
import time
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django_redis import get_redis_connection

from payments_project.database.partitions import MONTHS_AHEAD_LEAST, months_ahead


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process lives; asks no engine."""
    return _answer({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 if payments can be taken, else 503. Without Redis they can (docs/running.md)."""
    engines = {
        "postgresql": _check(_check_postgresql),
        "redis": _check(_check_redis),
        "kafka": {"status": "configured" if settings.KAFKA_BOOTSTRAP_SERVERS else "not_configured"},
        "elasticsearch": {
            "status": "configured" if settings.ELASTICSEARCH_URL else "not_configured"
        },
    }
    ready = engines["postgresql"]["status"] == "ok"
    degraded = engines["redis"]["status"] != "ok"
    status = "unavailable" if not ready else "degraded" if degraded else "ok"
    return _answer({"status": status, "engines": engines}, status=200 if ready else 503)


def _check(check: Callable[[], None]) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        check()
    except (Error, OSError, redis.exceptions.RedisError, RuntimeError) as error:
        return {"status": "unavailable", "reason": type(error).__name__}
    return {"status": "ok", "ms": round((time.perf_counter() - started) * 1000, 1)}


def _check_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if months_ahead() < MONTHS_AHEAD_LEAST:
        raise RuntimeError("too few monthly partitions ahead")


def _check_redis() -> None:
    get_redis_connection("default").ping()


def _answer(content: dict[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(json.dumps(content), status=status, content_type="application/json")
