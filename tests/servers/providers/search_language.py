"""The search language of commerce and payment APIs (``field:"value" OR -other:x*``), read and applied as a server does it.

Terms beside each other are joined by *and*; ``OR`` binds weaker; ``-`` and ``NOT`` negate; parentheses group. What the tests of
searches are held against, and what the simulated providers find records with.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple


class Term(NamedTuple):
    """One condition: the field (None for a search everywhere), how it is compared, and the value without its quotation marks.

    ``prefix``: it stood bare with ``*`` at its end.
    """

    field: str | None
    value: str
    comparator: str = ":"
    prefix: bool = False


class Operator(NamedTuple):
    """``OR``, ``AND``, ``NOT``, ``-``, a parenthesis, or a character that stands alone."""

    text: str


class SearchInvalid(ValueError):
    """This is not a search."""


Matches = Callable[[Term], bool]
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<word>(?:AND|OR|NOT)\b(?!:))
      | (?:(?P<field>[A-Za-z_][\w.]*)\s*(?P<how>:|~))?(?:"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)')
      | (?P<name>[A-Za-z_][\w.]*)(?P<compared>:[<>]=?|:|~)(?P<bare>[^\s"'()]+)
      | (?P<loose>[^\s"'():<>\\-][^\s"'():<>\\]*)
      | (?P<operator>.)""",
    re.VERBOSE | re.DOTALL,
)


def terms_of(text: str) -> list[Term | Operator]:
    """What a search says, in its order."""
    found: list[Term | Operator] = []
    for token in _TOKEN.finditer(text):
        quoted = token["double"] if token["double"] is not None else token["single"]
        if token["space"] is not None:
            continue
        if quoted is not None:
            found.append(Term(token["field"], re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL), token["how"] or ":"))
        elif token["name"] is not None:
            found.append(_bare(token["name"], token["bare"], token["compared"]))
        elif token["loose"] is not None:
            found.append(_bare(None, token["loose"], ":"))
        else:
            found.append(Operator(token["word"] or token["operator"]))
    return found


def _bare(name: str | None, text: str, comparator: str) -> Term:
    return Term(name, text.removesuffix("*"), comparator, text.endswith("*"))


def applied(text: str, matches: Matches) -> bool:
    """Whether a record is found by a search; ``matches`` says it for one term. Raises :class:`SearchInvalid`."""
    tokens = terms_of(text)
    value = _either(tokens, matches)
    if tokens:
        raise SearchInvalid(f"unexpected {tokens[0]}")
    return value


def _either(tokens: list[Term | Operator], matches: Matches) -> bool:
    value = _all(tokens, matches)
    while tokens and tokens[0] == Operator("OR"):
        tokens.pop(0)
        value = _all(tokens, matches) or value
    return value


def _all(tokens: list[Term | Operator], matches: Matches) -> bool:
    value = True
    while tokens and tokens[0] not in (Operator("OR"), Operator(")")):
        if tokens[0] == Operator("AND"):
            tokens.pop(0)
        value = _one(tokens, matches) and value
    return value


def _one(tokens: list[Term | Operator], matches: Matches) -> bool:
    if not tokens:
        raise SearchInvalid("a term is missing")
    token = tokens.pop(0)
    if isinstance(token, Term):
        return matches(token)
    if token.text in ("NOT", "-"):
        return not _one(tokens, matches)
    if token.text != "(":
        raise SearchInvalid(f"unexpected {token.text}")
    value = _either(tokens, matches)
    if not tokens or tokens.pop(0) != Operator(")"):
        raise SearchInvalid("a parenthesis is open")
    return value
