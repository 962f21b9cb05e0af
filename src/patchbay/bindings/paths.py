"""What a written path means: following names from an operation's record to a field, within the view.

Records are followed over to-one edges; embedded data, in the answers of called operations, over any embedded edge, through lists
and into nested values. Accepted as written: a leading path root (``appointment.status``), the names on the way to the record
in a document or goal (``data.id``, ``edges.node.number``, ``contact.name``), and a dotted text in one segment. A path that
ends on a name is the field of that name; one that goes on takes the edge. Two readings that both work are refused rather than
chosen between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from patchbay.bindings.path_problems import (
    MAX_EMBEDDED_HOPS,
    MAX_HOPS,
    PathProblem,
    can_follow,
    diagnose,
    holds_members,
    is_called,
    near,
)
from patchbay.schema_graph.call import Column
from patchbay.schema_graph.model import Edge, Field, Object, Operation
from patchbay.schema_graph.naming import quote_part, split_name
from patchbay.schema_graph.scoping import View

__all__ = ["PathProblem", "Reading", "follow", "near", "record_heads"]

Head = tuple[str, ...]
_CONNECTIONS: tuple[Head, ...] = (("nodes",), ("edges", "node"))
_WRAPPERS: tuple[Head, ...] = (("data",), ("rows",), ("items",), *_CONNECTIONS)


class Reading(msgspec.Struct, frozen=True):
    """A field reached from the record over ``edges``; ``object`` is the one that holds it. ``inner`` are the members below the
    field, of nested values.
    """

    edges: tuple[Edge, ...]
    object: Object
    field: Field
    inner: tuple[Field, ...] = ()

    @property
    def leaf(self) -> Field:
        """The field or member whose value is meant."""
        return self.inner[-1] if self.inner else self.field

    @property
    def via(self) -> tuple[str, ...]:
        """The names of the edges on the way."""
        return tuple(edge.name for edge in self.edges)

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the field and of the members below it."""
        return (self.field.name, *(member.name for member in self.inner))

    @property
    def name(self) -> str:
        """The dotted spelling, as arguments are published."""
        return ".".join(quote_part(part) for part in (*self.via, *self.members))

    def step(self, depth: int) -> str:
        """The name of the property read at ``depth`` edges from the record."""
        edge = self.edges[depth] if depth < len(self.edges) else None
        return edge.pairs[0][0] if edge is not None and edge.pairs else self.field.name

    @property
    def many(self) -> bool:
        """Whether a list lies on the way, so that the leaf is a list of values."""
        holders = (self.field, *self.inner)[:-1]
        return any(not edge.to_one for edge in self.edges) or any(holder.type == "array" for holder in holders)

    def column(self) -> Column:
        """The field as a call carries it. It may be null where the neighbour may be absent."""
        leaf = self.leaf
        on_the_way = any(edge.nullable or edge.narrows for edge in self.edges) if is_called(self.object) else bool(self.edges)
        return Column(
            object=self.object.name,
            field=self.field.name,
            type=leaf.type,
            native_type=leaf.native_type,
            via=self.via,
            nullable=on_the_way or any(member.nullable for member in (self.field, *self.inner)),
            zoned=leaf.zoned,
            item_type=leaf.item_type,
            inner=self.members[1:],
            many=self.many,
        )


class _Segment(msgspec.Struct, frozen=True):
    """``whole``: taken literally, not split at its dots."""

    text: str
    whole: bool


def record_heads(operation: Operation) -> tuple[Head, ...]:
    """What may lead to the record of a called operation in a path, as its document or a goal writes it: the names on the way to
    the record, the last of them, and the GraphQL query field. A connection may be written either way.
    """
    record: Head = tuple(operation.invoke.get("record", ()))
    field = operation.invoke.get("field")
    heads: list[Head] = [(field,)] if isinstance(field, str) else []
    if record:
        heads += [record, record[-1:]]
    if record in _CONNECTIONS:
        heads += _CONNECTIONS
    return tuple(dict.fromkeys(heads))


def follow(view: View, root: Object, path: Sequence[str], heads: Sequence[Head] = ()) -> Reading:
    """The one field that ``path`` means at ``root``; ``heads`` may lead to it. Raises :class:`PathProblem`."""
    every = _readings_of(view, root, path, heads)
    found = [reading for reading in every if not (is_called(reading.object) and holds_members(reading.leaf))]
    if not found:
        raise diagnose(view, root, _settled(view, root, path, heads))
    if len(found) > 1:
        spelled = " or ".join(repr(_unmistakable(view, root, reading, heads)) for reading in found)
        message = "This path can be read in two ways."
        raise PathProblem("ambiguous_path", message, f"Write {spelled}, one name a segment and names with dots in double quotes.")
    (reading,) = found
    _check_readable(reading)
    return reading


def _readings_of(view: View, root: Object, path: Sequence[str], heads: Sequence[Head]) -> list[Reading]:
    found: dict[tuple[Head, Head], Reading] = {}
    for start in _starts(view, root, path, heads):
        for reading in _readings(view, root, start, ()):
            found.setdefault((reading.via, reading.members), reading)
    return list(found.values())


def _unmistakable(view: View, root: Object, reading: Reading, heads: Sequence[Head]) -> str:
    """A spelling of a reading that has no other: its own, or with what leads to the record before it."""
    own = (*reading.via, *reading.members)
    for head in ((), *heads, (view.path_root(root.name),)):
        meant = _readings_of(view, root, [quote_part(part) for part in (*head, *own)], heads)
        if [(one.via, one.members) for one in meant] == [(reading.via, reading.members)]:
            return ".".join(quote_part(part) for part in (*head, *own))
    return reading.name


def _check_readable(reading: Reading) -> None:
    if not is_called(reading.object):
        if not (reading.object.readable and reading.field.readable):
            message = "The connected role may not read this field."
            raise PathProblem("not_readable", message, "Grant SELECT on it, then discover again.")
    elif not all(member.readable for member in (reading.field, *reading.inner)):
        message = "This field does not come back: it is write-only, or needs arguments of its own."
        raise PathProblem("not_readable", message, "Leave it out.")


def _starts(view: View, root: Object, path: Sequence[str], heads: Sequence[Head]) -> Iterator[tuple[_Segment, ...]]:
    """The path as it stands, split at its first segment's dots, and each of these without what leads to the record."""
    raw = tuple(_Segment(segment, whole=False) for segment in path)
    split = (*_split(raw[0]), *raw[1:])
    for start in dict.fromkeys((raw, split)):
        yield start
        yield from _stripped(view, root, start, heads)


def _stripped(view: View, root: Object, start: tuple[_Segment, ...], heads: Sequence[Head]) -> Iterator[tuple[_Segment, ...]]:
    own: set[Head] = {(name,) for name in (view.path_root(root.name), root.name, split_name(root.name)[-1])}
    if is_called(root):
        # Types begin with a capital; who reads `contact` in an answer writes it so.
        own |= {(name[:1].lower() + name[1:],) for (name,) in own}
        yield from _without(start, frozenset({*own, *heads}))
        return
    yield from _without_one(start, own)
    for rest in _without_one(start, _WRAPPERS):
        yield rest
        yield from _without_one(rest, own)


def _without_one(start: tuple[_Segment, ...], heads: Iterable[Head]) -> Iterator[tuple[_Segment, ...]]:
    """``start`` without one of ``heads``, where it begins with it and goes on."""
    texts = tuple(segment.text for segment in start)
    for head in heads:
        if len(start) > len(head) and texts[: len(head)] == head:
            yield start[len(head) :]


def _without(start: tuple[_Segment, ...], heads: frozenset[Head]) -> Iterator[tuple[_Segment, ...]]:
    """``start`` without some of ``heads`` one after the other, each at most once: ``orders.edges.node.order.number``."""
    for head in sorted(heads):
        for rest in _without_one(start, (head,)):
            yield rest
            yield from _without(rest, heads - {head})


def _split(segment: _Segment) -> tuple[_Segment, ...]:
    if segment.whole:
        return (segment,)
    return tuple(_Segment(part, whole=True) for part in split_name(segment.text))


def _readings(view: View, obj: Object, path: tuple[_Segment, ...], edges: tuple[Edge, ...]) -> Iterator[Reading]:
    head, rest = path[0], path[1:]
    field, edge = obj.field(head.text), obj.edge(head.text)
    if not rest:
        if field is not None:
            yield Reading(edges, obj, field)
    else:
        if field is not None:
            for inner in _members(field, rest, MAX_EMBEDDED_HOPS - len(edges)):
                yield Reading(edges, obj, field, inner)
        if edge is not None:
            yield from _over(view, obj, edge, rest, edges)
    parts = _split(head)
    if parts != (head,) and parts != (_Segment(head.text, whole=True),):
        yield from _readings(view, obj, (*parts, *rest), edges)


def _over(view: View, obj: Object, edge: Edge, rest: tuple[_Segment, ...], edges: tuple[Edge, ...]) -> Iterator[Reading]:
    """The readings of ``rest`` beyond an edge; the names of its wrapper may be written or not."""
    deepest = MAX_EMBEDDED_HOPS if edge.embedded else MAX_HOPS
    holders = [obj.field(own) for own, _ in edge.pairs] if edge.embedded else []
    if not can_follow(edge) or len(edges) >= deepest or any(holder and not holder.readable for holder in holders):
        return
    target = view.object(edge.target)
    if target is None:
        return
    found = _readings(view, target, rest, (*edges, edge))
    if edge.narrows and view.kind == "rest":
        # A REST answer does not tell its records apart: what is read of one kind is read of all that have it.
        shown = {field.name for field in obj.fields}
        found = (reading for reading in found if reading.step(len(edges) + 1) in shown)
    yield from found
    if edge.wrapper:
        wrappers = {edge.wrapper, *(_CONNECTIONS if edge.wrapper in _CONNECTIONS else ())}
        for inside in _without_one(rest, sorted(wrappers)):
            yield from _readings(view, target, inside, (*edges, edge))


def _members(field: Field, path: tuple[_Segment, ...], deepest: int) -> Iterator[tuple[Field, ...]]:
    """The members of a nested value that ``path`` means, each with those on the way."""
    if not field.fields or deepest <= 0:
        return
    head, rest = path[0], path[1:]
    member = next((f for f in field.fields if f.name == head.text), None)
    if member is not None and not rest:
        yield (member,)
    elif member is not None:
        yield from ((member, *below) for below in _members(member, rest, deepest - 1))
    parts = _split(head)
    if parts != (head,) and parts != (_Segment(head.text, whole=True),):
        yield from _members(field, (*parts, *rest), deepest)


def _settled(view: View, root: Object, path: Sequence[str], heads: Sequence[Head]) -> tuple[str, ...]:
    """The names to explain a failure along: split, without what leads to the record."""
    segments = tuple(part for segment in path for part in _split(_Segment(segment, whole=False)))
    head = segments[0].text
    known = root.edge(head) is not None or root.field(head) is not None
    stripped = segments if known else min(_stripped(view, root, segments, heads), key=len, default=segments)
    return tuple(segment.text for segment in stripped)
