"""Words of texts, the same for both engines: what is searched by is what was written."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import islice

# Letters and digits, with marks within: an e-mail address, an order number, a gateway's id.
_COMPOUND = re.compile(r"[^\W_]+(?:[._@+\-]+[^\W_]+)*")
_PART = re.compile(r"[^\W_]+")

WORD_LENGTH_MAX = 64
# Of one payment. Fifty values of metadata may have thousands of words; who needs more than these
# looks for the wrong thing.
WORDS_MAX = 1_000
# Of a payment's words those that may be misspelt: each takes a dozen entries in PostgreSQL's index.
SPELLED_MAX = 60
SPELLED_LETTERS_MIN, SPELLED_LETTERS_MAX = 4, 24
# A word is found by its beginning from so many letters on; a number by more, or the last four digits
# of a card would find every order number that begins with them.
BEGINNING_MIN = 3
BEGINNING_OF_NUMBER_MIN = 5


def words_of(*, texts: Iterable[str | None], names: Iterable[str | None] = ()) -> list[str]:
    """The words of ``texts``, each once, in their order, at most ``WORDS_MAX``: without case and
    accents, cut to ``WORD_LENGTH_MAX``. One with marks in it (``ann.lee@example.org``) is there
    whole and in its parts; of ``names`` there are no parts, since an id's part is nobody's."""
    found = {
        word[:WORD_LENGTH_MAX]: None
        for word in _COMPOUND.findall(_plain(" ".join(filter(None, names))))
    }
    for compound in _COMPOUND.findall(_plain(" ".join(filter(None, texts)))):
        found[compound[:WORD_LENGTH_MAX]] = None
        if not compound.isalnum():
            for part in _PART.findall(compound):
                found[part[:WORD_LENGTH_MAX]] = None
    return list(islice(found, WORDS_MAX))


def asked_words(text: str) -> list[list[str]]:
    """What somebody looks for, word by word: each is looked for whole, or by its beginning, or else
    by all of its parts as they are (``blue-shirt`` finds ``blue shirt``); so each is a list, the
    whole word first.

    Of a part the beginning does not count: that of ``org`` in an address is in everything, and an
    index would have to read it all.
    """
    asked = []
    for compound in dict.fromkeys(_COMPOUND.findall(_plain(text))):
        parts = _PART.findall(compound)
        whole = compound[:WORD_LENGTH_MAX]
        cut = [part[:WORD_LENGTH_MAX] for part in parts]
        asked.append([whole, *cut] if len(parts) > 1 else [whole])
    return asked


def may_be_beginning(word: str) -> bool:
    """Whether words that begin with ``word`` are found by it."""
    return len(word) >= (BEGINNING_OF_NUMBER_MIN if word.isdigit() else BEGINNING_MIN)


def may_be_misspelt(word: str) -> bool:
    """Whether ``word`` is compared letter by letter too: words without digits, long enough for one
    letter not to make another word. Of numbers the nearest is another payment's."""
    return SPELLED_LETTERS_MIN <= len(word) <= SPELLED_LETTERS_MAX and word.isalpha()


def spelled_words(words: Iterable[str]) -> list[str]:
    """Those of ``words`` that may be misspelt, at most ``SPELLED_MAX``."""
    return [word for word in words if may_be_misspelt(word)][:SPELLED_MAX]


def without_a_letter(word: str) -> set[str]:
    """``word``, and what is left of it without any one of its letters. Two words that are one
    letter apart (one more, one less, another one, two swapped) have one of these in common."""
    return {word} | {word[:place] + word[place + 1 :] for place in range(len(word))}


def _plain(text: str) -> str:
    """Without case and accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
