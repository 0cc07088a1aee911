"""Times the list selector in a process of its own: Django has one database per process.

Run as ``python -m bench.list_timer`` with ``DATABASE_URL`` set: one line of JSON in per question,
one line with the times out. It also makes the merchants, whose keys only it can make there.
"""

import json
import sys
import time
from typing import Any
from uuid import UUID

import django

django.setup()

from bench.tenants import make_tenants  # noqa: E402 (models need the setup)
from payments_project.tenancy import Scope  # noqa: E402
from transactions.api.bodies import TransactionQuery  # noqa: E402
from transactions.selectors import list_transactions  # noqa: E402


def main() -> None:
    """Answers ``tenants`` and ``time`` until the input ends."""
    for line in sys.stdin:
        question: dict[str, Any] = json.loads(line)
        answer: Any
        if question["do"] == "tenants":
            answer = [
                {"merchant_id": str(tenant.merchant_id), "key": tenant.key}
                for tenant in make_tenants(count=question["count"], cards_each=0)
            ]
        else:
            answer = times_ms(
                merchant_id=UUID(question["merchant_id"]),
                parameters=question["parameters"],
                times=question["times"],
            )
        print(json.dumps(answer), flush=True)


def times_ms(*, merchant_id: UUID, parameters: dict[str, str], times: int) -> list[float]:
    """How long the selector takes for one page, rows turned into objects; milliseconds each."""
    scope = Scope(merchant_id, "test")
    query = TransactionQuery.model_validate(parameters)
    found = []
    for _ in range(times):
        started = time.perf_counter()
        list_transactions(scope=scope, query=query, filters=query.filters())
        found.append((time.perf_counter() - started) * 1000)
    return found


if __name__ == "__main__":
    main()
