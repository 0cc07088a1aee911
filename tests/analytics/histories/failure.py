"""Playing a history, and telling of one after which not all agrees."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.analytics.histories.agreement import everything_agrees
from tests.analytics.histories.shorten import shortened
from tests.analytics.histories.world import Act, new_world
from tests.server import Server

SHORTENING_SECONDS_MAX = 60


@dataclass(frozen=True)
class Disagreement:
    """What was found wrong, and what had happened."""

    text: str
    story: list[str]
    busy: list[Act]

    @property
    def kind(self) -> str:
        """What did not agree, of whichever payment."""
        return self.text.partition(",")[0][:60]


# Hypothesis plays a history that failed once more, to show it: it is shortened once.
_failures: dict[str, str] = {}


def failure(server: Server, engine: str, history: list[Act], seed: int) -> str | None:
    """What does not agree after the history, with a shorter one after which it does not either."""
    key = f"{engine} {history} {seed}"
    if key not in _failures:
        wrong = _disagreement(server, engine, history, seed)
        if wrong is None:
            return None
        _failures[key] = _explained(server, engine, history, seed, wrong)
    return _failures[key]


def _explained(
    server: Server, engine: str, history: list[Act], seed: int, wrong: Disagreement
) -> str:
    def fails(acts: Sequence[Act]) -> bool:
        nonlocal wrong
        found = _disagreement(server, engine, acts, seed)
        if found is None or found.kind != wrong.kind:
            return False
        wrong = found
        return True

    # Left out at once: what would have come later, and what found nothing to act on.
    begun, busy = history[: len(wrong.story)], list(wrong.busy)
    acts = shortened(busy if fails(busy) else begun, fails, seconds_max=SHORTENING_SECONDS_MAX)
    lines = [wrong.text, "", "after", *wrong.story, "", f"which is, with seed={seed}:"]
    return "\n".join([*lines, *(f"    {act}," for act in acts)])


def _disagreement(
    server: Server, engine: str, history: Sequence[Act], seed: int
) -> Disagreement | None:
    with new_world(server, engine) as world:
        try:
            world.play(history)
            everything_agrees(world, seed=seed)
        except Exception as error:
            return Disagreement(f"{type(error).__name__}: {error}", world.story, world.busy)
    return None
