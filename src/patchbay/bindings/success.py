"""How a write that was called is told from one that was refused, where the answer itself says so and not its status.

Some systems answer 200 whatever came of it, and say in a member what did: ``{"ok": false, "error": …}``. A member that goes by
one of :data:`NAMES` and is true or false is looked at unasked; another one the binding names by ``succeeds``. Either is read like
an output that nobody is told, so what data scoping hides cannot be looked at, and the proof holds it like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.bindings.model import Succeeds
from patchbay.bindings.paths import Reading
from patchbay.bindings.scope import Scope
from patchbay.schema_graph.call import Output, Success
from patchbay.schema_graph.model import Field

NAMES = frozenset({"ok", "success", "succeeded", "successful"})
LEAF = ".succeeds"
"""No output of a binding can be called so."""


def output_of_success(scope: Scope) -> list[tuple[Output, Reading]]:
    """The hidden output that the answer is judged by, where there is one."""
    said = scope.binding.succeeds
    called = scope.operation.effect == "write" and scope.operation.verb == "call"
    if said is None:
        found = [field for field in scope.root.fields if field.name in NAMES and field.type == "boolean" and field.readable]
        reading = scope.path([found[0].name], "succeeds.path") if called and len(found) == 1 else None
    elif not called:
        message = "Only a write of a REST or GraphQL system is told by its answer."
        scope.report.error("succeeds", "succeeds_not_available", message, "Leave it out.")
        return []
    else:
        reading = scope.path([said.path] if isinstance(said.path, str) else said.path, "succeeds.path")
        if reading is not None and not _fits(said, reading.leaf):
            message = f"This is never what {reading.field.name!r} holds: it is of the type {reading.leaf.type}."
            scope.report.error("succeeds.equals", "value_not_of_type", message)
            return []
    return [] if reading is None else [(Output(LEAF, reading.column(), hidden=True), reading)]


def success_of(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> Success | None:
    """How the call judges its answer."""
    if not any(output.leaf == LEAF for output, _ in outputs):
        return None
    said = scope.binding.succeeds
    return Success(LEAF, True) if said is None else Success(LEAF, said.equals, said=True)


def _fits(said: Succeeds, field: Field) -> bool:
    match said.equals:
        case bool():
            return field.type == "boolean"
        case int():
            return field.type == "integer"
        case str() as text:
            return field.type == "string" or (field.type == "enum" and (not field.enum or text in field.enum))
