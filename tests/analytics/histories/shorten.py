"""Making a list of acts that fails shorter, for somebody to read.

Hypothesis would shrink it further, and takes a hundred times as many tries: each is a second here.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def shortened(
    items: Sequence[Item], fails: Callable[[Sequence[Item]], bool], *, seconds_max: float
) -> list[Item]:
    """``items`` without those that it fails without: halves are left out first, single ones last.
    What is left after ``seconds_max`` is good enough."""
    deadline = time.monotonic() + seconds_max
    kept, size = list(items), max(1, len(items) // 2)
    while True:
        before = len(kept)
        place = max(0, len(kept) - size)
        # From the end: what comes later depends on what came before.
        while kept and time.monotonic() < deadline:
            rest = kept[:place] + kept[place + size :]
            if len(rest) < len(kept) and fails(rest):
                kept = rest
            if place == 0:
                break
            place = max(0, place - size)
        if time.monotonic() >= deadline or (size == 1 and len(kept) == before):
            return kept
        size = max(1, size // 2)
