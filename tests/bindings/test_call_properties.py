"""For any binding that is accepted: the document is one valid operation that selects exactly the leaves; the request has a place
for every value and nothing is written into it.
"""

from typing import Any

import msgspec
from graphql import build_schema, parse, validate
from graphql.language import ast
from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.bindings.path_problems import MAX_EMBEDDED_HOPS, holds_members
from patchbay.bindings.report import BindingInvalid
from patchbay.schema_graph.call import GraphqlCall, HttpCall, Plan, RequestSlot
from patchbay.schema_graph.model import Object, Operation
from patchbay.schema_graph.scoping import View
from tests.bindings import crm, shop

SCHEMA = build_schema(shop.SDL)


@st.composite
def paths(draw: st.DrawFn, view: View, root: Object) -> list[str]:
    """A path from a record that mostly ends on a leaf."""
    path: list[str] = []
    obj = root
    for _ in range(draw(st.integers(0, 4))):
        edges = [edge for edge in obj.edges if edge.embedded]
        if not edges:
            break
        edge = draw(st.sampled_from(edges))
        path.append(edge.name)
        obj = view.object(edge.target) or obj
    fields = [field for field in obj.fields if not holds_members(field)]
    return [*path, draw(st.sampled_from(fields)).name] if fields else [*path, "nothing"]


@st.composite
def bindings(draw: st.DrawFn, view: View) -> dict[str, Any]:
    operation: Operation = draw(st.sampled_from([one for one in view.operations() if one.object is not None]))
    root = view.object(operation.object or "")
    assert root is not None
    arguments = list(view.arguments(operation))
    chosen = [a for a in arguments if a.required or a.demanded_by or draw(st.booleans())]
    free = [a for a in chosen if a.type in ("json", "object")]
    leaves = draw(st.lists(paths(view, root), min_size=1, max_size=6, unique_by=tuple))
    return {
        "toolName": "t",
        "operation": operation.name,
        "inputs": [
            {"param": f"p{n}", "arg": a.name, "required": draw(st.booleans())}
            | ({"source": "constant", "value": {"x": 1}, "required": False} if a in free else {})
            for n, a in enumerate(chosen)
        ],
        "projection": [{"path": path, "leaf": f"leaf_{n}"} for n, path in enumerate(leaves)],
        "limit": draw(st.sampled_from([1, 5, 50])),
    }


def planned(body: dict[str, Any], view: View, target: Target) -> tuple[Plan | None, set[str]]:
    try:
        return check(parse_binding(body), view, target).plan, set()
    except BindingInvalid as invalid:
        return None, {finding.code for finding in invalid.errors}


def selected(node: ast.FieldNode | ast.InlineFragmentNode, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The response names of every leaf below a node."""
    inside = node.selection_set
    if inside is None:
        return [path]
    found: list[tuple[str, ...]] = []
    for one in inside.selections:
        assert isinstance(one, (ast.FieldNode, ast.InlineFragmentNode))
        assert not one.directives
        if isinstance(one, ast.FieldNode):
            assert one.alias is None
            assert one.name.value != "__typename" or path[-1:] in (("search",), ("subject",))
            found += selected(one, (*path, one.name.value))
        else:
            found += selected(one, path)
    return found


def depth(node: ast.FieldNode | ast.InlineFragmentNode) -> int:
    inside = node.selection_set
    return 1 + max((depth(one) for one in inside.selections), default=0) if inside is not None else 1  # type: ignore[arg-type]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_document_is_valid_and_selects_exactly_the_leaves(data: st.DataObject) -> None:
    view = shop.shop()
    body = data.draw(bindings(view))
    plan, refused = planned(body, view, shop.TARGET)
    assert refused <= {"leaves_conflict", "unknown_path", "not_readable"}
    if plan is None:
        return
    call = compile_plan(plan, view).body
    assert isinstance(call, GraphqlCall)
    document = parse(call.document)
    assert validate(SCHEMA, document) == []
    (operation,) = document.definitions
    assert isinstance(operation, ast.OperationDefinitionNode)
    (field,) = operation.selection_set.selections
    assert isinstance(field, ast.FieldNode)
    wanted = {(*call.record, *leaf) for leaf in call.leaves} | ({call.more} if call.more else set())
    found = selected(field, (field.name.value,))
    assert set(found) == wanted
    assert depth(field) <= 2 * MAX_EMBEDDED_HOPS + 4
    declared = {one.variable.name.value for one in operation.variable_definitions or ()}
    assert declared == {slot.path[0] for slot in call.slots}
    assert all(slot.place == "variable" for slot in call.slots)
    assert call == compile_plan(plan, view).body


def filled_places(call: HttpCall) -> set[str]:
    return {slot.name for slot in call.slots if slot.place == "path"}


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_request_keeps_its_template(data: st.DataObject) -> None:
    view = crm.crm()
    body = data.draw(bindings(view))
    plan, refused = planned(body, view, crm.TARGET)
    assert refused <= {"unknown_path", "not_readable", "operation_unusable"}
    if plan is None:
        return
    call = compile_plan(plan, view).body
    assert isinstance(call, HttpCall)
    operation = view.operation(plan.operation)
    assert operation is not None
    assert call.path == operation.invoke["path"]
    assert call.path.count("{") == len(filled_places(call))
    assert {slot.param for slot in call.slots if slot.param} == {one.param for one in plan.inputs}
    assert len(call.leaves) == len(plan.outputs)
    again = msgspec.json.decode(msgspec.json.encode(call), type=HttpCall)
    assert again == call
    assert {slot.place for slot in call.slots} & {"json"} == ({"json"} if call.content_type else set())


def test_a_slot_is_found_its_parent_by_the_path():
    call = shop.compiled(inputs=[{"param": "a", "arg": "where.total.amount"}, {"param": "c", "arg": "where.total.currency"}])
    slots: dict[tuple[str, ...], RequestSlot] = {slot.path: slot for slot in call.slots}
    assert slots["where", "total", "amount"].demanded_by == ("where", "total")
    assert slots["first",].demanded_by is None
