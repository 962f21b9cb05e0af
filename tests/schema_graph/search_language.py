"""A search language of the usual kind (``field:"value" OR -other:x*``), read as a server reads it: what the tests of searches are
held against. Everything beside plain terms is an :class:`Operator`.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Term(NamedTuple):
    """One condition: the field (None for a search everywhere) and the value without its quotation marks."""

    field: str | None
    value: str


class Operator(NamedTuple):
    """``OR``, ``AND``, ``NOT``, ``-``, a parenthesis, a range, or a character that stands alone."""

    text: str


_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<word>(?:AND|OR|NOT)\b(?!:))
      | (?:(?P<field>[A-Za-z_][\w.]*)\s*:\s*)?(?:"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)')
      | (?P<name>[A-Za-z_][\w.]*):(?P<bare>[^\s"'()]+)
      | (?P<loose>[^\s"'():<>\\-][^\s"'():<>\\]*)
      | (?P<operator>.)""",
    re.VERBOSE | re.DOTALL,
)


def terms_of(text: str) -> list[Term | Operator]:
    """What a search says, in its order."""
    found: list[Term | Operator] = []
    for token in _TOKEN.finditer(text):
        if token["space"] is not None:
            continue
        quoted = token["double"] if token["double"] is not None else token["single"]
        if quoted is not None:
            found.append(Term(token["field"], re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)))
        elif token["name"] is not None:
            found.append(Term(token["name"], token["bare"]))
        elif token["loose"] is not None:
            found.append(Term(None, token["loose"]))
        else:
            found.append(Operator(token["word"] or token["operator"]))
    return found
