"""A value given as a whole names members by its own keys: scoping reaches those as it reaches arguments."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.bindings.check import Checked, Target, check
from patchbay.bindings.model import parse_binding
from patchbay.bindings.report import BindingInvalid
from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.model import Argument, Field, Graph, Object, Operation
from patchbay.schema_graph.scoping import View, permits

BLOCKED = Scoping(blocked_columns={"Contact": ("email",)})
CONDITION: dict[str, Any] = {"all": [{"email": {"eq": "ada@example.com"}}]}
INPUT = {"inputs": [{"param": "condition", "arg": "body.where", "source": "constant", "value": CONDITION}]}
FILTER = {"filters": [{"arg": "body.where", "op": "eq", "value": CONDITION}]}


def bind(scoping: Scoping | None, **members: Any) -> Checked:
    fields = tuple(Field(name, "string", "string") for name in ("id", "name", "email"))
    operation = Operation(
        "findContacts", "findContacts", "Contact", "read", "call", many=True,
        arguments=(Argument("body.where", "value", "json", "object"),),
        invoke={
            "method": "POST", "path": "/find", "contentType": "application/json",
            "arguments": {"body.where": {"place": "json", "name": "where", "path": ["where"]}},
        },
    )  # fmt: skip
    graph = Graph("rest", None, {"Contact": Object("Contact", "Contact", "type", fields=fields)}, {operation.name: operation})
    body = {
        "toolName": "Find",
        "description": "Finds.",
        "operation": "findContacts",
        "projection": [{"path": ["name"], "leaf": "n"}],
    }
    return check(parse_binding(body | members), View(graph, scoping), Target(connection_id="con_1", kind="rest"))


@pytest.mark.parametrize(("members", "at"), [(INPUT, "inputs.0.value"), (FILTER, "filters.0.value")])
def test_a_blocked_member_is_no_part_of_a_value(members: dict[str, Any], at: str) -> None:
    plan = bind(None, **members).plan
    assert not permits(BLOCKED, None, plan.touches)
    with pytest.raises(BindingInvalid) as caught:
        bind(BLOCKED, **members)
    assert [(found.field, found.code) for found in caught.value.errors] == [(at, "value_invalid")]
    assert "email" not in str(caught.value.errors)
