"""Blocking: what an organization blocked on a connection, and the one check everything goes through.

An unqualified name blocks every match in every schema, a qualified one (``schema.table``) only that table; both without regard
to case. :func:`permits` is the check of the runtime: it needs no graph, because the touches of a call carry the closure over
views, generated fields and partitions. The view (:mod:`patchbay.schema_graph.scoping`) is built on the same check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any

import msgspec

from patchbay.schema_graph.call import Touch
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.outline import Lineage

NameKey = tuple[str | None, str]
_WORD = re.compile(r"\w+")


class Scoping(msgspec.Struct, frozen=True, rename="camel"):
    """What is blocked on a connection, as the operator wrote it. ``allowed_opaque`` names views that may be seen although
    what they read cannot be told.
    """

    blocked_tables: tuple[str, ...] = ()
    blocked_columns: dict[str, tuple[str, ...]] = {}
    allowed_opaque: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Scoping:
        """The scoping in its stored form (camelCase members, each may be absent). Raises msgspec.ValidationError."""
        return msgspec.convert(dict(value), cls)

    def to_json(self) -> dict[str, Any]:
        """The stored form: ``{blockedTables, blockedColumns, allowedOpaque}``."""
        return msgspec.json.decode(msgspec.json.encode(self))

    @property
    def blocks_anything(self) -> bool:
        """Whether anything at all is blocked; from then on, what cannot be proven counts as blocked."""
        return bool(self.blocked_tables) or any(self.blocked_columns.values())


class BlockRules:
    """A scoping made ready for many look-ups. Names are compared by :func:`name_key`."""

    def __init__(self, scoping: Scoping) -> None:
        self.anything = scoping.blocks_anything
        self._tables = {key for entry in scoping.blocked_tables for key in entry_keys(entry)}
        self._columns: dict[NameKey, frozenset[str]] = {}
        for entry, columns in scoping.blocked_columns.items():
            folded = frozenset(spelling for column in columns for spelling in column_spellings(column))
            for key in entry_keys(entry) if folded else ():
                self._columns[key] = self._columns.get(key, frozenset()) | folded
        self._allowed = frozenset(_exact(name) for name in scoping.allowed_opaque)
        tables = {bare for _, bare in self._tables}
        self._table_names = _Names(tables)
        self._names = _Names(tables.union(*self._columns.values()))

    def names_blocked(self, text: str) -> bool:
        """Whether ``text``, written by the system's owner, has the name of a blocked table or column as a word in it."""
        return self._names.are_in(text)

    def names_table(self, text: str) -> bool:
        """Whether ``text`` has the name of a blocked table as a word in it."""
        return self._table_names.are_in(text)

    def blocks_table(self, key: NameKey) -> bool:
        """Whether the whole table is blocked."""
        return key in self._tables or (None, key[1]) in self._tables

    def blocked_columns(self, key: NameKey) -> frozenset[str]:
        """The blocked columns of one table, case folded."""
        if not self._columns:
            return frozenset()
        return self._columns.get(key, frozenset()) | self._columns.get((None, key[1]), frozenset())

    def permits(self, touch: Touch, default_schema: str | None) -> bool:
        """Whether one touch is free of anything blocked."""
        if not self.anything:
            return True
        if (
            touch.opaque
            and _exact(touch.object, default_schema) not in self._allowed
            and _exact(touch.object) not in self._allowed
        ):
            return False
        key = name_key(touch.object, default_schema)
        if self.blocks_table(key):
            return False
        columns = self.blocked_columns(key)
        if not columns:
            return True
        return touch.fields is not None and not any(name.casefold() in columns for name in touch.fields)


class _Names:
    """Names to look for in texts: plain words as words, all others wherever they stand."""

    def __init__(self, names: Set[str]) -> None:
        self._words = frozenset(name for name in names if _WORD.fullmatch(name))
        self._phrases = tuple(sorted(name for name in names - self._words if name))

    def are_in(self, text: str) -> bool:
        folded = text.casefold()
        return not self._words.isdisjoint(_WORD.findall(folded)) or any(phrase in folded for phrase in self._phrases)


def nested_names(path: Sequence[str]) -> tuple[str, ...]:
    """The names under which a member of a nested value may be blocked, and is touched: each name of its path, and each dotted
    path down to it (``address``, ``city``, ``address.city``).
    """
    return (*path, *(".".join(path[:length]) for length in range(2, len(path) + 1)))


def name_key(name: str, default_schema: str | None) -> NameKey:
    """(schema, name) of an object's name, case folded, as the rules compare them."""
    *front, bare = split_name(name)
    schema = front[-1] if front else default_schema
    return (None if schema is None else schema.casefold(), bare.casefold())


def entry_keys(entry: str) -> frozenset[NameKey]:
    """The keys an entry blocks: as it parses, and taken verbatim as one identifier (blocking errs on the side of more)."""
    return frozenset({name_key(entry, None), (None, entry.strip().casefold())})


def column_spellings(column: str) -> frozenset[str]:
    """The case-folded identifiers an entry for a column blocks: verbatim, and without its quotes."""
    text = column.strip()
    spellings = {column.casefold(), text.casefold()}
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        spellings.add(text[1:-1].replace('""', '"').casefold())
    return frozenset(spellings)


def _exact(name: str, default_schema: str | None = None) -> tuple[str, ...]:
    parts = split_name(name)
    return parts if len(parts) > 1 or default_schema is None else (default_schema, *parts)


@lru_cache(maxsize=256)
def _rules(tables: tuple[str, ...], columns: tuple[tuple[str, tuple[str, ...]], ...], allowed: tuple[str, ...]) -> BlockRules:
    return BlockRules(Scoping(tables, dict(columns), allowed))


def permits(scoping: Scoping, default_schema: str | None, touches: Sequence[Touch]) -> bool:
    """Whether a call that touches these objects and fields may run under ``scoping``: nothing blocked is among them, and
    nothing whose reads cannot be told once anything is blocked.
    """
    rules = _rules(scoping.blocked_tables, tuple(scoping.blocked_columns.items()), scoping.allowed_opaque)
    return all(rules.permits(touch, default_schema) for touch in touches)


def close(
    lineage: Mapping[str, Lineage], above: Mapping[str, Sequence[str]], object_name: str, fields: Iterable[str] | None
) -> tuple[Touch, ...]:
    """Everything a read of ``fields`` (None: any) of one object reads: through views, partitions, generated fields and rows
    of other objects, one touch an object, sorted by name. Of the objects whose records a field holds, none of the fields
    count: those are touched by who reads them. Cycles end.

    The rows of a partition or an inheriting table are rows of the tables ``above`` it as well, under the same field names.
    """
    seen: dict[str, set[str] | None] = {}
    opaque: set[str] = set()
    todo: list[tuple[str, Iterable[str] | None]] = [(object_name, fields)]
    while todo:
        name, wanted = todo.pop()
        first = name not in seen
        fresh = _note(seen, name, wanted)
        line = lineage.get(name)
        if line is None or (not first and fresh is not None and not fresh):
            continue
        if first:
            todo.extend((dependency.object, dependency.fields) for dependency in line.reads)
        if line.opaque:
            opaque.add(name)
        todo.extend((child, fresh) for child in line.partitions)
        for field, computed in line.computed.items():
            if fresh is None or field in fresh:
                todo.append((name, computed.fields))
                todo.extend([(computed.row_of, None)] if computed.row_of else [])
                opaque.update([name] if computed.opaque else [])
        for field, targets in line.held.items():
            if fresh is None or field in fresh:
                todo.extend((target, ()) for target in targets)
        todo.extend(_of_members(line, fresh))
    for name in [name for name in seen if name in above]:
        for parent in above[name]:
            _note(seen, parent, seen[name])
    return tuple(
        Touch(name, None if (known := seen[name]) is None else tuple(sorted(known)), name in opaque) for name in sorted(seen)
    )


def _of_members(line: Lineage, names: set[str] | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is read of the objects whose records these are, when ``names`` (None: any) are read here: the fields they have, and
    with them the members of nested values.
    """
    read = line.shared.keys() if names is None else names & line.shared.keys()
    nested = () if names is None else tuple(sorted(names - line.shared.keys()))
    found: dict[str, list[str]] = {}
    for field in sorted(read):
        for member in line.shared[field]:
            found.setdefault(member, []).append(field)
    return ((member, (*fields, *nested)) for member, fields in found.items())


def _note(seen: dict[str, set[str] | None], name: str, wanted: Iterable[str] | None) -> set[str] | None:
    """Add ``wanted`` to what is seen of ``name``; gives what was new (None: any field, for the first time; empty: nothing)."""
    known = seen.get(name, set())
    if known is None:
        return set()
    if wanted is None:
        seen[name] = None
        return None
    fresh = set(wanted) - known
    seen[name] = known | fresh
    return fresh
