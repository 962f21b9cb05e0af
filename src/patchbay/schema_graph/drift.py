"""What a later schema means to a call that was proven on an earlier one.

==========  ====================================================================================================================
unchanged   nothing that the call uses has changed
cosmetic    it has, and the call means the same: a text, an index more, a value more in a list of values, a column widened, a
            field that may now be empty, or no longer
degraded    the call runs and gives less: an optional leaf is gone or has changed, or the index it filtered by is gone
broken      the call does not run: its operation, an argument, a required leaf, a type or a key is gone or has changed
==========  ====================================================================================================================

Reasons name only what the call itself uses, so whoever may see the call may see them. Pure: the call carries the ground it was
proven on (:mod:`patchbay.schema_graph.ground`). One without is judged by the fingerprint of its slice alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from patchbay.schema_graph.call import FrozenCall, Ground, GroundArgument, GroundField, GroundObject, SliceItem
from patchbay.schema_graph.fingerprint import counting_arguments, operation_called, slice_fingerprint
from patchbay.schema_graph.ground import (
    argument_of,
    edge_of,
    field_of,
    merged,
    object_rest,
    object_told,
    operation_rest,
    paths_of,
)
from patchbay.schema_graph.model import Argument, Graph, Object
from patchbay.schema_graph.outline import outline_of
from patchbay.schema_graph.widening import is_wider

Status = Literal["unchanged", "cosmetic", "degraded", "broken"]
RANK: Mapping[Status, int] = {"unchanged": 0, "cosmetic": 1, "degraded": 2, "broken": 3}


class Reason(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One thing that changed. ``leaves`` are the outputs it is about, by the agent's own names."""

    status: Status
    code: str
    message: str
    object: str | None = None
    field: str | None = None
    leaves: tuple[str, ...] = ()


class Judgement(msgspec.Struct, frozen=True, rename="camel"):
    """What the schema means to the call. ``lessened``: only what its fallback uses is as it was, so that runs instead of it.
    ``missing`` are the optional leaves that are gone themselves.
    """

    status: Status
    reasons: tuple[Reason, ...] = ()
    lessened: bool = False
    missing: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether the call may run at all."""
        return self.status != "broken"


def worst(statuses: Iterator[Status]) -> Status:
    """The gravest of some statuses; ``unchanged`` of none."""
    found: Status = "unchanged"
    for status in statuses:
        found = max(found, status, key=RANK.__getitem__)
    return found


def judge(call: FrozenCall, graph: Graph) -> Judgement:
    """What ``graph`` means to ``call``."""
    if graph.kind != call.kind:
        return _judged([Reason("broken", "kind_changed", "The connection is to another type of system now.")])
    if call.ground is None:
        if slice_fingerprint(graph, call.operation, call.slice) == call.slice_fingerprint:
            return Judgement("unchanged")
        return _judged([Reason("broken", "slice_changed", "Something that this skill uses has changed.")])
    return _judged(list(_Judge(call, call.ground, graph).reasons()))


def _judged(reasons: list[Reason]) -> Judgement:
    status = worst(reason.status for reason in reasons)
    lost = [reason for reason in reasons if reason.status == "degraded" and reason.code != "index_gone"]
    missing = tuple(dict.fromkeys(leaf for reason in lost for leaf in reason.leaves))
    ordered = tuple(sorted(reasons, key=lambda reason: -RANK[reason.status]))
    return Judgement(status, ordered) if status == "broken" else Judgement(status, ordered, bool(lost), missing)


class _Judge:
    """One call against one graph."""

    def __init__(self, call: FrozenCall, ground: Ground, graph: Graph) -> None:
        self._call = call
        self._ground = ground
        self._graph = graph
        self._lineage = outline_of(graph.objects).lineage
        needed = call.slice if call.fallback is None else call.fallback.slice
        self._needed = {item.object: item for item in merged(needed)}

    def reasons(self) -> Iterator[Reason]:
        """Everything that changed."""
        yield from self._operation()
        for was in self._ground.objects:
            found = list(self._object(was))
            yield from found or self._texts(was)
        yield from self._keys()

    def _operation(self) -> Iterator[Reason]:
        name = self._call.operation
        operation = operation_called(self._graph, name)
        if operation is None:
            yield Reason("broken", "operation_gone", f"The operation {name!r} is gone.")
            return
        if operation.unusable is not None:
            yield Reason("broken", "operation_unusable", f"The operation {name!r} can no longer be called.")
        now = {a.name: a for a in counting_arguments(operation, self._call.slice)}
        if operation_rest(operation, set(now)) != self._ground.operation:
            yield Reason("broken", "operation_changed", f"How {name!r} is called, or what it answers with, has changed.")
        before = {argument.name: argument for argument in self._ground.arguments}
        for argument in before.values():
            yield from self._argument(argument, now.get(argument.name))
        for added in now.keys() - before.keys():
            yield Reason("broken", "argument_required", f"{name!r} now needs {added!r}, which this skill does not give.")

    def _argument(self, was: GroundArgument, found: Argument | None) -> Iterator[Reason]:
        if found is None:
            if any(was.name in (item.arguments or ()) for item in self._call.slice):
                yield Reason("broken", "argument_gone", f"The argument {was.name!r} is gone.", field=was.name)
            return
        now = argument_of(found)
        same = (now.type, now.rest) == (was.type, was.rest)
        if not same or (now.native_type != was.native_type and not self._wider(was.native_type, now.native_type)):
            yield Reason("broken", "argument_changed", f"The argument {was.name!r} is of another type now.", field=was.name)
        elif now.native_type != was.native_type:
            yield Reason("cosmetic", "argument_widened", f"The argument {was.name!r} takes more than before.", field=was.name)
        if set(was.enum) - set(now.enum) and now.enum:
            message = f"The argument {was.name!r} no longer takes some of its values."
            yield Reason("broken", "value_gone", message, field=was.name)
        elif was.enum != now.enum:
            yield Reason("cosmetic", "values_changed", f"The argument {was.name!r} takes other values besides.", field=was.name)

    def _object(self, was: GroundObject) -> Iterator[Reason]:
        obj = self._graph.objects.get(was.name)
        needed = self._needed.get(was.name)
        grave: Status = "broken" if needed is not None else "degraded"
        leaves = self._leaves_of(was.name)
        if obj is None:
            yield Reason(grave, "object_gone", f"{was.name!r} is gone.", was.name, leaves=leaves)
            return
        if object_rest(self._graph, self._lineage, obj) != was.rest:
            message = f"{was.name!r}, or the definition of a view it is or reads, has changed."
            yield Reason(grave, "object_changed", message, was.name, leaves=leaves)
        for edge in was.edges:
            yield from self._edge(obj, edge.name, edge.rest, needed)
        for field in was.fields:
            yield from self._field(obj, field, needed)

    def _texts(self, was: GroundObject) -> Iterator[Reason]:
        obj = self._graph.objects.get(was.name)
        if obj is not None and object_told(obj, [field.path for field in was.fields]) != was.told:
            yield Reason("cosmetic", "texts_changed", f"Descriptions or indexes of {was.name!r} have changed.", was.name)

    def _edge(self, obj: Object, name: str, rest: str, needed: SliceItem | None) -> Iterator[Reason]:
        edge = obj.edge(name)
        if edge is not None and edge_of(edge).rest == rest:
            return
        grave: Status = "broken" if needed is not None and name in needed.edges else "degraded"
        what, code = ("is gone", "relationship_gone") if edge is None else ("leads elsewhere now", "relationship_changed")
        leaves = tuple(o.leaf for o in self._call.outputs if name in o.column.via)
        yield Reason(grave, code, f"The relationship {name!r} of {obj.name!r} {what}.", obj.name, name, leaves)

    def _field(self, obj: Object, was: GroundField, needed: SliceItem | None) -> Iterator[Reason]:
        grave: Status = "broken" if needed is not None and was.path in paths_of(needed) else "degraded"
        named, leaves = ".".join(was.path), self._leaves_of(obj.name, was.path)
        given = f" (given as {', '.join(map(repr, leaves))})" if leaves else ""
        place = f"{obj.name}.{named}"
        now = field_of(obj, was.path)
        if now is None:
            yield Reason(grave, "field_gone", f"{place!r}{given} is gone.", obj.name, named, leaves)
            return
        spelled = self._same_spelling(was, now)
        if (now.type, now.rest) != (was.type, was.rest) or not (spelled or self._wider(was.native_type, now.native_type)):
            yield Reason(grave, "type_changed", f"{place!r}{given} is of another type now.", obj.name, named, leaves)
        elif not spelled:
            yield Reason("cosmetic", "widened", f"{place!r}{given} holds larger values than before.", obj.name, named, leaves)
        if was.compared and set(was.enum) - set(now.enum):
            yield Reason(grave, "value_gone", f"{place!r} no longer has some of its values.", obj.name, named, leaves)
        elif was.enum != now.enum:
            yield Reason("cosmetic", "values_changed", f"{place!r}{given} has other values than before.", obj.name, named, leaves)
        if was.nullable != now.nullable:
            may = "may now be empty" if now.nullable else "is no longer empty"
            yield Reason("cosmetic", "nullable_changed", f"{place!r}{given} {may}.", obj.name, named, leaves)
        found = obj.member(was.path)
        if was.indexed and (found is None or not found.indexed):
            message = f"There is no index on {place!r} any more, by which this skill looks: it may be slow."
            yield Reason("degraded", "index_gone", message, obj.name, named)

    def _same_spelling(self, was: GroundField, now: GroundField) -> bool:
        """Whether the native types are the same, but for the values that an enum's spelling lists and GraphQL's ``!``."""
        before, after = was.native_type, now.native_type
        if was.enum and now.enum and before.startswith(("enum(", "set(")) and after.startswith(("enum(", "set(")):
            return before.partition("(")[0] == after.partition("(")[0]
        return before == after or (self._call.kind == "graphql" and before.replace("!", "") == after.replace("!", ""))

    def _wider(self, before: str, after: str) -> bool:
        return is_wider(before, after, self._call.kind)

    def _keys(self) -> Iterator[Reason]:
        """Of the keys that made the call one of one record, one has to be left."""
        root = self._record()
        if not self._ground.keys or root is None:
            return
        if any(set(now.fields) <= set(key) for now in root.keys for key in self._ground.keys):
            return
        fields = " and ".join(repr(name) for name in self._ground.keys[0])
        message = f"{fields} no longer identifies one record of {root.name!r}, which this skill relies on."
        yield Reason("broken", "key_gone", message, root.name, ".".join(self._ground.keys[0]))

    def _record(self) -> Object | None:
        operation = operation_called(self._graph, self._call.operation)
        return None if operation is None or operation.object is None else self._graph.objects.get(operation.object)

    def _leaves_of(self, name: str, path: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """The outputs that come from an object, or from one field of it."""
        columns = [(output.leaf, output.column) for output in self._call.outputs]
        return tuple(leaf for leaf, c in columns if c.object == name and path in (None, (c.field, *c.inner)))
