"""Where rows and values come from: what views read, which tables lie under others, what generated columns are computed from.

Stored dependencies name tables and columns; the stored query tree names everything else (functions, operators, system
catalogs). What cannot be followed to its end makes a view or column opaque, with the reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence

import msgspec

from patchbay.connectors.sql.postgres.discovery.rows import FIRST_USER_OID, Catalog
from patchbay.schema_graph.model import Dependency

FOREIGN = "Its rows live in another system."
_FUNCTION = "It calls a function whose reads cannot be told."
_SYSTEM = "It reads the system catalog."
_OUTSIDE = "It reads something that is not part of the schema."


class Origin(msgspec.Struct, frozen=True):
    """Where the rows of one relation come from, in the terms of :class:`patchbay.schema_graph.model.Object`."""

    reads: tuple[Dependency, ...] = ()
    opaque: str | None = None
    partitions: tuple[str, ...] = ()
    definition_hash: str | None = None


_ITS_OWN = Origin()


class Lineage:
    """The lineage of all relations. ``names`` maps a relation's oid to its object name, folded partitions included; those that
    are not are ``shown``.
    """

    def __init__(self, catalog: Catalog, names: Mapping[int, str], shown: Container[int]) -> None:
        self._catalog = catalog
        self._names = names
        self._shown = shown
        self._children: dict[int, list[int]] = defaultdict(list)
        self._parents: dict[int, list[int]] = defaultdict(list)
        for parent, child in catalog.inheritance:
            self._children[parent].append(child)
            self._parents[child].append(parent)
        self._reads, self._outside, self._calls = self._view_dependencies()
        self._views = {row[0]: row for row in catalog.views}
        self._generated = {(row[0], row[1]): row for row in catalog.generated}

    def of(self, oid: int) -> Origin:
        """Where the rows of one relation come from."""
        if self._catalog.relations[oid].kind in "rp" and oid not in self._children:
            return _ITS_OWN
        return Origin(self.reads(oid), self.opaque(oid), self.below(oid), self.definition(oid))

    def children(self, oid: int) -> Sequence[int]:
        """The relations right under this one, by oid."""
        return self._children.get(oid, ())

    def below(self, oid: int) -> tuple[str, ...]:
        """The names of all tables whose rows a read of this one returns: partitions and inheriting tables, at any depth."""
        found: dict[int, None] = {}
        todo = list(self._children.get(oid, ()))
        while todo:
            child = todo.pop()
            if child not in found:
                found[child] = None
                todo.extend(self._children.get(child, ()))
        return tuple(sorted(self._names[child] for child in found if child in self._names))

    def reads(self, oid: int) -> tuple[Dependency, ...]:
        """What a view reads directly. A folded partition is read with those folded ones that it is part of; which of its
        fields, is not known.
        """
        view = self._views.get(oid)
        if view is None:
            return ()
        found: dict[str, tuple[str, ...] | None] = {}
        for source, numbers in self._reads.get(oid, {}).items():
            known = source in self._shown and not view[1]
            found[self._names[source]] = self._field_names(source, numbers) if known else None
            found |= {self._names[above]: None for above in self._folded_above(source)}
        return tuple(Dependency(name, found[name]) for name in sorted(found))

    def _folded_above(self, oid: int) -> Iterable[int]:
        """The folded partitions that a folded partition is part of, at any depth."""
        todo = list(self._parents.get(oid, ()))
        while todo:
            parent = todo.pop()
            if parent in self._names and parent not in self._shown:
                yield parent
                todo.extend(self._parents.get(parent, ()))

    def opaque(self, oid: int) -> str | None:
        """Why what this relation reads cannot be told, or None."""
        relation = self._catalog.relations[oid]
        if relation.kind == "f" or any(self._is_foreign(child) for child in self._children.get(oid, ())):
            return FOREIGN
        if relation.kind not in "vm":
            return None
        view = self._views.get(oid)
        if view is None or oid in self._outside:
            return _OUTSIDE
        if oid in self._calls:
            return _FUNCTION
        return self._told_by_tree(view[2])

    def definition(self, oid: int) -> str | None:
        """A digest that changes when the view's text does."""
        view = self._views.get(oid)
        return view[3] if view else None

    def computed(self, oid: int, number: int) -> tuple[tuple[str, ...], bool]:
        """The fields a generated column is computed from, and whether it may be computed from more."""
        row = self._generated.get((oid, number))
        if row is None:
            return (), True
        return self._field_names(oid, row[2]), self._told_by_tree(row[3]) is not None

    def _is_foreign(self, oid: int) -> bool:
        relation = self._catalog.relations.get(oid)
        return (relation is not None and relation.kind == "f") or any(self._is_foreign(c) for c in self._children.get(oid, ()))

    def _field_names(self, oid: int, numbers: Iterable[int]) -> tuple[str, ...]:
        found = [self._catalog.columns.name(oid, number) for number in numbers]
        return tuple(sorted(name for name in found if name is not None))

    def _told_by_tree(self, used: Iterable[str]) -> str | None:
        """The reason in a stored tree's oids: each is ``kind oid``."""
        for entry in used:
            kind, _, text = entry.partition(" ")
            oid = int(text)
            if kind == "relid":
                if oid not in self._names:
                    return _SYSTEM if oid < FIRST_USER_OID else _OUTSIDE
            elif oid >= FIRST_USER_OID or oid in self._catalog.telling:
                return _FUNCTION
        return None

    def _view_dependencies(self) -> tuple[dict[int, dict[int, set[int]]], set[int], set[int]]:
        """Direct reads (view, source, column numbers), views that read what has no name here, views that call functions."""
        reads: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        outside: set[int] = set()
        calls: set[int] = set()
        for view, is_relation, source, number in self._catalog.view_dependencies:
            if not is_relation:
                calls.add(view)
            elif source not in self._names:
                outside.add(view)
            else:
                reads[view][source].update((number,) if number > 0 else ())
        return reads, outside, calls
