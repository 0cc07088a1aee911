"""``/metrics``: what Prometheus reads, summed over the server's processes.

Each process writes its numbers into mapped files of ``PROMETHEUS_MULTIPROC_DIR``; whichever worker
is asked adds them all up, those of workers that have ended included. So whoever starts a server
gives it a folder that is empty (``./dev up`` does; a container's /tmp is). A process without that
folder, such as a command or a test, keeps its numbers to itself. What is true now, such as how far
readers are, is asked for at each reading instead (``gauges``).
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse

from payments_project.api.gauges import KeptGauges


def _prepare_folder(folder: Path) -> None:
    """Makes the folder for this user alone. Raises ``RuntimeError`` if it is somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise RuntimeError(f"{folder} belongs to another user; set PROMETHEUS_MULTIPROC_DIR")


_folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if _folder:
    _prepare_folder(Path(_folder))

# After the folder: the library decides at its import how values are kept.
from prometheus_client import (  # noqa: E402
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402

_METHODS = {name: name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
# Seconds: a read is a few milliseconds, a payment waits for its gateway (30 s at most).
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 35.0)

REQUESTS = Counter("http_requests_total", "Requests answered.", ["view", "method", "status"])
SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time from a request to its response.",
    ["view", "method"],
    buckets=_BUCKETS,
)
FAILED_OPEN = Counter(
    "rate_limit_failed_open_total", "Calls let through uncounted because Redis was away."
)


def count_failed_open() -> None:
    """Notes a call that was let through without counting it."""
    FAILED_OPEN.inc()


class MetricsMiddleware:
    """Counts and times every request. Its numbers are kept by view, never by path or merchant."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        # Looking up a metric's labels costs more than counting: both are kept per combination.
        self._found: dict[tuple[Any, str, int], tuple[Any, Any]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        view = None if match is None else match.func
        # A caller can invent methods; each would be a series of its own.
        method = _METHODS.get(request.method or "", "other")
        key = (view, method, response.status_code)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = _metrics_of(view, method, response.status_code)
        count, seconds = found
        count.inc()
        seconds.observe(time.perf_counter() - started)
        return response


def _metrics_of(view: Any, method: str, status: int) -> tuple[Any, Any]:
    name = view_name(view)
    return REQUESTS.labels(name, method, str(status)), SECONDS.labels(name, method)


def view_name(view: Any) -> str:
    """``TransactionsView`` for a class's view, a function's name for others."""
    if view is None:
        return "none"
    named = getattr(view, "cls", None) or getattr(view, "view_class", None) or view
    return str(getattr(named, "__name__", type(named).__name__))


class _GaugeCollector(Collector):
    """What apps have registered as gauges, in the library's terms."""

    def __init__(self) -> None:
        self._kept = KeptGauges()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in self._kept.read():
            family = GaugeMetricFamily(
                gauge.name,
                gauge.documentation,
                value=gauge.value,
                labels=[gauge.label] if gauge.label else None,
            )
            for label, value in gauge.values.items():
                family.add_metric([label], value)
            yield family

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing, so that registering asks for nothing."""
        return []


_gauges = _GaugeCollector()


def metrics(request: HttpRequest) -> HttpResponse:
    """``GET /metrics``: the numbers of all processes, in Prometheus' text format."""
    registry = REGISTRY
    if _folder:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    now = CollectorRegistry()
    now.register(_gauges)
    answer = generate_latest(registry) + generate_latest(now)
    return HttpResponse(answer, content_type=CONTENT_TYPE_LATEST)
