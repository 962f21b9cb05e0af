"""How a reader gets to an object: the read that returns it, or the nearest one whose records hold it.

Found once for a view, breadth first: from the records that reads return, over relationships that a projection may follow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from patchbay.schema_graph.model import Operation
from patchbay.schema_graph.scoping import View

MOST_HOPS = 6


class Reach(msgspec.Struct, frozen=True, gc=False):
    """``operation`` returns a record from which ``path`` (its root first, then relationships) leads to the object."""

    operation: str
    path: tuple[str, ...]

    @property
    def hops(self) -> int:
        """How many relationships are followed."""
        return len(self.path) - 1


def reaches(view: View) -> Mapping[str, Reach]:
    """The nearest way to each object of REST and GraphQL that a read leads to, by its name.

    Of a record that has a read of its own the way is that read, and needs no looking for.
    """
    found: dict[str, Reach] = {}
    todo: deque[str] = deque()
    for operation in sorted(_usable(view.operations()), key=_preference):
        assert operation.object is not None
        if operation.object not in found:
            found[operation.object] = Reach(operation.name, (view.path_root(operation.object),))
            todo.append(operation.object)
    while todo:
        name = todo.popleft()
        way, obj = found[name], view.object(name)
        if obj is None or way.hops >= MOST_HOPS:
            continue
        for edge in obj.edges:
            if edge.embedded and edge.target not in found:
                found[edge.target] = Reach(way.operation, (*way.path, edge.name))
                todo.append(edge.target)
    return found


def _usable(operations: Iterable[Operation]) -> Iterable[Operation]:
    return (o for o in operations if o.verb == "call" and o.unusable is None and o.object is not None)


def _preference(operation: Operation) -> tuple[int, int, str]:
    """Reads that need little come first, then those with short names."""
    return sum(a.required for a in operation.arguments), len(operation.name), operation.name
