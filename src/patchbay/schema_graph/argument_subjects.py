"""What an argument of a called operation is about, told from its name: the fields, members of nested values and records in it.

``where.customer.email`` is followed from the record that the operation returns, along embedded edges and into nested values. A
name without steps of its own (``taxNumber``, ``filter[city]``) may mean a member of a nested value, or a field of a record in
the record. In doubt an argument is about more: blocking any of it takes the argument away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from patchbay.schema_graph.blocking import nested_names
from patchbay.schema_graph.call import Touch
from patchbay.schema_graph.model import Field, Graph
from patchbay.schema_graph.naming import quote_part, split_name
from patchbay.schema_graph.transform import Affix

_BETWEEN = re.compile(r"__|\W+")

_Path = tuple[str, ...]


class _Shape(msgspec.Struct, frozen=True):
    """The names of one object, case folded: the paths of its fields and of the members of nested values in their own spelling,
    those paths by their last name, and the targets of its embedded edges.
    """

    paths: dict[_Path, _Path]
    last: dict[str, list[_Path]]
    targets: dict[str, str]


class Subjects:
    """Reads the arguments of one graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._shapes: dict[str, _Shape] = {}

    def touches(self, record: str | None, argument: str) -> Iterator[Touch]:
        """What giving ``argument`` touches of ``record``, of the records in it and of its nested values."""
        if record is None:
            return
        parts = [*_parts(argument)]
        around: list[tuple[str, _Path]] = [(record, ())]
        found = False
        for part in parts:
            for name, way in tuple(around):
                shape = self._shape(name)
                path = shape.paths.get((*way, part))
                if path is not None:
                    found = True
                    yield Touch(name, nested_names(path))
                    around.append((name, (*way, part)))
                target = shape.targets.get(part) if not way else None
                if target is not None and (target, ()) not in around:
                    around.append((target, ()))
        if not found:
            yield from next((meant for part in reversed(parts) if (meant := [*self._meant(record, part)])), ())

    def _meant(self, record: str, part: str) -> Iterator[Touch]:
        """What a name that is no field of the record may mean: a member below one, else a field of a record in it."""
        shape = self._shape(record)
        below = shape.last.get(part, ())
        yield from (Touch(record, nested_names(path)) for path in below)
        for target in () if below else dict.fromkeys(shape.targets.values()):
            path = self._shape(target).paths.get((part,))
            if path is not None:
                yield Touch(target, path)

    def _shape(self, name: str) -> _Shape:
        shape = self._shapes.get(name)
        if shape is None:
            obj = self._graph.objects.get(name)
            paths = {tuple(part.casefold() for part in path): path for path in _paths(() if obj is None else obj.fields)}
            last: dict[str, list[_Path]] = {}
            for folded, path in paths.items():
                last.setdefault(folded[-1], []).append(path)
            targets = {e.name.casefold(): e.target for e in (() if obj is None else obj.edges) if e.embedded}
            shape = self._shapes[name] = _Shape(paths, last, targets)
        return shape


def spelled_in(argument: str, value: Any) -> list[str]:
    """The arguments that an object or list given as one value spells out: ``where`` with ``{"email": {"eq": 1}}`` gives
    ``where.email`` and ``where.email.eq``.
    """
    found: dict[str, None] = {}
    todo: list[tuple[str, Any]] = [(argument, value)]
    while todo:
        name, held = todo.pop()
        if isinstance(held, Mapping):
            for key, below in cast("Mapping[str, Any]", held).items():
                found[f"{name}.{quote_part(key)}"] = None
                todo.append((f"{name}.{quote_part(key)}", below))
        elif isinstance(held, list):
            todo.extend((name, below) for below in cast("list[Any]", held))
    return list(found)


def searched_by(argument: str, affix: Affix) -> list[str]:
    """The arguments that the names around a text would be: ``query`` with ``email:"…"`` gives ``query.email``."""
    return [f"{argument}.{quote_part(word)}" for word in affix.words]


def _parts(argument: str) -> Iterator[str]:
    """The identifiers of a name, case folded, each followed by the names written together in it (``filter[email]``)."""
    for part in split_name(argument.casefold()):
        yield part
        pieces = [piece for piece in _BETWEEN.split(part) if piece]
        if pieces != [part]:
            yield from pieces


def _paths(fields: Sequence[Field], way: _Path = ()) -> Iterator[_Path]:
    for field in fields:
        yield (*way, field.name)
        yield from _paths(field.fields, (*way, field.name))
