"""Anything at all may be sent as a binding of a call: it is bound or refused, and no finding names what is blocked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchbay.bindings.check import BindingInvalid, Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.bindings.tool_lint import lint_tool
from patchbay.bindings.tool_schema import tool_schema
from patchbay.errors import PatchbayError, ValidationFailed
from patchbay.schema_graph.canonical import canonical_json
from patchbay.schema_graph.scoping import View
from tests.bindings import crm, shop
from tests.bindings.test_binding_fuzz import TRANSFORMS, VALUES, member

CRM = crm.crm(blocked_tables=("Company",), blocked_columns={"Contact": ("pin", "address.street"), "User": ("login",)})
SHOP = shop.shop(blocked_tables=("Article",), blocked_columns={"Order": ("total",), "Customer": ("phone",)})
HIDDEN = {"rest": ("company", "pin'", "street", "login"), "graphql": ("article", "total'", "phone")}
NAMES = [
    "name", "contact", "data", "edges", "node", "nodes", "address", "city", "street", "tickets", "company", "author", "User",
    "login", "extra", "pin", "total", "lines", "sku", "customer", "phone", "parcels", "events", "at", "Product", "Article",
    "title", "id", "value", "orders", "", ".", '"', '"a.b"', "owner", "companyy", "totl",
]  # fmt: skip
ARGUMENTS = ["phone", "email", "ticket", "contact", "limit", "since", "companies", "created.gte", "body.total.amount", "amount",
             "text", "where.number.eq", "where.total.amount", "where.total", "currency", "id", "first", "sort", "filter.phone",
             "filter", "total", "", ".", "body", "expand"]  # fmt: skip
OPERATIONS = ["findContact", "listContacts", "getTicket", "searchTickets", "createTicket", "ping", "export", "orders", "order",
              "query.order", "search", "customers", "openTotal", "shop", "cancel", "", "query.", "%", "/ping"]  # fmt: skip
TEXTS = st.sampled_from(NAMES) | st.text(max_size=8)
ARGS = st.sampled_from(ARGUMENTS) | st.text(max_size=8)
BODIES = member(
    toolName=TEXTS,
    operation=st.sampled_from(OPERATIONS) | st.text(max_size=8),
    inputs=st.lists(
        member(
            param=st.sampled_from(["p", "q", "caller_phone", "a b"]),
            arg=ARGS,
            required=st.booleans(),
            source=st.sampled_from(["model", "session", "verified", "constant"]),
            value=VALUES,
            transform=TRANSFORMS,
        ),
        max_size=3,
    ),
    filters=st.lists(
        member(arg=ARGS, op=st.sampled_from(["eq", "ne"]), value=VALUES, param=st.sampled_from(["p", "r"])), max_size=3
    ),
    projection=st.lists(
        st.fixed_dictionaries(
            {"path": st.lists(TEXTS | st.integers(0, 3), max_size=5), "leaf": st.sampled_from(["a", "b", "1"])},
            optional={"transform": TRANSFORMS},
        ),
        max_size=3,
    ),
    orderBy=st.lists(st.fixed_dictionaries({"path": st.just(["name"])}), max_size=1),
    limit=st.integers(0, 51),
    enabled=st.booleans(),
)


def refusal_of(view: View, changes: dict[str, Any], target: Target) -> PatchbayError | None:
    try:
        checked = check(parse_binding(changes), view, target)
    except (ValidationFailed, BindingInvalid) as refusal:
        return refusal
    assert compile_plan(checked.plan, view).body.slots is not None
    for one in checked.plan.inputs:
        canonical_json(one.constant)
    assert lint_tool(tool_schema("t", "d", checked.plan.inputs)) == []
    return None


@pytest.mark.parametrize("view", [CRM, SHOP], ids=["rest", "graphql"])
@given(changes=BODIES, country=st.sampled_from([None, "CA", "??"]))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_bound_or_refused_with_findings(view: View, changes: dict[str, Any], country: str | None):
    sound = crm.FIND if view is CRM else shop.BY_NUMBER
    refusal = refusal_of(view, sound | changes, Target(connection_id="c", kind=view.kind, default_country=country))
    if refusal is None:
        return
    assert refusal.errors
    sent = str(changes).lower()
    hidden = [word for word in HIDDEN[view.kind] if word.strip("'") not in sent]
    for finding in refusal.errors:
        assert not any(word in f"{finding.message} {finding.hint}".lower() for word in hidden)
