"""Data scoping: a graph as an organization may see it. There is no other way to read a graph.

A blocked table or column appears nowhere in a :class:`View`: not as an object or field, not in edges, keys, indexes, operations
or arguments, not by its name in a description, and nothing computed from it does either. The check itself is :func:`permits`,
the same one the runtime makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from patchbay.schema_graph.blocking import (
    BlockRules,
    Scoping,
    close,
    column_spellings,
    entry_keys,
    name_key,
    nested_names,
    permits,
)
from patchbay.schema_graph.call import Ground, Plan, SliceItem, Touch
from patchbay.schema_graph.called import CalledOperations, SeenOperations
from patchbay.schema_graph.fingerprint import slice_fingerprint
from patchbay.schema_graph.ground import ground_of
from patchbay.schema_graph.model import Argument, Edge, Field, Graph, Note, Object, Operation, Verb
from patchbay.schema_graph.naming import singular, split_name
from patchbay.schema_graph.operations import (
    RecordOperations,
    demands,
    derive_arguments,
    offers,
    record_operation,
    split_operation,
    split_operation_slug,
)
from patchbay.schema_graph.outline import RECORD_VERBS, outline_of, tables_above

__all__ = ["Scoping", "View", "permits"]


class View:
    """``graph`` under ``scoping``. Objects and operations are found by name, by slug, by the name with its default schema, and by
    the bare name when only one in view has it. What is blocked and what does not exist answer alike.
    """

    def __init__(self, graph: Graph, scoping: Scoping | None = None) -> None:
        self._graph = graph
        self._outline = outline_of(graph.objects)
        self._above = tables_above(self._outline.lineage)
        self._scoping = scoping or Scoping()
        self._rules = BlockRules(self._scoping)
        self._visible: dict[str, bool] = {}
        self._untouched: dict[str, bool] = {}
        self._readable: dict[tuple[str, tuple[str, ...]], bool] = {}
        self._names: tuple[str, ...] | None = None
        self._bare: dict[str, list[str]] | None = None
        self._claims: dict[str, list[str]] | None = None
        records = isinstance(graph.operations, RecordOperations)
        self._called = None if records else CalledOperations(graph, self._rules, self._sees, self._may_read)
        self.kind = graph.kind
        self.default_schema = graph.default_schema

    @property
    def is_called(self) -> bool:
        """Whether operations are called, with arguments of their own, and do not follow from the objects."""
        return self._called is not None

    def prepared(self, breathe: Callable[[], None]) -> View:
        """This view, once everything is worked out that takes looking at every operation. ``breathe`` is called between them: a
        thread that must not hold up others can pause there.
        """
        if self._called is not None:
            self._called.prepare(breathe)
        return self

    @property
    def unmatched(self) -> dict[str, object]:
        """The entries of the scoping that match nothing: ``{"blockedTables": [...], "blockedColumns": {table: [...]}}``.

        They are kept, and would block a table or column of that name discovered later.
        """
        known: dict[str | None, dict[str, list[str]]] = {}
        for name in self._outline.names:
            _index_name(known, name, name, self.default_schema)
        for parent, line in self._outline.lineage.items():
            for child in line.partitions:
                _index_name(known, child, parent, self.default_schema)
        tables = [entry for entry in self._scoping.blocked_tables if not _matches(known, entry)]
        columns = {entry: list(names) for entry, names in self._scoping.blocked_columns.items() if names}
        for entry, names in self._scoping.blocked_columns.items():
            found = {name for owner in _matches(known, entry) for name in _blockable(self._graph.objects[owner].fields)}
            columns[entry] = [name for name in names if not found & column_spellings(name)]
        return {"blockedTables": tables, "blockedColumns": {entry: names for entry, names in columns.items() if names}}

    def object_names(self) -> Sequence[str]:
        """The names of all objects in view, sorted."""
        if self._names is None:
            names = self._outline.names
            self._names = tuple(sorted(n for n in names if self._sees(n)) if self._rules.anything else sorted(names))
        return self._names

    def object(self, name_or_slug: str) -> Object | None:
        """The object as seen, without anything blocked; None when there is none in view."""
        name = self._resolve(name_or_slug)
        return None if name is None else self._filtered(self._graph.objects[name])

    def operation(self, name_or_slug: str) -> Operation | None:
        """The operation of that name or slug; None when there is none in view."""
        if self._called is not None:
            return self._called.find(name_or_slug)
        for parsed in (split_operation(name_or_slug), split_operation_slug(name_or_slug)):
            name = self._resolve(parsed[0]) if parsed else None
            if parsed and name is not None and (operation := self._record_operation(name, parsed[1])):
                return operation
        return None

    def operations(self, *, object: str | None = None, include_writes: bool = False, q: str | None = None) -> Sequence[Operation]:
        """The operations in view, by object name and verb; reads only, unless ``include_writes``.

        ``q`` keeps those whose name or description contains each of its words.
        """
        name = None if object is None else self._resolve(object)
        if object is not None and name is None:
            return []
        if self._called is not None:
            names = self._called.names(objects=None if name is None else (name,), include_writes=include_writes, q=q)
            return SeenOperations(names, self._called.seen)
        words = q.casefold().split() if q else []
        found = self._record_operations(self.object_names() if name is None else (name,), include_writes)
        return [o for o in found if all(w in f"{o.name} {o.description or ''}".casefold() for w in words)]

    def operations_meant_by(self, bare: str) -> Sequence[str]:
        """The names of the called operations in view that a bare name may mean: more than one when it is ambiguous."""
        return () if self._called is None else self._called.meant_by(bare)

    def operation_count(self, shown: Object | None) -> int:
        """How many operations, writes included, an object as seen has; None: those that return no object."""
        if self._called is not None:
            return self._called.count(None if shown is None else shown.name)
        if shown is None:
            return 0
        return sum(1 for verb in RECORD_VERBS if self._offers(shown, verb))

    def arguments(self, operation: Operation) -> tuple[Argument, ...]:
        """The arguments of an operation, named by dotted paths over what is in view."""
        if not operation.record_arguments:
            return operation.arguments
        obj = self.object(operation.object) if operation.object is not None else None
        return () if obj is None else derive_arguments(obj, operation.verb, self.object)

    def path_root(self, object_name: str) -> str:
        """The first segment that paths from this object may start with: the singular of its name when no other object in
        view claims that, else its name.
        """
        bare = split_name(object_name)[-1]
        root = singular(bare)
        others = [n for n in self._claimants(root.casefold()) if n != object_name and self._sees(n)]
        return bare if others else root

    def touches(self, object_name: str, fields: Sequence[str] | None) -> tuple[Touch, ...]:
        """Everything that reading ``fields`` (None: any) of one object touches, down to the tables under it.

        Raises KeyError for an object that is not in view.
        """
        if not self._sees(object_name):
            raise KeyError(object_name)
        return close(self._outline.lineage, self._above, object_name, fields)

    def call_touches(self, operation: Operation, arguments: Iterable[str]) -> tuple[Touch, ...]:
        """What calling an operation with these arguments touches, besides what is read of its answer."""
        if self._called is None:
            return ()
        touched = self._called.touches(operation, arguments)
        return tuple(found for touch in touched for found in self.touches(touch.object, touch.fields))

    def may_give(self, operation: Operation, arguments: Iterable[str]) -> bool:
        """Whether arguments of these names, which a value may spell out by its own keys, would be about nothing blocked."""
        called = self._called
        return called is None or all(called.may_be_given(operation, name) for name in arguments)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is to be known about the document, as far as it names nothing blocked."""
        return tuple(note for note in self._graph.notes if not self._rules.names_blocked(_note_text(note)))

    def slice_fingerprint(self, operation: str, items: Sequence[SliceItem]) -> str:
        """The fingerprint of the part of the graph a call uses. Raises KeyError when any of it is not in view."""
        for item in items:
            seen = self.object(item.object) if item.object in self._graph.objects else None
            if seen is None or any(seen.field(f) is None for f in item.fields) or any(seen.edge(e) is None for e in item.edges):
                raise KeyError(operation)
            if any(seen.member(path) is None for path in item.inner):
                raise KeyError(operation)
        made = slice_fingerprint(self._graph, operation, items)
        if made is None:
            raise KeyError(operation)
        return made

    def ground(self, plan: Plan) -> Ground | None:
        """What a later schema is judged against for a call of this plan, which was made on this view."""
        return ground_of(self._graph, plan)

    def _sees(self, name: str) -> bool:
        """Whether the object of exactly this name exists and nothing its rows come from is blocked."""
        seen = self._visible.get(name)
        if seen is None:
            seen = name in self._graph.objects and self._may_read(name, ()) and not self._derives_from_blocked(name)
            self._visible[name] = seen
        return seen

    def _derives_from_blocked(self, name: str) -> bool:
        """Whether an object is named after an operation (``GET /bills/{id} response``) whose name names something blocked."""
        return self._called is not None and " " in name and self._rules.names_table(name)

    def _is_untouched(self, name: str) -> bool:
        """Whether nothing at all of an object that stands for itself is blocked: most objects, most of the time."""
        known = self._untouched.get(name)
        if known is None:
            alone = name not in self._outline.lineage and name not in self._above
            known = self._untouched[name] = alone and self._rules.permits(Touch(name), self.default_schema)
        return known

    def _may_read(self, name: str, fields: tuple[str, ...]) -> bool:
        if not self._rules.anything or self._is_untouched(name):
            return True
        if name not in self._outline.lineage and name not in self._above:
            return self._rules.permits(Touch(name, fields), self.default_schema)
        known = self._readable.get((name, fields))
        if known is None:
            touched = close(self._outline.lineage, self._above, name, fields)
            known = all(self._rules.permits(touch, self.default_schema) for touch in touched)
            self._readable[name, fields] = known
        return known

    def _resolve(self, spelling: str) -> str | None:
        """The name of the object in view that ``spelling`` means."""
        if self._sees(spelling):
            return spelling
        by_slug = self._outline.slugs.get(spelling)
        if by_slug is not None and self._sees(by_slug):
            return by_slug
        if self._bare is None:
            self._bare = {}
            for name in self._outline.names:
                self._bare.setdefault(split_name(name)[-1], []).append(name)
        parts = split_name(spelling)
        candidates = [name for name in self._bare.get(parts[-1], ()) if self._sees(name)]
        if len(parts) > 1:
            candidates = [n for n in candidates if (self.default_schema, *split_name(n))[-2:] == parts[-2:]]
        if not candidates and len(parts) > 1:  # a name with dots of its own, written without the quotes
            candidates = [name for name in self._bare.get(spelling, ()) if self._sees(name)]
        return candidates[0] if len(candidates) == 1 else None

    def _claimants(self, root: str) -> Sequence[str]:
        if self._claims is None:
            self._claims = {}
            for name in self._outline.names:
                bare = split_name(name)[-1]
                for claimed in {bare.casefold(), singular(bare).casefold()}:
                    self._claims.setdefault(claimed, []).append(name)
        return self._claims.get(root, ())

    def _filtered(self, obj: Object) -> Object:
        """The object without what is blocked. Indexes that may hide a blocked field in an expression or predicate go too."""
        if not self._rules.anything:
            return obj
        obj = self._untold(obj)
        fields = tuple(f for f in obj.fields if self._may_read(obj.name, (f.name,)))
        fields = tuple(self._without_blocked_members(obj.name, f, (f.name,)) if f.fields else f for f in fields)
        edges = tuple(edge for edge in obj.edges if self._sees_edge(obj, edge))
        if len(fields) == len(obj.fields):
            same = fields == obj.fields and len(edges) == len(obj.edges)
            return obj if same else msgspec.structs.replace(obj, fields=fields, edges=edges)
        left = {f.name for f in fields}
        return msgspec.structs.replace(
            obj,
            fields=fields,
            edges=edges,
            keys=tuple(key for key in obj.keys if left.issuperset(key.fields)),
            indexes=tuple(index for index in obj.indexes if not index.partial and left.issuperset(index.fields)),
            insertable=obj.insertable and not _withholds_demanded(obj.fields, left),
        )

    def _without_blocked_members(self, name: str, field: Field, path: tuple[str, ...]) -> Field:
        inner = tuple(
            self._without_blocked_members(name, member, (*path, member.name))
            for member in field.fields
            if self._may_read(name, nested_names((*path, member.name)))
        )
        return msgspec.structs.replace(field, fields=inner)

    def _untold(self, obj: Object) -> Object:
        """The object without texts, its own or a field's, that name something blocked."""
        if obj.description is not None and self._rules.names_blocked(obj.description):
            obj = msgspec.structs.replace(obj, description=None)
        fields = tuple(self._untold_field(f) for f in obj.fields)
        return obj if fields == obj.fields else msgspec.structs.replace(obj, fields=fields)

    def _untold_field(self, field: Field) -> Field:
        named = self._rules.names_blocked
        if field.description is not None and named(field.description):
            field = msgspec.structs.replace(field, description=None)
        if self._called is None:
            return field
        return msgspec.structs.replace(
            field,
            native_type=field.type if named(field.native_type) else field.native_type,
            enum=tuple(label for label in field.enum if not named(label)),
            fields=tuple(self._untold_field(member) for member in field.fields),
        )

    def _sees_edge(self, obj: Object, edge: Edge) -> bool:
        ends = [(obj.name, own) for own, _ in edge.pairs]
        if edge.via is not None:
            ends += [(edge.via, across) for _, across in edge.pairs] + [(edge.via, own) for own, _ in edge.via_pairs]
        ends += [(edge.target, other) for _, other in (edge.via_pairs if edge.via is not None else edge.pairs)]
        if not self._sees(edge.target) or (edge.via is not None and not self._sees(edge.via)):
            return False
        return all(self._may_read(name, (field,)) for name, field in ends if field)

    def _record_operation(self, name: str, verb: Verb) -> Operation | None:
        obj = self._filtered(self._graph.objects[name])
        return record_operation(obj, verb) if self._offers(obj, verb) else None

    def _offers(self, shown: Object, verb: Verb) -> bool:
        return f"{shown.name}.{verb}" in self._graph.operations and offers(shown, verb)

    def _record_operations(self, names: Iterable[str], include_writes: bool) -> Iterable[Operation]:
        for name in names:
            for verb in RECORD_VERBS if include_writes else RECORD_VERBS[:1]:
                if operation := self._record_operation(name, verb):
                    yield operation


def _note_text(note: Note) -> str:
    """All that a note says, its JSON pointer unescaped (RFC 6901, section 4)."""
    return f"{note.message} {(note.place or '').replace('~1', '/').replace('~0', '~')}"


def _withholds_demanded(fields: Sequence[Field], left: set[str]) -> bool:
    return any(demands(f) and f.name not in left for f in fields)


def _blockable(fields: Sequence[Field], path: tuple[str, ...] = ()) -> Iterator[str]:
    """The names, case folded, under which fields and members of nested values may be blocked."""
    for field in fields:
        way = (*path, field.name)
        yield from (name.casefold() for name in {field.name, ".".join(way)})
        yield from _blockable(field.fields, way)


def _index_name(known: dict[str | None, dict[str, list[str]]], name: str, owner: str, default_schema: str | None) -> None:
    schema, bare = name_key(name, default_schema)
    for scope in {schema, None}:
        known.setdefault(scope, {}).setdefault(bare, []).append(owner)


def _matches(known: dict[str | None, dict[str, list[str]]], entry: str) -> list[str]:
    return [owner for schema, bare in entry_keys(entry) for owner in known.get(schema, {}).get(bare, ())]
