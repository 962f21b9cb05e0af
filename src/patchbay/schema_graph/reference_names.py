"""What the name of a column that refers to another table is made of: the other's name, and an ending that stands for its key."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from patchbay.schema_graph.naming import singular_word, split_words

_ENDINGS = frozenset({"id", "uuid", "guid", "key", "code", "no", "nr", "number", "ref", "fk", "pk", "sk", "oid"})
_JOINED_ENDING = re.compile(r"(.{3,})(id|code)")
_SHARED_BY = 3
"""So many tables, and half of all, must begin alike for that to be a prefix."""


class Naming(NamedTuple):
    """A column's name taken apart: its words in the singular, and the ending (empty when there is none)."""

    words: tuple[str, ...]
    ending: str


@lru_cache(maxsize=65_536)
def naming_of(column: str) -> Naming | None:
    """A column's name taken apart, or None when there is nothing in it that could name a table."""
    words = split_words(column)
    if len(words) > 1 and words[0] in ("fk", "id"):
        words = words[1:] if words[-1] in _ENDINGS else (*words[1:], "id")
    if len(words) > 2 and words[-1] == "fk" and words[-2] in _ENDINGS:
        words = words[:-1]
    if len(words) > 2 and words[-1].isdigit():  # one of several (``address_id_2``)
        words = words[:-1]
    ending = words[-1] if words and words[-1] in _ENDINGS else ""
    base = words[:-1] if ending else words
    if len(base) == 1 and not ending and (joined := _JOINED_ENDING.fullmatch(base[0])):
        base, ending = (joined[1],), joined[2]  # names written in one case
    return Naming(tuple([singular_word(word) for word in base]), ending) if base else None


def ending_of(column: str) -> str:
    """What kind of key a column is by its name: ``code`` for ``country_code`` and for ``code``."""
    naming = naming_of(column)
    return naming.ending if naming else column.casefold()


def joined(text: str) -> str:
    """A name in one case without what separates its words: how names are compared."""
    text = text.casefold().replace("_", "")
    return text if text.isalnum() else "".join([c for c in text if c.isalnum()])


def joined_all(names: Sequence[str]) -> str:
    """All names, one a line, each in one case without underscores."""
    return "\n".join(names).casefold().replace("_", "")


def shared_prefixes(names: Sequence[str]) -> tuple[str, ...]:
    """What at least half of the tables' names begin with, up to an underscore; and ``tbl``. In lower case."""
    counts = Counter(name[: name.index("_") + 1].casefold() for name in names if "_" in name[1:])
    return (*(prefix for prefix, count in sorted(counts.items()) if count >= max(_SHARED_BY, len(names) / 2)), "tbl")
