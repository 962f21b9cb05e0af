"""Why a path means nothing, and what could be written instead. Nothing is named that is not in view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from patchbay.nearest import nearest
from patchbay.schema_graph.model import Edge, Field, Object
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.outline import CALLED_KINDS
from patchbay.schema_graph.scoping import View

MAX_HOPS = 4
MAX_EMBEDDED_HOPS = 8
_MOST_SHOWN = 8


class PathProblem(Exception):
    """A path that means nothing, or two things."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def is_called(obj: Object) -> bool:
    """Whether the object comes in the answer of a called operation, with what it embeds, rather than out of tables."""
    return obj.kind in CALLED_KINDS


def can_follow(edge: Edge) -> bool:
    """Whether a path may go over this edge: embedded data of any number, else a declared relationship to one."""
    return not edge.inferred and (edge.embedded or edge.to_one)


def can_list(edge: Edge) -> bool:
    """Whether what comes back may be a list over this edge: a declared relationship to many records of a table."""
    return edge.cardinality == "one_to_many" and not edge.inferred and not edge.embedded


def holds_members(field: Field) -> bool:
    """Whether the value is an object, or a list of them, of which only members can be read."""
    return bool(field.fields) or field.type == "object" or (field.type == "array" and field.item_type == "object")


def names_of(view: View, obj: Object) -> list[str]:
    """What a path may go on with at ``obj``: its fields and the edges that can be followed."""
    edges = (edge.name for edge in obj.edges if can_follow(edge) or can_list(edge))
    return list(dict.fromkeys([*(f.name for f in obj.fields), *edges]))


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


def diagnose(view: View, root: Object, path: Sequence[str], *, through_many: bool = False) -> PathProblem:
    """What is wrong with a path of plain names that cannot be followed from ``root``. ``through_many``: one relationship to many
    records could be.
    """
    listed = False
    obj = root
    deepest = MAX_EMBEDDED_HOPS if is_called(root) else MAX_HOPS
    for depth, name in enumerate(path):
        last = depth == len(path) - 1
        edge = obj.edge(name)
        field = obj.field(name)
        if edge is None and field is not None and (field.fields or (last and is_called(obj))):
            return _diagnose_members(field, path[depth + 1 :])
        if edge is None:
            return _no_edge(view, obj, name, is_field=field is not None, last=last)
        if not edge.to_one and not edge.embedded:
            if not (through_many and can_list(edge)) or listed:
                return _through_many(name, edge, listed=listed, through_many=through_many)
            listed = True
        if edge.inferred:
            return _inferred(name, called=is_called(obj))
        target = view.object(edge.target)
        if target is None or depth >= deepest:
            return PathProblem("path_too_deep", f"A path may follow at most {deepest} relationships.")
        if last:
            message = f"{name!r} is a record, not a field."
            return PathProblem("path_not_scalar", message, near(name, [], shown=[f"{name}.{n}" for n in names_of(view, target)]))
        if edge.narrows and view.kind == "rest" and obj.field(path[depth + 1]) is None:
            shown = [f.name for f in target.fields if obj.field(f.name) is not None]
            return PathProblem("unknown_path", "A name of this path is not in view.", near(path[depth + 1], shown))
        obj = target
        path = _unwrapped(path, depth, edge)
    return PathProblem("unknown_path", "This path means nothing here.")


def _through_many(name: str, edge: Edge, *, listed: bool, through_many: bool) -> PathProblem:
    if listed:
        message = f"{name!r} would be a list inside a list; a path may follow one relationship to many records."
    elif through_many and edge.via is not None:
        message = f"{name!r} leads to many records by way of {edge.via!r}; go over that object."
    else:
        message = f"{name!r} leads to many records; a path may only follow relationships to one."
    return PathProblem("path_through_many", message, "Bind a read of that object instead.")


def _unwrapped(path: Sequence[str], depth: int, edge: Edge) -> Sequence[str]:
    """The path without the wrapper's names behind ``depth``: they stand for what is in the list."""
    after = depth + 1 + len(edge.wrapper)
    wrapped = edge.wrapper and tuple(path[depth + 1 : after]) == edge.wrapper and len(path) > after
    return [*path[: depth + 1], *path[after:]] if wrapped else path


def _no_edge(view: View, obj: Object, name: str, *, is_field: bool, last: bool) -> PathProblem:
    if is_field and not last:
        return PathProblem("unknown_path", f"{name!r} is a field without fields of its own.", f"End the path at {name!r}.")
    # The name itself is left out: it may be that of something blocked, in a binding that somebody else wrote.
    message = f"{'The last name' if last else 'A name'} of this path is not in view."
    return PathProblem("unknown_path", message, near(name, names_of(view, obj), _aliases(view, obj)))


def _diagnose_members(field: Field, rest: Sequence[str]) -> PathProblem:
    """What is wrong with a path that goes on into nested values."""
    for depth, name in enumerate(rest):
        inner = next((f for f in field.fields if f.name == name), None)
        if inner is None:
            if not field.fields:
                return PathProblem(
                    "unknown_path", f"{field.name!r} is a field without fields of its own.", f"End the path at {field.name!r}."
                )
            message = f"{'The last name' if depth == len(rest) - 1 else 'A name'} of this path is not in view."
            return PathProblem("unknown_path", message, near(name, [f.name for f in field.fields]))
        field = inner
    if not holds_members(field):
        return PathProblem("path_too_deep", f"A path may go at most {MAX_EMBEDDED_HOPS} names deep.")
    message = f"{field.name!r} is an object, not a field."
    return PathProblem("path_not_scalar", message, near(field.name, [], shown=[f"{field.name}.{f.name}" for f in field.fields]))


def _inferred(name: str, *, called: bool) -> PathProblem:
    if called:
        message = f"{name!r} is a relationship guessed from names; what it leads to is not in the answer."
        return PathProblem("edge_inferred", message, "Bind an operation that returns that object.")
    message = f"{name!r} is a relationship guessed from names, with no foreign key behind it; it is not joined on."
    return PathProblem("edge_inferred", message, "Declare the foreign key, then discover again.")


def _aliases(view: View, obj: Object) -> dict[str, str]:
    """Edges by what their targets are called, for who writes ``customer`` where the key is ``cust_ref``."""
    to_many = {split_name(e.target)[-1]: e.name for e in obj.edges if can_list(e)}
    return to_many | {view.path_root(e.target): e.name for e in obj.edges if can_follow(e) and not e.narrows}
