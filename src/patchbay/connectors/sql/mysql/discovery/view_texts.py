"""Taking a view's stored text apart: the tables it names, under which aliases, and every column it refers to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from patchbay.connectors.sql.mysql.discovery.expressions import Token


class Source(NamedTuple):
    """A table or view as the text names it; ``database`` is None where it does not say."""

    database: str | None
    name: str


class Reference(NamedTuple):
    """A column as the text refers to it: by an alias or a table's name, by a table with its database, or by its name alone.

    ``column`` is None for all columns of what is meant.
    """

    database: str | None
    table: str | None
    column: str | None


class Reading(NamedTuple):
    """What a text names. ``aliases`` are the sources by the case-folded name that columns are qualified with; ``derived`` are
    such names of subqueries, and ``made`` the names that expressions are given.
    """

    sources: frozenset[Source]
    aliases: Mapping[str, frozenset[Source]]
    derived: frozenset[str]
    made: frozenset[str]
    references: frozenset[Reference]


def read_view(text: str, tokens: Sequence[Token]) -> Reading | None:
    """``text`` (its ``tokens`` beside it) taken apart, or None where that is not possible without doubt: not every name in it is
    found in what was parsed.
    """
    try:
        tree = sqlglot.parse_one(text, dialect="mysql")
    except (SqlglotError, RecursionError):
        return None
    if not isinstance(tree, exp.Query) or not _complete(tree, tokens):
        return None
    return _Reader(tree).reading()


def _complete(tree: exp.Expr, tokens: Sequence[Token]) -> bool:
    """Whether every quoted name of the text is in the tree: a parser that skipped one would hide what is read."""
    spelled = Counter(token.text for token in tokens if token.kind == "name")
    spelled.subtract(identifier.name for identifier in tree.find_all(exp.Identifier))
    return not +spelled


class _Reader:
    def __init__(self, tree: exp.Query) -> None:
        self._tree = tree
        self._expressions = {cte.alias.casefold() for cte in tree.find_all(exp.CTE)}
        self._aliases: dict[str, set[Source]] = {}
        self._derived = set(self._expressions)
        self._made: set[str] = set()
        self._references: set[Reference] = set()

    def reading(self) -> Reading:
        for node in self._tree.walk():
            if isinstance(node, exp.Table):
                self._table(node)
            elif isinstance(node, exp.TableAlias):
                self._made.update(column.name.casefold() for column in node.columns)
                if not isinstance(node.parent, exp.Table):
                    self._derived.add(node.name.casefold())
            elif isinstance(node, exp.Alias):
                self._made.add(node.alias.casefold())
            elif isinstance(node, exp.JSONColumnDef):
                self._made.add(node.name.casefold())
            elif isinstance(node, exp.Column):
                self._column(node)
            elif isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count | exp.Column):
                self._references.add(Reference(None, None, None))
            elif isinstance(node, exp.Join):
                self._references.update(Reference(None, None, name.name) for name in node.args.get("using") or ())
        aliases = {alias: frozenset(found) for alias, found in self._aliases.items()}
        return Reading(
            sources=frozenset(source for found in aliases.values() for source in found),
            aliases=aliases,
            derived=frozenset(self._derived),
            made=frozenset(self._made),
            references=frozenset(self._references),
        )

    def _table(self, table: exp.Table) -> None:
        alias = table.alias_or_name.casefold()
        if not isinstance(table.this, exp.Identifier) or (not table.db and table.name.casefold() in self._expressions):
            self._derived.add(alias)
            return
        self._aliases.setdefault(alias, set()).add(Source(table.db or None, table.name))

    def _column(self, column: exp.Column) -> None:
        if column.find_ancestor(exp.IndexTableHint):
            return
        name = None if isinstance(column.this, exp.Star) else column.name
        self._references.add(Reference(column.db or None, column.table or None, name))
