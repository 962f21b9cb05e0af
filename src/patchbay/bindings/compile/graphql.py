"""A plan as one GraphQL document, built as a syntax tree and never from text.

- It has one operation with one field, and selects exactly the leaves of the plan: beside them only what lies on the way, the
  wrappers of connections, and the flag that tells whether there are further records.
- Every value is a variable, fixed ones too, declared with the type the schema has for it. Only how many records of a nested
  list are read is written out: as many as a result may have, or up to the one that is picked.
- Of a mutation it also asks for what its payload holds where it is refused (``userErrors``): only whether anything is in it.
- There are no aliases, and no fragments but inline ones, which say of a union or interface which type is meant. How deep it goes
  is bounded by how many names a path may have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from patchbay.bindings.called import NESTED_SIZE
from patchbay.bindings.compile.requests import leaf_path, operation_of, slots_of, steps
from patchbay.schema_graph.call import GraphqlCall, Output, Plan, RequestSlot
from patchbay.schema_graph.scoping import View

if TYPE_CHECKING:
    from graphql.language import ast


TYPENAME = "__typename"
"""What every record can be asked for: the name of its type (GraphQL specification, section 4.1)."""


class _Selected:
    """A field or inline fragment (``on``) while the document is put together: what it selects, in order. ``most`` are the
    records that are read of a list, where its argument ``size`` says how many.
    """

    def __init__(self, name: str, *, on: bool = False, size: str | None = None) -> None:
        self.name = name
        self.on = on
        self.size = size
        self.most = 0
        self.inside: dict[tuple[str, bool], _Selected] = {}

    def select(self, name: str, *, on: bool = False, size: str | None = None) -> _Selected:
        """What is selected by that name inside, added when it is not yet."""
        return self.inside.setdefault((name, on), _Selected(name, on=on, size=size))

    def innermost(self, path: Sequence[str]) -> _Selected:
        """What is selected at the end of ``path``."""
        at = self
        for name in path:
            at = at.select(name)
        return at


def compile_graphql(plan: Plan, view: View) -> GraphqlCall:
    """The document and its slots. Raises KeyError for what is not in the view."""
    from graphql.language import print_ast  # heavy, and only needed where a binding is saved

    operation = operation_of(plan, view)
    invoke = operation.invoke
    field = cast("str", invoke["field"])
    record = tuple(cast("Sequence[str]", invoke.get("record", ())))
    more = tuple(cast("Sequence[str]", invoke.get("more", ()))) if operation.many else ()
    slots = _with_least(slots_of(plan, view, operation, "variable"), cast("Mapping[str, Any]", invoke.get("least", {})))
    name = field[:1].upper() + field[1:]
    selected = _selection(plan, view, field, record, more)
    refusals = cast("Sequence[Sequence[str]]", invoke.get("refusals", ())) if plan.effect == "write" else ()
    for path in refusals:
        if not selected.select(path[0]).inside:
            selected.innermost(path)
    if plan.effect == "write" and not invoke.get("scalar") and not selected.innermost(record).inside:
        selected.innermost(record).select(TYPENAME)
    document = _document(plan, view, invoke, slots, selected)
    return GraphqlCall(
        document=print_ast(document),
        operation_name=name,
        slots=slots,
        leaves=tuple(() if invoke.get("scalar") else leaf_path(plan, view, output.column) for output in plan.outputs),
        record=(field, *record),
        many=operation.many,
        more=(field, *more) if more else (),
        demand_one=plan.demand_one,
        succeeds=plan.succeeds,
        refusals=tuple((field, path[0]) for path in refusals),
    )


def _with_least(slots: tuple[RequestSlot, ...], least: Mapping[str, Any]) -> tuple[RequestSlot, ...]:
    """The slots, and before them what must be sent of an input object even when nothing in it is given."""
    whole = {slot.path for slot in slots}
    fixed = [
        RequestSlot(place="variable", name=name, type="json", native_type="", path=(name,), value=value)
        for name, value in sorted(least.items())
        if (name,) not in whole
    ]
    return (*fixed, *slots)


def _selection(plan: Plan, view: View, field: str, record: Sequence[str], more: Sequence[str]) -> _Selected:
    whole = at = _Selected(field)
    for name in record:
        at = at.select(name)
    if not operation_of(plan, view).invoke.get("scalar"):
        for output in plan.outputs:
            _select_leaf(plan, view, output, at)
    at = whole
    for name in more:
        at = at.select(name)
    return whole


def _select_leaf(plan: Plan, view: View, output: Output, at: _Selected) -> None:
    column = output.column
    picks = dict(column.picks)
    for place, (_, edge) in enumerate(steps(plan, view, column)):
        if edge.narrows:
            target = view.object(edge.target)
            at = at.select((target and target.native_name) or edge.target, on=True)
            continue
        at = at.select(edge.pairs[0][0], size=edge.size_argument)
        at.most = max(at.most, picks[place] + 1 if place in picks else NESTED_SIZE)
        for name in edge.wrapper:
            at = at.select(name)
    for name in (column.field, *column.inner):
        at = at.select(name)


def _document(
    plan: Plan, view: View, invoke: Mapping[str, Any], slots: Sequence[RequestSlot], selected: _Selected
) -> ast.DocumentNode:
    from graphql.language import OperationType, ast, parse_type

    types = cast("Mapping[str, str]", invoke["variables"])
    used = [name for name in types if any((slot.path or (slot.name,))[0] == name for slot in slots)]
    variables = tuple(
        ast.VariableDefinitionNode(
            variable=ast.VariableNode(name=ast.NameNode(value=name)), type=parse_type(types[name]), directives=()
        )
        for name in used
    )
    arguments = tuple(
        ast.ArgumentNode(name=ast.NameNode(value=name), value=ast.VariableNode(name=ast.NameNode(value=name))) for name in used
    )
    root = _field(selected, arguments)
    operation = ast.OperationDefinitionNode(
        operation=OperationType(invoke["kind"]),
        name=ast.NameNode(value=selected.name[:1].upper() + selected.name[1:]),
        variable_definitions=variables,
        directives=(),
        selection_set=ast.SelectionSetNode(selections=(root,)),
    )
    return ast.DocumentNode(definitions=(operation,))


def _field(selected: _Selected, arguments: tuple[ast.ArgumentNode, ...]) -> ast.FieldNode:
    from graphql.language import ast

    name = ast.NameNode(value=selected.name)
    if not selected.inside:
        return ast.FieldNode(name=name, arguments=arguments, directives=())
    return ast.FieldNode(name=name, arguments=arguments, directives=(), selection_set=_selections(selected))


def _selections(selected: _Selected) -> ast.SelectionSetNode:
    from graphql.language import ast

    made: list[ast.SelectionNode] = []
    for inner in selected.inside.values():
        if inner.on:
            condition = ast.NamedTypeNode(name=ast.NameNode(value=inner.name))
            fragment = ast.InlineFragmentNode(type_condition=condition, directives=(), selection_set=_selections(inner))
            made.append(fragment)
            continue
        size = ()
        if inner.size is not None:
            value = ast.IntValueNode(value=str(inner.most))
            size = (ast.ArgumentNode(name=ast.NameNode(value=inner.size), value=value),)
        made.append(_field(inner, size))
    return ast.SelectionSetNode(selections=tuple(made))
