"""What a written path means: following names from an operation's record to a field, within the view.

Records are followed over to-one edges; embedded data, in the answers of called operations, over any embedded edge, through lists
and into nested values. Accepted as written: a leading path root (``appointment.status``), the names on the way to the record
in a document or goal (``data.id``, ``edges.node.number``, ``contact.name``), and a dotted text in one segment. A path that
ends on a name is the field of that name; one that goes on takes the edge. Two readings that both work are refused rather than
chosen between. What comes back may also be read through one declared relationship to many records.
A number picks one element of the list that the name before it leads to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from patchbay.bindings.path_problems import (
    MAX_EMBEDDED_HOPS,
    MAX_HOPS,
    PathProblem,
    can_follow,
    can_list,
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
Picks = tuple[tuple[int, int], ...]
"""(place among the names of the path, element), of the lists that one element is taken of."""
_CONNECTIONS: tuple[Head, ...] = (("nodes",), ("edges", "node"))
_WRAPPERS: tuple[Head, ...] = (("data",), ("rows",), ("items",), *_CONNECTIONS)


class Reading(msgspec.Struct, frozen=True):
    """A field reached from the record over ``edges``; ``object`` is the one that holds it. ``inner`` are the members below the
    field, of nested values. ``picks`` are the elements taken of lists on the way.
    """

    edges: tuple[Edge, ...]
    object: Object
    field: Field
    inner: tuple[Field, ...] = ()
    picks: Picks = ()

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
        lists = [*(not edge.to_one for edge in self.edges), *(holder.type == "array" for holder in holders)]
        picked = {place for place, _ in self.picks}
        return any(is_list and place not in picked for place, is_list in enumerate(lists))

    @property
    def list_at(self) -> int | None:
        """How many edges lead to the one beyond which there are many records of a table; None where there is none."""
        return next((place for place, edge in enumerate(self.edges) if not edge.to_one and not edge.embedded), None)

    def column(self) -> Column:
        """The field as a call carries it. It may be null where the neighbour may be absent."""
        leaf = self.leaf
        element = any(place == len(self.edges) + len(self.inner) for place, _ in self.picks)
        on_the_way = any(edge.nullable or edge.narrows for edge in self.edges) if is_called(self.object) else bool(self.edges)
        return Column(
            object=self.object.name,
            field=self.field.name,
            type=(leaf.item_type or "json") if element else leaf.type,
            native_type=leaf.native_type,
            via=self.via,
            nullable=on_the_way or bool(self.picks) or any(member.nullable for member in (self.field, *self.inner)),
            zoned=leaf.zoned,
            item_type=None if element else leaf.item_type,
            inner=self.members[1:],
            many=self.many,
            picks=self.picks,
        )


class _Segment(msgspec.Struct, frozen=True):
    """``whole``: taken literally, not split at its dots. ``pick``: the element taken of the list it leads to."""

    text: str
    whole: bool
    pick: int | None = None


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


def follow(
    view: View, root: Object, path: Sequence[str | int], heads: Sequence[Head] = (), *, through_many: bool = False
) -> Reading:
    """The one field that ``path`` means at ``root``; ``heads`` may lead to it. ``through_many``: it may lie beyond a relationship
    to many records. Raises :class:`PathProblem`.
    """
    segments = _segments(path)
    found = _scalars(_readings_of(view, root, segments, heads, through_many=through_many))
    if not found:
        raise _unreadable(view, root, segments, heads, through_many=through_many)
    if len(found) > 1:
        spelled = " or ".join(repr(_unmistakable(view, root, reading, heads)) for reading in found)
        message = "This path can be read in two ways."
        raise PathProblem("ambiguous_path", message, f"Write {spelled}, one name a segment and names with dots in double quotes.")
    (reading,) = found
    _check_readable(reading)
    return reading


def _segments(path: Sequence[str | int]) -> tuple[_Segment, ...]:
    """The names of a path, each with the element taken of what it leads to. Raises :class:`PathProblem`."""
    segments: list[_Segment] = []
    for step in path:
        if isinstance(step, str):
            segments.append(_Segment(step, whole=False))
        elif segments and segments[-1].pick is None:
            segments[-1] = msgspec.structs.replace(segments[-1], pick=step)
        else:
            raise PathProblem("path_invalid", "A number in a path stands behind the name of a list.")
    return tuple(segments)


def _scalars(readings: Sequence[Reading]) -> list[Reading]:
    return [reading for reading in readings if not (is_called(reading.object) and holds_members(reading.leaf))]


def _unreadable(
    view: View, root: Object, segments: tuple[_Segment, ...], heads: Sequence[Head], *, through_many: bool
) -> PathProblem:
    names = tuple(_Segment(segment.text, segment.whole) for segment in segments)
    if names != segments and _scalars(_readings_of(view, root, names, heads, through_many=through_many)):
        message = "A number in a path picks an element of a list inside an answer; there is none at that place."
        return PathProblem("pick_not_a_list", message, "Leave the number out.")
    return diagnose(view, root, _settled(view, root, names, heads), through_many=through_many)


def _readings_of(
    view: View, root: Object, path: tuple[_Segment, ...], heads: Sequence[Head], *, through_many: bool = False
) -> list[Reading]:
    found: dict[tuple[Head, Head], Reading] = {}
    for start in _starts(view, root, path, heads):
        for reading in _readings(_Way(view, through_many), root, start, (), ()):
            found.setdefault((reading.via, reading.members), reading)
    return list(found.values())


def _unmistakable(view: View, root: Object, reading: Reading, heads: Sequence[Head]) -> str:
    """A spelling of a reading that has no other: its own, or with what leads to the record before it."""
    own = (*reading.via, *reading.members)
    for head in ((), *heads, (view.path_root(root.name),)):
        spelled = _segments([quote_part(part) for part in (*head, *own)])
        meant = _readings_of(view, root, spelled, heads, through_many=reading.list_at is not None)
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


def _starts(view: View, root: Object, raw: tuple[_Segment, ...], heads: Sequence[Head]) -> Iterator[tuple[_Segment, ...]]:
    """The path as it stands, split at its first segment's dots, and each of these without what leads to the record."""
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
        if len(start) > len(head) and texts[: len(head)] == head and all(one.pick is None for one in start[: len(head)]):
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
    *before, last = split_name(segment.text)
    return (*(_Segment(part, whole=True) for part in before), _Segment(last, whole=True, pick=segment.pick))


class _Way(msgspec.Struct, frozen=True):
    """What readings are looked for in. ``through_many``: also beyond a relationship to many records."""

    view: View
    through_many: bool

    def edge(self, obj: Object, name: str) -> Edge | None:
        """The edge of that name; or the only one to many records of the object so named: `orders`, where the edge is `order`."""
        found = obj.edge(name)
        if found is not None or not self.through_many:
            return found
        to_many = [edge for edge in obj.edges if can_list(edge) and split_name(edge.target)[-1] == name]
        return to_many[0] if len(to_many) == 1 else None

    def leads_on(self, edge: Edge, edges: tuple[Edge, ...]) -> bool:
        """Whether a path that came over ``edges`` may go over ``edge``."""
        return can_follow(edge) or (self.through_many and can_list(edge) and all(one.to_one for one in edges))


def _readings(way: _Way, obj: Object, path: tuple[_Segment, ...], edges: tuple[Edge, ...], picks: Picks) -> Iterator[Reading]:
    head, rest = path[0], path[1:]
    field, edge = obj.field(head.text), way.edge(obj, head.text)
    if field is not None and _may_pick(obj, field, head):
        here = _picked(picks, len(edges), head.pick)
        if not rest:
            yield Reading(edges, obj, field, (), here)
        for inner, taken in _members(field, rest, MAX_EMBEDDED_HOPS - len(edges), len(edges) + 1):
            yield Reading(edges, obj, field, inner, (*here, *taken))
    if rest and edge is not None:
        yield from _over(way, obj, edge, head.pick, rest, edges, picks)
    parts = _split(head)
    if parts != (head,) and parts != (_Segment(head.text, whole=True, pick=head.pick),):
        yield from _readings(way, obj, (*parts, *rest), edges, picks)


def _may_pick(obj: Object, field: Field, segment: _Segment) -> bool:
    """Whether a name may have a number behind it, if it has one: it leads to a list in an answer."""
    return segment.pick is None or (is_called(obj) and field.type == "array")


def _picked(picks: Picks, place: int, pick: int | None) -> Picks:
    return picks if pick is None else (*picks, (place, pick))


def _over(
    way: _Way, obj: Object, edge: Edge, pick: int | None, rest: tuple[_Segment, ...], edges: tuple[Edge, ...], picks: Picks
) -> Iterator[Reading]:
    """The readings of ``rest`` beyond an edge; the names of its wrapper may be written or not."""
    deepest = MAX_EMBEDDED_HOPS if edge.embedded else MAX_HOPS
    holders = [obj.field(own) for own, _ in edge.pairs] if edge.embedded else []
    if not way.leads_on(edge, edges) or len(edges) >= deepest or any(holder and not holder.readable for holder in holders):
        return
    target = way.view.object(edge.target)
    if target is None or (pick is not None and (edge.to_one or not edge.embedded)):
        return
    found = _readings(way, target, rest, (*edges, edge), _picked(picks, len(edges), pick))
    if edge.narrows and way.view.kind == "rest":
        # A REST answer does not tell its records apart: what is read of one kind is read of all that have it.
        shown = {field.name for field in obj.fields}
        found = (reading for reading in found if reading.step(len(edges) + 1) in shown)
    yield from found
    if edge.wrapper:
        wrappers = {edge.wrapper, *(_CONNECTIONS if edge.wrapper in _CONNECTIONS else ())}
        for inside, taken in _unwrapped(rest, pick, sorted(wrappers)):
            yield from _readings(way, target, inside, (*edges, edge), _picked(picks, len(edges), taken))


def _unwrapped(
    rest: tuple[_Segment, ...], pick: int | None, wrappers: Iterable[Head]
) -> Iterator[tuple[tuple[_Segment, ...], int | None]]:
    """``rest`` without the names of a wrapper before it, and the element picked of the list, wherever in them it is written."""
    for wrapper in wrappers:
        written, inside = rest[: len(wrapper)], rest[len(wrapper) :]
        picks = [one.pick for one in written if one.pick is not None] + ([] if pick is None else [pick])
        if inside and tuple(one.text for one in written) == wrapper and len(picks) <= 1:
            yield inside, next(iter(picks), None)


def _members(field: Field, path: tuple[_Segment, ...], deepest: int, place: int) -> Iterator[tuple[tuple[Field, ...], Picks]]:
    """The members of a nested value that ``path`` means, each with those on the way and the elements picked."""
    if not field.fields or not path or deepest <= 0:
        return
    head, rest = path[0], path[1:]
    member = next((f for f in field.fields if f.name == head.text), None)
    if member is not None and (head.pick is None or member.type == "array"):
        here = _picked((), place, head.pick)
        if not rest:
            yield (member,), here
        else:
            yield from (((member, *below), (*here, *taken)) for below, taken in _members(member, rest, deepest - 1, place + 1))
    parts = _split(head)
    if parts != (head,) and parts != (_Segment(head.text, whole=True, pick=head.pick),):
        yield from _members(field, (*parts, *rest), deepest, place)


def _settled(view: View, root: Object, path: tuple[_Segment, ...], heads: Sequence[Head]) -> tuple[str, ...]:
    """The names to explain a failure along: split, without what leads to the record."""
    segments = tuple(part for segment in path for part in _split(segment))
    head = segments[0].text
    known = root.edge(head) is not None or root.field(head) is not None
    stripped = segments if known else min(_stripped(view, root, segments, heads), key=len, default=segments)
    return tuple(segment.text for segment in stripped)
