"""The demo's chapter on search: words, mistakes in them, filters, counts, pages, and whose they are."""

import uuid
from typing import Any

from payments_project.local.demo_walk import Walk

_PATH = "/search/transactions"


def search(walk: Walk) -> None:
    """Words, filters, facets and pages; by whichever engine answers."""
    order = f"ORD-{uuid.uuid4().hex[:8].upper()}"
    first = walk.paid(amount=4_990, description="Enamel kettle, blue", metadata={"order": order})
    second = walk.paid(amount=1_250, description="Enamel mug", metadata={"order": order})
    _words(walk, order, first, second)
    _counts_and_pages(walk, order, first, second)
    _refusals(walk, order)


def _words(walk: Walk, order: str, first: dict[str, Any], second: dict[str, Any]) -> None:
    walk.eventually(
        f"{order} finds both payments",
        lambda: _ids(_found(walk, q=order)),
        [second["id"], first["id"]],
    )
    answer = _found(walk, q=f"{order} kettle")
    walk.equals(f"{answer['engine']} finds one of them by a word", _ids(answer), [first["id"]])
    walk.equals(
        "by a word with a letter wrong", _ids(_found(walk, q=f"{order} ketlle")), [first["id"]]
    )
    walk.equals(
        "by the card's last four digits, the amount and the day",
        _ids(
            _found(
                walk,
                q=order,
                last_four="4242",
                amount=4_990,
                created_at__gte=first["created_at"][:10] + "T00:00:00Z",
            )
        ),
        [first["id"]],
    )
    walk.equals(
        "what is found is the payment as it is now",
        _found(walk, q=first["id"])["data"],
        [walk.transaction(first["id"])],
    )


def _counts_and_pages(
    walk: Walk, order: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    answer = _found(walk, q=order, facets="status,brand,amount", limit=1)
    walk.equals(
        "facets count what was found",
        answer["facets"],
        {
            "status": [{"value": "succeeded", "count": 2}],
            "brand": [{"value": "visa", "count": 2}],
            "amount": [{"value": 1_000, "count": 1}, {"value": 2_000, "count": 1}],
        },
    )
    following = _found(walk, q=order, limit=1, page=answer["next_page"])
    walk.equals(
        "two pages hold one each",
        (_ids(answer), _ids(following), following["next_page"]),
        ([second["id"]], [first["id"]], None),
    )
    walk.eventually(
        "indexed_up_to says that all of it is known",
        lambda: (_found(walk, q=order)["indexed_up_to"] or "") > second["created_at"],
        True,
    )


def _refusals(walk: Walk, order: str) -> None:
    other = walk.answer(walk.other.get(_PATH, q=order))
    walk.equals("another merchant finds nothing", (other["data"], other["total"]), ([], 0))
    walk.refused(
        "a facet that there is not",
        walk.merchant.get(_PATH, q=order, facets="colour"),
        400,
        "parameter_invalid",
    )


def _found(walk: Walk, **query: Any) -> dict[str, Any]:
    return walk.answer(walk.merchant.get(_PATH, **query))


def _ids(answer: dict[str, Any]) -> list[str]:
    return [row["id"] for row in answer["data"]]
