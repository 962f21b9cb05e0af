"""Prove a compiled GraphQL document before anything may send it.

It is parsed on its own and walked against the view: one operation of the right kind, one root field, nothing selected but
fields in view that the plan's outputs ask for, on the way that the edges say, with no argument but the operation's own and the
size of a list. Of a mutation, whether it was refused is asked for as well, wherever its payload can say so. So how deep it goes
and how often it names something is what the outputs are, and no more. What cannot be proven counts as blocked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from patchbay.connectors.proof import CallNotProvable, Proven, freeze
from patchbay.schema_graph.call import Candidate, GraphqlCall, Plan
from patchbay.schema_graph.idempotency_keys import key_argument
from patchbay.schema_graph.model import Edge, Object, Operation
from patchbay.schema_graph.scoping import View

if TYPE_CHECKING:
    from graphql.language import (
        ConstDirectiveNode,
        DirectiveNode,
        FieldNode,
        InlineFragmentNode,
        OperationDefinitionNode,
        SelectionSetNode,
    )

TYPENAME = "__typename"
MOST_TOKENS = 20_000
MOST_ASKED = 100
"""The most a document may ask for of one list in a record."""


class _Leaf(msgspec.Struct, frozen=True):
    """One selected value: the response names that lead to it from the record, and what it is in the view."""

    path: tuple[str, ...]
    object: str
    field: str
    via: tuple[str, ...]


def prove_graphql(candidate: Candidate, view: View) -> Proven:
    """The candidate as a frozen call. Raises :class:`~patchbay.connectors.proof.CallNotProvable`."""
    plan, body = candidate.plan, candidate.body
    if not isinstance(body, GraphqlCall):
        raise CallNotProvable("not_accepted")
    operation = view.operation(plan.operation)
    if operation is None or operation.unusable or operation.name != plan.operation or operation.effect != plan.effect:
        raise CallNotProvable("schema_changed")
    definition = _parse(body, operation.invoke)
    root = _root(definition, operation.invoke)
    _check_variables(definition, root, body, view, operation)
    if operation.object != plan.object or body.many != operation.many:
        raise CallNotProvable("schema_changed")
    _check_outputs(list(_selected(root, body, operation, view, bare=not plan.outputs)), body, plan)
    return Proven(freeze(candidate))


def _parse(body: GraphqlCall, invoke: Mapping[str, Any]) -> OperationDefinitionNode:
    """The one operation in the document: of the right kind and name, with nothing beside it."""
    from graphql import GraphQLSyntaxError, parse
    from graphql.language import OperationDefinitionNode

    try:
        document = parse(body.document, no_location=True, max_tokens=MOST_TOKENS)
    except (GraphQLSyntaxError, RecursionError):
        raise CallNotProvable("not_accepted") from None
    if len(document.definitions) != 1 or not isinstance(definition := document.definitions[0], OperationDefinitionNode):
        raise CallNotProvable("not_accepted")
    named = definition.name is not None and definition.name.value == body.operation_name
    if not named or definition.operation.value != invoke.get("kind") or definition.directives:
        raise CallNotProvable("not_accepted")
    return definition


def _root(definition: OperationDefinitionNode, invoke: Mapping[str, Any]) -> FieldNode:
    from graphql.language import FieldNode

    selections = definition.selection_set.selections
    if len(selections) != 1 or not isinstance(root := selections[0], FieldNode):
        raise CallNotProvable("not_accepted")
    if root.name.value != invoke.get("field") or root.alias is not None or root.directives:
        raise CallNotProvable("provenance_unproven")
    return root


def _check_variables(
    definition: OperationDefinitionNode, root: FieldNode, body: GraphqlCall, view: View, operation: Operation
) -> None:
    """Every argument of the root field is one of the operation's, from a variable of its very type or a size in numbers; every
    variable is used, and filled with arguments that are in view.
    """
    from graphql import print_ast
    from graphql.language import IntValueNode, VariableNode

    invoke = operation.invoke
    types = cast("Mapping[str, str]", invoke.get("variables", {}))
    declared = {one.variable.name.value: one for one in definition.variable_definitions or ()}
    if any(one.default_value is not None or one.directives for one in declared.values()):
        raise CallNotProvable("parameter_mismatch")
    given: dict[str, str | None] = {}
    for argument in root.arguments or ():
        name, value = argument.name.value, argument.value
        if isinstance(value, IntValueNode) and name == invoke.get("size"):
            given[name] = _sized(value.value, cast("int", invoke.get("sizeMost", MOST_ASKED)))
        elif isinstance(value, VariableNode) and value.name.value in declared and name in types:
            if print_ast(declared[value.name.value].type) != types[name]:
                raise CallNotProvable("parameter_mismatch")
            given[name] = value.name.value
        else:
            raise CallNotProvable("parameter_mismatch")
    left_out = [name for name, text in types.items() if text.endswith("!") and name not in given]
    used = [variable for variable in given.values() if variable is not None]
    if left_out or len(used) != len(set(used)) or set(used) != set(declared):
        raise CallNotProvable("parameter_mismatch")
    _check_slots(body, {variable: name for name, variable in given.items() if variable is not None}, view, operation)


def _sized(text: str, most: int) -> None:
    if not 1 <= int(text) <= most:
        raise CallNotProvable("parameter_mismatch")


def _check_slots(body: GraphqlCall, arguments: Mapping[str, str], view: View, operation: Operation) -> None:
    """What fills the variables are arguments in view, or the least that an input object must hold."""
    every = view.arguments(operation)
    known = {argument.name for argument in every}
    key = key_argument(operation, every)
    least = cast("Mapping[str, Any]", operation.invoke.get("least", {}))
    for slot in body.slots:
        path = slot.path or (slot.name,)
        top = arguments.get(path[0])
        if slot.place != "variable" or top is None:
            raise CallNotProvable("parameter_mismatch")
        name = ".".join((top, *path[1:]))
        constant = slot.param is None and not slot.now and slot.value == least.get(name, ...)
        if name not in known and not constant:
            raise CallNotProvable("provenance_unproven")
        if slot.key != (key is not None and name == key.name):
            raise CallNotProvable("parameter_mismatch")


def _selected(root: FieldNode, body: GraphqlCall, operation: Operation, view: View, *, bare: bool) -> Iterator[_Leaf]:
    """Everything the document selects of a record, by its way there. ``bare``: of a write's record nothing needs to be."""
    invoke, field = operation.invoke, root.name.value
    record = tuple(cast("Sequence[str]", invoke.get("record", ())))
    more = tuple(cast("Sequence[str]", invoke.get("more", ())))
    if body.record != (field, *record) or body.more not in ((), (field, *more)):
        raise CallNotProvable("provenance_unproven")
    name = operation.object or ""
    obj = view.object(name)
    if obj is None or obj.name != name:
        raise CallNotProvable("provenance_unproven")
    if invoke.get("scalar"):
        if root.selection_set is not None:
            raise CallNotProvable("not_accepted")
        yield _Leaf((), name, "value", ())
        return
    below = _fields(root.selection_set)
    if body.more:
        below = _without(below, body.more[1:])
    if operation.effect == "write":
        below = _unwrapped(_without_refusals(below, body, obj, operation), record)
        if bare and len(below) == 1 and _is_chain(below[0], (TYPENAME,)):
            return
    else:
        below = _unwrapped(below, record)
    yield from _walk(below, obj, view, (), ())


def _fields(selection_set: SelectionSetNode | None) -> Sequence[Any]:
    if selection_set is None or not selection_set.selections:
        raise CallNotProvable("not_accepted")
    return selection_set.selections


def _without_refusals(below: Sequence[Any], body: GraphqlCall, payload: Object, operation: Operation) -> Sequence[Any]:
    """The selections without those that only tell whether a mutation was refused: all of them must be there, and in view."""
    paths = cast("Sequence[Sequence[str]]", operation.invoke.get("refusals", ()))
    if body.refusals != tuple((operation.invoke.get("field") or "", path[0]) for path in paths):
        raise CallNotProvable("provenance_unproven")
    rest = list(below)
    for path in paths:
        node = next((node for node in rest if getattr(node, "name", None) is not None and node.name.value == path[0]), None)
        if node is None or payload.field(path[0]) is None:
            raise CallNotProvable("provenance_unproven")
        if _is_chain(node, path) and (*path,) not in body.leaves:
            rest.remove(node)
    return rest


def _without(every: Sequence[Any], more: Sequence[str]) -> Sequence[Any]:
    """The selections without the one chain of fields, which must be there."""
    rest = [node for node in every if not _is_chain(node, more)]
    if len(rest) != len(every) - 1:
        raise CallNotProvable("not_accepted")
    return rest


def _is_chain(node: Any, names: Sequence[str]) -> bool:
    """Whether a selection is exactly these names, one in the other."""
    if not names:
        return True
    if not _is_plain(node, names[0]):
        return False
    if node.selection_set is None:
        return len(names) == 1
    return len(names) > 1 and len(node.selection_set.selections) == 1 and _is_chain(node.selection_set.selections[0], names[1:])


def _is_plain(node: Any, name: str) -> bool:
    """Whether a selection is the bare field ``name``: without alias, arguments or directives."""
    from graphql.language import FieldNode

    if not isinstance(node, FieldNode) or node.name.value != name:
        return False
    return node.alias is None and not node.arguments and not node.directives


def _unwrapped(selections: Sequence[Any], wrapper: Sequence[str]) -> Sequence[Any]:
    for name in wrapper:
        if len(selections) != 1 or not _is_plain(selections[0], name):
            raise CallNotProvable("provenance_unproven")
        selections = _fields(selections[0].selection_set)
    return selections


def _walk(selections: Sequence[Any], obj: Object, view: View, path: tuple[str, ...], via: tuple[str, ...]) -> Iterator[_Leaf]:
    from graphql.language import FieldNode, InlineFragmentNode

    for node in selections:
        if isinstance(node, FieldNode):
            yield from _field(node, obj, view, path, via)
        elif isinstance(node, InlineFragmentNode):
            edge = _narrowing(node, obj)
            yield from _walk(_fields(node.selection_set), _target(edge, view), view, path, (*via, edge.name))
        else:
            raise CallNotProvable("not_accepted")


def _field(node: FieldNode, obj: Object, view: View, path: tuple[str, ...], via: tuple[str, ...]) -> Iterator[_Leaf]:
    _refuse_directives(node.directives)
    name = node.name.value
    key = node.alias.value if node.alias is not None else name
    field = obj.field(name)
    if field is None or not field.readable:
        raise CallNotProvable("provenance_unproven")
    edge = next((e for e in obj.edges if e.embedded and not e.narrows and e.pairs == ((name, ""),)), None)
    if edge is None:
        if node.selection_set is not None or node.arguments or "object" in (field.type, field.item_type):
            raise CallNotProvable("provenance_unproven")
        yield _Leaf((*path, key), obj.name, name, via)
        return
    _check_size(node, edge)
    below = _unwrapped(_fields(node.selection_set), edge.wrapper)
    yield from _walk(below, _target(edge, view), view, (*path, key, *edge.wrapper), (*via, edge.name))


def _check_size(node: FieldNode, edge: Edge) -> None:
    """A list inside a record is asked for with its size and nothing else."""
    from graphql.language import IntValueNode

    for argument in node.arguments or ():
        if argument.name.value != edge.size_argument or not isinstance(argument.value, IntValueNode):
            raise CallNotProvable("parameter_mismatch")
        _sized(argument.value.value, MOST_ASKED)
    if len(node.arguments or ()) > 1:
        raise CallNotProvable("parameter_mismatch")


def _narrowing(node: InlineFragmentNode, obj: Object) -> Edge:
    _refuse_directives(node.directives)
    wanted = node.type_condition.name.value if node.type_condition is not None else None
    found = next((edge for edge in obj.edges if edge.narrows and edge.target == wanted), None)
    if found is None:
        raise CallNotProvable("provenance_unproven")
    return found


def _target(edge: Edge, view: View) -> Object:
    target = view.object(edge.target)
    if target is None or target.name != edge.target:
        raise CallNotProvable("provenance_unproven")
    return target


def _refuse_directives(directives: Sequence[DirectiveNode | ConstDirectiveNode] | None) -> None:
    if directives:
        raise CallNotProvable("not_accepted")


def _check_outputs(selected: Sequence[_Leaf], body: GraphqlCall, plan: Plan) -> None:
    """What is selected is what the outputs ask for, one way each, and belongs to what the plan says it touches."""
    by_path = {leaf.path: leaf for leaf in selected}
    if body.succeeds != plan.succeeds:
        raise CallNotProvable("provenance_unproven")
    # Which element of a list is taken is no matter of what is asked for.
    asked = [tuple(step for step in path if isinstance(step, str)) for path in body.leaves]
    if len(by_path) != len(selected) or set(by_path) != set(asked) or len(asked) != len(plan.outputs):
        raise CallNotProvable("provenance_unproven")
    for path, output in zip(asked, plan.outputs, strict=True):
        leaf, column = by_path[path], output.column
        if (leaf.object, leaf.field, leaf.via, ()) != (column.object, column.field, column.via, column.inner):
            raise CallNotProvable("provenance_unproven")
    touched: dict[str, set[str] | Literal["any"]] = {}
    for touch in plan.touches:
        before = touched.get(touch.object, set[str]())
        touched[touch.object] = "any" if touch.fields is None or before == "any" else {*before, *touch.fields}
    for leaf in selected:
        fields = touched.get(leaf.object, set[str]())
        if fields != "any" and leaf.field not in fields:
            raise CallNotProvable("provenance_unproven")
