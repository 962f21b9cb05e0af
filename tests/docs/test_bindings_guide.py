"""docs/bindings.md: every binding on it is checked, compiled and proven on a real PostgreSQL, and run once."""

from __future__ import annotations

import json

import pytest

from patchbay.bindings.tool_lint import lint_tool
from patchbay.bindings.tool_schema import tool_schema
from tests.connectors.bound import Bound
from tests.docs.conftest import blocks
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
ROWS = """
INSERT INTO customers VALUES (7, 'Ada', 'Byron', '(613) 555-0142', 'ada@example.com', 40);
INSERT INTO orders VALUES (1, 7, 'A-1', 2, 1999, now(), '28/02/2031', 1250), (2, 7, 'A-2', 9, NULL, '2031-01-01Z', 'soon', NULL);
"""
CONTEXT = {"verified": {"customer_id": 7}}
GIVEN = {
    "Find an order": {"order_number": " A-1 "},
    "Orders between two days": {"from_time": "2020-01-01T00:00", "numbers": ["A-1", "A-2"]},
    "The state of an order": {"order_number": "A-1", "state": "On its way"},
    "Find a customer by name": {"caller_name": "Ada Byron"},
    "Find a tagged order": {"order_number": " 1 "},
}
FOUND = {
    "Find an order": [{"status": 2, "first_name": "Ada"}],
    "My orders": [{"order_number": "A-2", "status": 9}, {"order_number": "A-1", "status": 2}],
    "Orders between two days": [{"order_number": "A-1"}, {"order_number": "A-2"}],
    "Orders of today": [{"order_number": "A-1"}],
    "The state of an order": [
        {
            "status": "on its way",
            "total": "19.99 CAD",
            "delivery_day": "2031-02-28",
            "weight_kg": "1.250",
            "customer_name": "Ada Byron",
            "phone": "+16135550142",
        }
    ],
    "Find a customer by name": [{"points": 40}],
    "Find a tagged order": [{"status": 2}],
}


@pytest.fixture(scope="module")
def bound(tls_postgres: PostgresServer) -> Bound:
    return Bound("postgres", tls_postgres, "".join(blocks("bindings.md", "sql")) + ROWS)


@pytest.mark.parametrize("text", blocks("bindings.md", "json"), ids=lambda text: json.loads(text)["toolName"])
async def test_a_binding_of_the_page_does_what_it_says(bound: Bound, text: str) -> None:
    body = json.loads(text)
    name = body["toolName"]
    call = await bound.frozen(body | {"enabled": True})
    assert lint_tool(tool_schema("a_tool", body.get("description", ""), call.inputs)) == []
    result = await bound.run(call, arguments=GIVEN.get(name, {}), **CONTEXT)
    if name in FOUND:
        assert result.rows == FOUND[name]
    else:
        (row,) = result.rows
        assert row["order_numbers"] == ["A-2", "A-1"]
        assert row["first_name"] == "Ada"
        assert len(row["placed"]) == 2


async def test_a_value_that_is_not_of_its_form_is_null_and_said(bound: Bound) -> None:
    (text,) = [one for one in blocks("bindings.md", "json") if "state of an order" in one]
    result = await bound.run(await bound.frozen(json.loads(text)), arguments={"order_number": "A-2"}, **CONTEXT)
    assert [leaf for leaf, value in result.rows[0].items() if value is None] == ["status", "total", "delivery_day", "weight_kg"]
    assert [note.split("'")[1] for note in result.notes] == ["status", "delivery_day"]
