"""How words stand in PostgreSQL's index: each behind a mark of its merchant and environment.

A search so reads no other merchant's words, however common they are. Words that may be misspelt
stand there a second time, without each of their letters.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from analytics.search.words import (
    may_be_beginning,
    may_be_misspelt,
    spelled_words,
    without_a_letter,
)
from payments_project.tenancy import LIVE, Scope


def lexemes_of(scope: Scope, words: Sequence[str]) -> list[str]:
    """What is kept of a payment's words."""
    mark = _mark(scope)
    near = {rest for word in spelled_words(words) for rest in without_a_letter(word)}
    return [f"{mark}:{word}" for word in words] + [f"{mark}~{rest}" for rest in sorted(near)]


def tsquery_of(scope: Scope, asked: Sequence[Sequence[str]], *, with_typos: bool) -> str:
    """What finds the payments that have every word of ``asked`` (``words.asked_words``), as the text
    of a ``tsquery``."""
    mark = _mark(scope)
    return _all(_asked(mark, whole, parts, with_typos) for whole, *parts in asked)


def _asked(mark: str, whole: str, parts: Sequence[str], with_typos: bool) -> str:
    ways = _ways(mark, whole, with_typos, is_beginning=may_be_beginning(whole))
    if parts:
        ways.append(_all(_any(_ways(mark, part, with_typos)) for part in parts))
    return _any(ways)


def _ways(mark: str, word: str, with_typos: bool, *, is_beginning: bool = False) -> list[str]:
    # Words are letters, digits and the marks of ``words``: nothing that would end a quoted lexeme.
    ways = [f"'{mark}:{word}'{':*' if is_beginning else ''}"]
    if with_typos and may_be_misspelt(word):
        ways += [f"'{mark}~{rest}'" for rest in sorted(without_a_letter(word))]
    return ways


def _all(parts: Iterable[str]) -> str:
    return f"({' & '.join(parts)})"


def _any(parts: Sequence[str]) -> str:
    return f"({' | '.join(parts)})"


def _mark(scope: Scope) -> str:
    """Of the id its random end; two merchants that share one only read each other's words in vain."""
    return f"{UUID(str(scope.merchant_id)).hex[-8:]}{'l' if scope.environment == LIVE else 't'}"
