"""Metadata: what merchants note on our objects, up to 50 pairs of strings."""

from payments_project.errors import InvalidInput

PAIRS_MAX = 50


def merge_metadata(current: dict[str, str] | None, change: dict[str, str] | None) -> dict[str, str]:
    """``current`` with ``change`` merged in: an empty value removes its key, None removes all.

    Raises ``InvalidInput`` if more than 50 pairs would stand there.
    """
    if change is None:
        return {}
    merged = {**(current or {}), **change}
    # An empty value that was there from the start stays until it is named.
    merged = {key: value for key, value in merged.items() if change.get(key) != ""}
    if len(merged) > PAIRS_MAX:
        raise InvalidInput(f"Metadata holds at most {PAIRS_MAX} pairs.", param="metadata")
    return merged
