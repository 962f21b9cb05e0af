"""A compiled document is proven against the view, or refused: no document that says more than its plan gets through."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from patchbay.connectors.graphql.prove import prove_graphql
from patchbay.connectors.proof import CallNotProvable
from patchbay.schema_graph.call import Candidate, Column, GraphqlCall, Output, Plan, RequestSlot, SqlCall, Touch
from patchbay.schema_graph.scoping import Scoping, View
from tests.connectors.graphql.schemas import shop

VIEW = View(shop())


def column(object_: str, name: str, *via: str, many: bool = False) -> Column:
    found = shop().objects[object_].field(name)
    assert found is not None
    return Column(object=object_, field=name, type=found.type, native_type=found.native_type, via=via, many=many)


CUSTOMERS = """query Customers($where: CustomerWhere, $after: String) {
  customers(where: $where, first: 5, after: $after) {
    edges { node { name status orders(first: 10) { nodes { total lines { item { ... on Product { title } } } } } } }
    pageInfo { hasNextPage }
  }
}"""
COLUMNS = (
    column("Customer", "name"),
    column("Customer", "status"),
    column("Order", "total", "orders", many=True),
    column("Product", "title", "orders", "lines", "item", "Product", many=True),
)
LEAVES = (("name",), ("status",), ("orders", "nodes", "total"), ("orders", "nodes", "lines", "item", "title"))
SLOTS = (
    RequestSlot("variable", "where", "string", "String", ("where", "name", "eq"), param="caller_name"),
    RequestSlot("variable", "after", "string", "String", ("after",), param="page"),
)
TOUCHES = (
    Touch("Customer", ("name", "status", "orders")), Touch("Order", ("total", "lines")), Touch("Line", ("item",)),
    Touch("Item", ()), Touch("Product"),
)  # fmt: skip


def candidate(
    document: str = CUSTOMERS,
    *,
    operation: str = "query.customers",
    object_: str = "Customer",
    columns: tuple[Column, ...] = COLUMNS,
    touches: tuple[Touch, ...] = TOUCHES,
    **body: Any,
) -> Candidate:
    members: dict[str, Any] = {
        "operation_name": "Customers",
        "slots": SLOTS,
        "leaves": LEAVES,
        "record": ("customers", "edges", "node"),
        "many": True,
        "more": ("customers", "pageInfo", "hasNextPage"),
    }
    outputs = tuple(Output(f"leaf_{n}", one) for n, one in enumerate(columns))
    plan = Plan(
        kind="acme_crm",
        connection_id="con_1",
        operation=operation,
        effect="read" if operation.startswith("query.") else "write",
        verb="call",
        object=object_,
        inputs=(),
        outputs=outputs,
        touches=touches,
        slice=(),
        slice_fingerprint="0" * 64,
    )
    return Candidate(plan, GraphqlCall(document=document, **(members | body)))


def reason(made: Candidate, view: View = VIEW) -> str:
    with pytest.raises(CallNotProvable) as caught:
        prove_graphql(made, view)
    return caught.value.reason


def test_a_document_that_says_what_its_plan_says_is_frozen():
    made = candidate()
    proven = prove_graphql(made, VIEW)
    assert proven.call.body == made.body
    assert proven.call.outputs == made.plan.outputs
    assert proven.call.operation == "query.customers"
    assert proven.warnings == ()


@pytest.mark.parametrize(
    ("what", "by"),
    [
        # more than one operation, other kinds, other names
        ("query Customers(", "query Other { customers { edges { node { name } } } } query Customers("),
        ("query Customers(", "fragment F on Customer { name } query Customers("),
        ("query Customers(", "query Others("),
        ("query Customers(", "query Customers @live ("),
        ("query Customers(", "mutation Customers("),
        ("query Customers(", "subscription Customers("),
        # more than one root field, another root field, an alias
        ("  customers(where", "  customerCount customers(where"),
        ("  customers(where", "  c: customers(where"),
        ("  customers(where", "  customers @include(if: true) (where"),
        # more than is asked for
        ("node { name", "node { email name"),
        ("node { name", "node { __typename name"),
        ("node { name", "node { favourite { title } name"),
        ("node { name", "node { ...F name"),
        ("node { name", "node { ... { name }"),
        ("node { name", "node { ... on Customer { name }"),
        ("node { name", "node { name again: name"),
        ("node { name", "node { name: email"),
        ("node { name", "node { name @skip(if: false)"),
        ("edges { node", "edges { cursor node"),
        ("edges { node", "edges { n: node"),
        ("nodes { total", "nodes { total customerId"),
        ("orders(first: 10) { nodes {", "orders(first: 10) { totalCount nodes {"),
        ("pageInfo { hasNextPage }", "pageInfo { hasNextPage endCursor }"),
        ("pageInfo { hasNextPage }", "pageInfo { endCursor }"),
        ("pageInfo { hasNextPage }", "totalCount pageInfo { hasNextPage }"),
        ("pageInfo { hasNextPage }", "__schema { types { name } }"),
        ("... on Product { title }", "... on Service { title }"),
        ("... on Product { title }", "... on Customer { name }"),
        ("... on Product { title }", "... on Product @x { title }"),
        ("... on Product { title }", "title"),
        # arguments and variables that are not the operation's
        ("first: 5", "first: 5000"),
        ("first: 5", "first: 0"),
        ("first: 5", "last: 5"),
        ("first: 5", 'first: 5, after: "x"'),
        ("orders(first: 10)", "orders(first: 100000)"),
        ("orders(first: 10)", 'orders(first: 10, after: "x")'),
        ("orders(first: 10)", "orders(after: $after)"),
        ("$where: CustomerWhere,", "$where: CustomerWhere!,"),
        ("$where: CustomerWhere,", "$where: CustomerWhere, $more: Int,"),
        ("$where: CustomerWhere,", '$where: CustomerWhere = {name: {eq: "x"}},'),
        ("$where: CustomerWhere,", "$where: CustomerWhere @x,"),
        ("where: $where", 'where: {name: {eq: "x"}}'),
        ("where: $where", "where: $after"),
        ("where: $where,", ""),
        # no document at all
        ("query Customers(", "query Customers(("),
        ("query Customers(", "{" * 3_000),
        ("name status", "name status " + "name " * 30_000),
    ],
)
def test_anything_more_or_else_is_refused(what: str, by: str):
    assert CUSTOMERS.count(what) == 1
    assert reason(candidate(CUSTOMERS.replace(what, by))) in (
        "not_accepted", "provenance_unproven", "parameter_mismatch",
    )  # fmt: skip


def test_the_mutated_documents_fail_for_what_was_changed():
    """The parts that the cases above replace are all that differs: without the change, each is proven."""
    assert prove_graphql(candidate(CUSTOMERS.replace("  ", " ")), VIEW).call.kind == "acme_crm"
    assert prove_graphql(candidate(CUSTOMERS.replace("first: 5, ", "")), VIEW)
    assert prove_graphql(candidate(CUSTOMERS.replace("orders(first: 10)", "orders")), VIEW)


@pytest.mark.parametrize(
    "body",
    [
        {"record": ("customers", "nodes")},
        {"record": ("edges", "node")},
        {"many": False},
        {"more": ("customers", "pageInfo", "hasPreviousPage")},
        {"more": ()},
        {"leaves": LEAVES[:3]},
        {"leaves": (LEAVES[1], LEAVES[0], *LEAVES[2:])},
        {"leaves": (("email",), *LEAVES[1:])},
        {"slots": (SLOTS[0], msgspec.structs.replace(SLOTS[1], name="first", path=("first",)))},
        {"slots": (SLOTS[0], msgspec.structs.replace(SLOTS[1], path=("after", "deeper")))},
        {"slots": (SLOTS[0], msgspec.structs.replace(SLOTS[1], place="query"))},
        {"slots": (msgspec.structs.replace(SLOTS[0], path=("where", "secret", "eq")), SLOTS[1])},
        {"slots": (msgspec.structs.replace(SLOTS[0], path=("where",), param=None, value={"name": {"eq": "x"}}), SLOTS[1])},
    ],
)
def test_a_body_that_disagrees_with_its_document_is_refused(body: dict[str, Any]):
    assert reason(candidate(**body))


def test_outputs_are_the_very_fields_selected():
    for at, other in enumerate(
        (column("Customer", "email"), column("Customer", "name"), column("Invoice", "amount", "invoices"))
    ):
        columns = (*COLUMNS[:at], other, *COLUMNS[at + 1 :])
        assert reason(candidate(columns=columns)) == "provenance_unproven"
    another_way = (*COLUMNS[:3], msgspec.structs.replace(COLUMNS[3], via=("orders", "lines", "product")))
    assert reason(candidate(columns=another_way)) == "provenance_unproven"


def test_what_is_selected_must_be_declared_as_touched():
    assert reason(candidate(touches=(Touch("Customer"), Touch("Order"), Touch("Item")))) == "provenance_unproven"
    assert reason(candidate(touches=(*TOUCHES[1:], Touch("Customer", ("status",))))) == "provenance_unproven"
    assert prove_graphql(candidate(touches=tuple(Touch(t.object) for t in TOUCHES)), VIEW)


@pytest.mark.parametrize(
    "scoping",
    [
        Scoping(("Product",)), Scoping(("Order",)), Scoping(("Item",)), Scoping(("Customer",)),
        Scoping((), {"Customer": ("status",)}), Scoping((), {"Order": ("total",)}), Scoping((), {"Customer": ("orders",)}),
    ],
)  # fmt: skip
def test_nothing_blocked_is_proven(scoping: Scoping):
    assert reason(candidate(), View(shop(), scoping)) in ("provenance_unproven", "schema_changed")


def test_fields_that_need_arguments_are_not_proven():
    document = "query Q($id: ID!) { customer(id: $id) { balanceAt } }"
    body = {"leaves": (("balanceAt",),), "record": ("customer",), "many": False, "more": (), "operation_name": "Q"}
    slots = (RequestSlot("variable", "id", "string", "ID", ("id",), param="customer"),)
    made = candidate(
        document, operation="query.customer", columns=(column("Customer", "balanceAt"),), touches=(Touch("Customer"),),
        slots=slots, **body,
    )  # fmt: skip
    assert reason(made) == "provenance_unproven"
    named = candidate(
        document.replace("balanceAt", "name"), operation="query.customer", columns=(column("Customer", "name"),),
        touches=(Touch("Customer"),), slots=slots, **body | {"leaves": (("name",),)},
    )  # fmt: skip
    assert prove_graphql(named, VIEW)
    without = named.body
    assert isinstance(without, GraphqlCall)
    bare = msgspec.structs.replace(without, document="query Q { customer { name } }", slots=())
    assert reason(Candidate(named.plan, bare)) == "parameter_mismatch"


def test_a_plain_value_and_a_mutation():
    value = candidate(
        "query Q { customerCount }", operation="query.customerCount", object_="customerCount result",
        columns=(column("customerCount result", "value"),), touches=(Touch("customerCount result"),), slots=(), leaves=((),),
        record=("customerCount",), many=False, more=(), operation_name="Q",
    )  # fmt: skip
    assert prove_graphql(value, VIEW)
    body = value.body
    assert isinstance(body, GraphqlCall)
    deeper = msgspec.structs.replace(body, document="query Q { customerCount { value } }")
    assert reason(Candidate(value.plan, deeper)) == "not_accepted"
    create = candidate(
        "mutation M($input: CreateOrder!) { createOrder(input: $input) { errors { __typename } order { number } } }",
        operation="mutation.createOrder", object_="CreateOrderPayload", columns=(column("Order", "number", "order"),),
        touches=(Touch("CreateOrderPayload"), Touch("Order")), leaves=(("order", "number"),), record=("createOrder",), many=False,
        more=(), operation_name="M",
        slots=(
            RequestSlot("variable", "input", "json", "", ("input",), value={"options": {}}),
            RequestSlot("variable", "input", "string", "ID", ("input", "customerId"), param="customer"),
        ),
    )  # fmt: skip
    create = Candidate(create.plan, msgspec.structs.replace(create.body, refusals=(("createOrder", "errors"),)))
    assert prove_graphql(create, VIEW).call.effect == "write"
    unseen = create.body.document.replace("errors { __typename } ", "")
    assert reason(Candidate(create.plan, msgspec.structs.replace(create.body, document=unseen))) == "provenance_unproven"
    assert reason(Candidate(create.plan, msgspec.structs.replace(create.body, refusals=()))) == "provenance_unproven"
    assert reason(Candidate(msgspec.structs.replace(create.plan, effect="read"), create.body)) == "schema_changed"


def test_two_members_of_a_union_need_names_of_their_own():
    columns = (column("Product", "title", "Product"), column("Service", "title", "Service"))
    members: dict[str, Any] = {
        "operation": "query.items", "object_": "Item", "columns": columns,
        "touches": (Touch("Item"), Touch("Product"), Touch("Service")), "slots": (), "record": ("items",), "more": (),
        "operation_name": "Q",
    }  # fmt: skip
    alike = "query Q { items { ... on Product { title } ... on Service { title } } }"
    assert reason(candidate(alike, leaves=(("title",), ("title",)), **members)) == "provenance_unproven"
    apart = "query Q { items { ... on Product { title } ... on Service { service: title } } }"
    assert prove_graphql(candidate(apart, leaves=(("title",), ("service",)), **members), VIEW)


def test_calls_of_other_kinds_are_not_documents():
    made = candidate()
    assert reason(Candidate(made.plan, SqlCall("SELECT 1"))) == "not_accepted"
    assert reason(candidate(operation="query.gone")) == "schema_changed"
    assert reason(candidate(operation="query.self")) == "schema_changed"
