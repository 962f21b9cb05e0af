"""What an expression in the server's own normal form names and calls, without parsing it.

MySQL and MariaDB store views and generated columns in a normal form: every name in backquotes, every built-in function and
keyword without. So a name followed by a parenthesis is a function of the owner's, and a bare word followed by one is a function
that the server or a plug-in brings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from patchbay.connectors.sql.mysql.discovery.harmless import HARMLESS

_TOKEN = re.compile(
    r"""(?P<space>\s+|/\*.*?\*/)
      | (?P<name>`(?:[^`]|``)*`)
      | (?P<text>'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | \\'(?:[^\\]|\\(?!'))*\\')
      | (?P<word>[^\W\d]\w*)
      | (?P<number>\d[\w.]*)
      | (?P<sign>[^\s\w`'"\\])
      | (?P<stray>.)""",
    re.VERBOSE | re.DOTALL,
)  # MySQL hands out the texts in a generated column's expression with their quotes escaped


class Token(NamedTuple):
    """One token. ``kind`` is name, text, word, number, sign or stray; a name is without its backquotes."""

    kind: str
    text: str


class Computed(NamedTuple):
    """What a generated column is computed from, and whether it may be computed from more."""

    fields: tuple[str, ...]
    opaque: bool


def tokens_of(text: str) -> list[Token]:
    """The tokens of an expression or query; white space and remarks are left out."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "stray"
        if kind == "name":
            found.append(Token(kind, match.group()[1:-1].replace("``", "`")))
        elif kind != "space":
            found.append(Token(kind, match.group()))
    return found


def looks_further(tokens: Sequence[Token]) -> bool:
    """Whether it calls what may read more than its arguments, or cannot be read as far as to tell."""
    for at, token in enumerate(tokens):
        if token.kind == "stray" or (token.kind == "sign" and token.text == "@"):
            return True
        if token.kind not in ("name", "word") or not _opens(tokens, at + 1):
            continue
        if (token.kind == "name" or token.text.lower() not in HARMLESS) and not _names_columns(tokens, at + 1):
            return True
    return False


def computed_from(expression: str, names: Mapping[str, str]) -> Computed:
    """The columns of its own table in a generated column's expression. ``names`` are those columns by their case-folded names.

    A period's bounds (``ROW START``) are computed from nothing.
    """
    tokens = tokens_of(expression)
    named = {token.text.casefold() for token in tokens if token.kind == "name"}
    fields = tuple(sorted(names[name] for name in named if name in names))
    return Computed(fields, len(fields) < len(named) or looks_further(tokens))


def _opens(tokens: Sequence[Token], at: int) -> bool:
    return at < len(tokens) and tokens[at] == ("sign", "(")


def _names_columns(tokens: Sequence[Token], at: int) -> bool:
    """Whether the parenthesis at ``at`` lists the columns of a common table expression: ``AS (`` follows it, and nothing else can
    stand between a function's arguments and such a parenthesis.
    """
    depth = 0
    for place in range(at, len(tokens)):
        if tokens[place].kind == "sign":
            depth += {"(": 1, ")": -1}.get(tokens[place].text, 0)
        if depth == 0:
            after = tokens[place + 1 : place + 3]
            return len(after) == 2 and after[0].text.lower() == "as" and after[1] == ("sign", "(")
    return False


def folded(names: Iterable[str]) -> dict[str, str]:
    """``names`` by their case-folded forms: columns are compared without regard to case."""
    return {name.casefold(): name for name in names}
