"""What a written path means: following names from an operation's record over to-one edges to a field, within the view.

Accepted as written: a leading path root (``appointment.status``), wrappers of lists in documents (``data.id``,
``edges.node.number``), and a dotted text in one segment. A path that ends on a name is the field of that name; one that
goes on takes the edge. Two readings that both work are refused rather than chosen between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from patchbay.nearest import nearest
from patchbay.schema_graph.call import Column
from patchbay.schema_graph.model import Edge, Field, Object
from patchbay.schema_graph.naming import quote_part, split_name
from patchbay.schema_graph.scoping import View

MAX_HOPS = 4
_WRAPPERS: tuple[tuple[str, ...], ...] = (("data",), ("rows",), ("nodes",), ("items",), ("edges", "node"))
_MOST_SHOWN = 8


class Reading(msgspec.Struct, frozen=True):
    """A field reached from the record over ``edges``; ``object`` is the one that holds it."""

    edges: tuple[Edge, ...]
    object: Object
    field: Field

    @property
    def via(self) -> tuple[str, ...]:
        """The names of the edges on the way."""
        return tuple(edge.name for edge in self.edges)

    @property
    def name(self) -> str:
        """The dotted spelling, as arguments are published."""
        return ".".join(quote_part(part) for part in (*self.via, self.field.name))

    def column(self) -> Column:
        """The field as a call carries it. It may be null where the neighbour may be absent."""
        return Column(
            object=self.object.name,
            field=self.field.name,
            type=self.field.type,
            native_type=self.field.native_type,
            via=self.via,
            nullable=self.field.nullable or bool(self.edges),
            zoned=self.field.zoned,
            item_type=self.field.item_type,
        )


class PathProblem(Exception):
    """A path that means nothing, or two things."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class _Segment(msgspec.Struct, frozen=True):
    """``whole``: taken literally, not split at its dots."""

    text: str
    whole: bool


def follow(view: View, root: Object, path: Sequence[str]) -> Reading:
    """The one field ``path`` means from ``root``. Raises :class:`PathProblem`."""
    found: dict[tuple[tuple[str, ...], str], Reading] = {}
    for start in _starts(view, root, path):
        for reading in _readings(view, root, start, ()):
            found.setdefault((reading.via, reading.field.name), reading)
    if not found:
        raise _diagnose(view, root, _settled(view, root, path))
    if len(found) > 1:
        spelled = " or ".join(repr(reading.name) for reading in found.values())
        message = "This path can be read in two ways."
        raise PathProblem("ambiguous_path", message, f"Write {spelled}, one name a segment and names with dots in double quotes.")
    (reading,) = found.values()
    if not (reading.object.readable and reading.field.readable):
        raise PathProblem(
            "not_readable", "The connected role may not read this field.", "Grant SELECT on it, then discover again."
        )
    return reading


def names_of(view: View, obj: Object) -> list[str]:
    """What a path may go on with at ``obj``: its fields and to-one edges."""
    return [f.name for f in obj.fields] + [e.name for e in obj.edges if e.to_one and not e.inferred]


def _starts(view: View, root: Object, path: Sequence[str]) -> Iterator[tuple[_Segment, ...]]:
    """The path as it stands, split at its first segment's dots, and each of these without a leading root or wrapper."""
    raw = tuple(_Segment(segment, whole=False) for segment in path)
    split = (*_split(raw[0]), *raw[1:])
    for start in dict.fromkeys((raw, split)):
        yield start
        yield from _stripped(view, root, start)


def _stripped(view: View, root: Object, start: tuple[_Segment, ...]) -> Iterator[tuple[_Segment, ...]]:
    texts = tuple(segment.text for segment in start)
    roots = {view.path_root(root.name), root.name, split_name(root.name)[-1]}
    if len(start) > 1 and texts[0] in roots:
        yield start[1:]
    for wrapper in _WRAPPERS:
        if len(start) > len(wrapper) and texts[: len(wrapper)] == wrapper:
            rest = start[len(wrapper) :]
            yield rest
            if len(rest) > 1 and rest[0].text in roots:
                yield rest[1:]


def _split(segment: _Segment) -> tuple[_Segment, ...]:
    if segment.whole:
        return (segment,)
    return tuple(_Segment(part, whole=True) for part in split_name(segment.text))


def _readings(view: View, obj: Object, path: tuple[_Segment, ...], edges: tuple[Edge, ...]) -> Iterator[Reading]:
    head, rest = path[0], path[1:]
    if not rest:
        field = obj.field(head.text)
        if field is not None:
            yield Reading(edges, obj, field)
    elif (edge := obj.edge(head.text)) is not None and len(edges) < MAX_HOPS:
        target = view.object(edge.target) if edge.to_one and not edge.inferred else None
        if target is not None:
            yield from _readings(view, target, rest, (*edges, edge))
    parts = _split(head)
    if parts != (head,) and parts != (_Segment(head.text, whole=True),):
        yield from _readings(view, obj, (*parts, *rest), edges)


def _settled(view: View, root: Object, path: Sequence[str]) -> tuple[str, ...]:
    """The names to explain a failure along: split, without a leading root."""
    segments = tuple(part for segment in path for part in _split(_Segment(segment, whole=False)))
    stripped = next(_stripped(view, root, segments), segments)
    head = segments[0].text
    known = root.edge(head) is not None or root.field(head) is not None
    return tuple(segment.text for segment in (segments if known else stripped))


def _diagnose(view: View, root: Object, path: Sequence[str]) -> PathProblem:
    obj = root
    for depth, name in enumerate(path):
        last = depth == len(path) - 1
        edge = obj.edge(name)
        if edge is None:
            if not last and obj.field(name) is not None:
                return PathProblem(
                    "unknown_path", f"{name!r} is a field without fields of its own.", f"End the path at {name!r}."
                )
            # The name itself is left out: it may be that of something blocked, in a binding that somebody else wrote.
            return PathProblem(
                "unknown_path",
                f"{'The last name' if last else 'A name'} of this path is not in view.",
                near(name, names_of(view, obj), _aliases(view, obj)),
            )
        if not edge.to_one:
            message = f"{name!r} leads to many records; a path may only follow relationships to one."
            return PathProblem("path_through_many", message, "Bind a read of that object instead.")
        if edge.inferred:
            message = f"{name!r} is a relationship guessed from names, with no foreign key behind it; it is not joined on."
            return PathProblem("edge_inferred", message, "Declare the foreign key, then discover again.")
        target = view.object(edge.target)
        if target is None or depth >= MAX_HOPS:
            return PathProblem("path_too_deep", f"A path may follow at most {MAX_HOPS} relationships.")
        if last:
            message = f"{name!r} is a record, not a field."
            return PathProblem("path_not_scalar", message, near(name, [], shown=[f"{name}.{f.name}" for f in target.fields]))
        obj = target
    return PathProblem("unknown_path", "This path means nothing here.")


def _aliases(view: View, obj: Object) -> dict[str, str]:
    """Edges by what their targets are called, for who writes ``customer`` where the key is ``cust_ref``."""
    return {view.path_root(e.target): e.name for e in obj.edges if e.to_one and not e.inferred}


def near(name: str, names: Sequence[str], aliases: dict[str, str] | None = None, shown: Iterable[str] = ()) -> str | None:
    """A hint: the nearest of ``names``, or the first of them when nothing is near."""
    close = nearest(name, [*names, *(aliases or {})])
    found = list(dict.fromkeys((aliases or {}).get(one, one) if one not in names else one for one in close))
    if found:
        return f"Did you mean {' or '.join(repr(one) for one in found)}?"
    listed = list(shown) or list(names)
    if not listed:
        return None
    more = ", …" if len(listed) > _MOST_SHOWN else ""
    return f"There are: {', '.join(listed[:_MOST_SHOWN])}{more}."
