"""What a binding would be after something it names was, as it seems, renamed: a suggestion, never acted upon.

It is looked for between two discoveries of one system, both as data scoping lets them be seen, and only told when the changed
binding passes the check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from patchbay.bindings.check import BindingInvalid, check
from patchbay.bindings.model import Binding
from patchbay.bindings.paths import PathProblem, Reading, follow, record_heads
from patchbay.bindings.scope import Target
from patchbay.schema_graph.diff import Renamed, renamed_fields, renamed_objects
from patchbay.schema_graph.model import Edge, Object, Operation
from patchbay.schema_graph.naming import quote_part
from patchbay.schema_graph.operations import split_operation
from patchbay.schema_graph.scoping import View

_SURE = 1.0


class Remapped(msgspec.Struct, frozen=True, rename="camel"):
    """One member of the binding, by its place in it: what it says, and what it would say."""

    field: str
    before: Any
    after: Any


class Remap(msgspec.Struct, frozen=True, rename="camel"):
    """``binding`` are the members to send as ``PATCH …/skills/{id} {binding}``; ``confidence`` (0 to 1) is of the renames."""

    binding: dict[str, Any]
    changes: tuple[Remapped, ...]
    confidence: float


def remap(binding: Binding, before: View, after: View, target: Target) -> Remap | None:
    """The binding for ``after`` that means what ``binding`` meant on ``before``; None where none is likely, or none is needed."""
    operation = before.operation(binding.operation)
    root = before.object(operation.object) if operation is not None and operation.object is not None else None
    if operation is None or root is None:
        return None
    search = _Search(before, after, operation, root)
    changed = search.binding(binding)
    if changed is None or changed == binding:
        return None
    try:
        check(changed, after, target)
    except BindingInvalid:
        return None
    return Remap(_members(binding, changed), tuple(_differences(binding, changed)), search.confidence)


class _Lost(Exception):
    """Something the binding names has no likely successor."""


class _Search:
    """The way from one view to the other, and how sure it is."""

    def __init__(self, before: View, after: View, operation: Operation, root: Object) -> None:
        self._before = before
        self._after = after
        self._operation = operation
        self._root = root
        self._objects: Mapping[str, Renamed] | None = None
        self.confidence = _SURE

    def binding(self, binding: Binding) -> Binding | None:
        """The binding with every name that is gone replaced by its likely successor; None where one has none."""
        try:
            root = self._object_now(self._root)
            operation = self._operation_now(binding.operation, root)
            # A called operation's arguments are its own names, not fields of its record.
            called = not self._operation.record_arguments
            replaced: dict[str, Any] = {
                "operation": operation,
                "projection": [self._with_path(rule, root) for rule in binding.projection],
                "order_by": [self._with_path(rule, root) for rule in binding.order_by],
            }
            if not called:
                replaced["inputs"] = [self._with_argument(rule, root) for rule in binding.inputs]
                replaced["filters"] = [self._with_argument(rule, root) for rule in binding.filters]
        except _Lost:
            return None
        return msgspec.structs.replace(binding, **replaced)

    def _operation_now(self, written: str, root: Object) -> str:
        if self._after.operation(written) is not None:
            return written
        parsed = split_operation(self._operation.name)
        if parsed is None or not self._operation.record_arguments:
            raise _Lost
        return f"{root.name}.{parsed[1]}"

    def _with_path(self, rule: Any, root: Object) -> Any:
        heads = record_heads(self._operation)
        new = self._way(rule.path, root, heads)
        return rule if new is None else msgspec.structs.replace(rule, path=list(new))

    def _with_argument(self, rule: Any, root: Object) -> Any:
        new = self._way([rule.arg], root, ())
        return rule if new is None else msgspec.structs.replace(rule, arg=".".join(quote_part(name) for name in new))

    def _way(self, path: Sequence[str], root: Object, heads: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
        """The names that now lead where ``path`` led; None where those written still do."""
        try:
            was = follow(self._before, self._root, path, heads)
        except PathProblem:
            raise _Lost from None
        names = self._successors(was, root)
        if names == (*was.via, *was.members) and _still_leads(self._after, root, path, heads):
            return None
        return names

    def _successors(self, was: Reading, root: Object) -> tuple[str, ...]:
        names: list[str] = []
        holder, now = self._root, root
        for edge in was.edges:
            successor = self._edge(holder, now, edge)
            names.append(successor.name)
            next_holder, next_now = self._before.object(edge.target), self._after.object(successor.target)
            if next_holder is None or next_now is None:
                raise _Lost
            holder, now = next_holder, next_now
        return (*names, self._field(was.object, now, was.field.name), *was.members[1:])

    def _field(self, was: Object, now: Object, name: str) -> str:
        if now.field(name) is not None:
            return name
        renamed = next((one for one in renamed_fields(was, now) if one.before == name), None)
        if renamed is None:
            raise _Lost
        self._trust(renamed)
        return renamed.after

    def _edge(self, was: Object, now: Object, edge: Edge) -> Edge:
        same = now.edge(edge.name)
        if same is not None:
            return same
        new = [e for e in now.edges if was.edge(e.name) is None and not e.inferred and e.to_one == edge.to_one]
        held = [e for e in new if e.target == edge.target or self._renamed_to(edge.target) == e.target]
        if len(held) != 1:
            raise _Lost
        for own, _ in edge.pairs:
            self._field(was, now, own)
        return held[0]

    def _object_now(self, was: Object) -> Object:
        found = self._after.object(was.name) or self._after.object(self._renamed_to(was.name) or "")
        if found is None:
            raise _Lost
        return found

    def _renamed_to(self, name: str) -> str | None:
        if self._objects is None:
            self._objects = {one.before: one for one in renamed_objects(self._before, self._after)}
        renamed = self._objects.get(name)
        if renamed is None:
            return None
        self._trust(renamed)
        return renamed.after

    def _trust(self, renamed: Renamed) -> None:
        self.confidence = min(self.confidence, renamed.confidence)


def _still_leads(after: View, root: Object, path: Sequence[str], heads: Sequence[tuple[str, ...]]) -> bool:
    try:
        follow(after, root, path, heads)
    except PathProblem:
        return False
    return True


_MEMBERS = ("operation", "projection", "inputs", "filters", "orderBy")


def _members(before: Binding, after: Binding) -> dict[str, Any]:
    """Each member that differs, whole: what a PATCH sends replaces what is stored."""
    old, new = before.to_json(), after.to_json()
    return {name: new[name] for name in _MEMBERS if name in new and new[name] != old.get(name)}


def _differences(before: Binding, after: Binding) -> list[Remapped]:
    found: list[Remapped] = []
    if before.operation != after.operation:
        found.append(Remapped("operation", before.operation, after.operation))
    for name, member, was, now in (
        ("projection", "path", before.projection, after.projection),
        ("inputs", "arg", before.inputs, after.inputs),
        ("filters", "arg", before.filters, after.filters),
        ("orderBy", "path", before.order_by, after.order_by),
    ):
        for index, (old, new) in enumerate(zip(was, now, strict=True)):
            if old != new:
                found.append(Remapped(f"{name}.{index}.{member}", getattr(old, member), getattr(new, member)))
    return found
