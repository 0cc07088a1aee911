"""What one payment says to PostgreSQL and Redis, counted on the wire."""

import http.client
import json
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

from bench.environment import BenchError, Database, product_environment, with_address
from bench.load_process import HttpRequest
from bench.web import start_web
from bench.wire import Conversation, PostgresListener, RedisListener, counting_proxy

PAYMENTS = 50
# The first ones open connections, prepare statements and fill caches.
WARM_UP_PAYMENTS = 20


@dataclass(frozen=True, slots=True)
class Trace:
    """Medians over ``PAYMENTS`` payments made one after the other, and the last one's words."""

    statements: float
    round_trips: float
    transactions: float
    redis_commands: float
    redis_round_trips: float
    texts: list[tuple[str, int]]
    redis_names: list[tuple[str, int]]


def trace_payments(
    *, database: Database, request: HttpRequest, status: int, cores: Sequence[int]
) -> Trace:
    """Makes payments through a web server of one worker whose engines are behind proxies.

    Statements, round trips and transactions of PostgreSQL are those of its protocol, pipelines
    counted as they travel; so are Redis's commands and round trips. No setting of the server and
    no right is needed for it.
    """
    environment = product_environment(database)
    postgres_port = urlsplit(environment["DATABASE_URL"]).port or 5432
    redis_port = urlsplit(environment["REDIS_URL"]).port or 6379
    with (
        counting_proxy(postgres_port, PostgresListener) as (postgres_proxy, postgres),
        counting_proxy(redis_port, RedisListener) as (redis_proxy, redis),
    ):
        environment |= {
            "DATABASE_URL": with_address(environment["DATABASE_URL"], postgres_proxy),
            "REDIS_URL": with_address(environment["REDIS_URL"], redis_proxy),
        }
        with start_web(environment=environment, workers=1, threads=1, cores=cores) as web:
            connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
            counts = [
                _pay(connection, request, status, postgres, redis)
                for _ in range(WARM_UP_PAYMENTS + PAYMENTS)
            ][WARM_UP_PAYMENTS:]
            medians = [median(column) for column in zip(*counts, strict=True)]
            return Trace(
                statements=medians[0],
                round_trips=medians[1],
                transactions=medians[2],
                redis_commands=medians[3],
                redis_round_trips=medians[4],
                texts=list(Counter(postgres.statements).items()),
                redis_names=list(Counter(redis.statements).items()),
            )


def _pay(
    connection: http.client.HTTPConnection,
    request: HttpRequest,
    status: int,
    postgres: Conversation,
    redis: Conversation,
) -> tuple[int, int, int, int, int]:
    postgres.clear()
    redis.clear()
    connection.request(
        request.method,
        request.path,
        body=request.body,
        headers={
            "Authorization": f"Bearer {request.key}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        },
    )
    response = connection.getresponse()
    body = response.read()
    if response.status != status or json.loads(body)["status"] != "succeeded":
        raise BenchError(f"a traced payment failed: {response.status} {body[:500]!r}")
    return (
        len(postgres.statements),
        postgres.round_trips,
        postgres.transactions,
        len(redis.statements),
        redis.round_trips,
    )
