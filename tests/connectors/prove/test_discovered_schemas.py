"""From discovery to a proven call on real schemas: names, types and origins must agree all the way."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from patchbay.bindings.check import BindingInvalid, Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.proving import Proven, prove
from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.postgres.discovery import discover_graph
from patchbay.connectors.sql.postgres.session import open_session_blocking
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.model import Field
from patchbay.schema_graph.scoping import View
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])
_COMPARABLE = frozenset(("string", "integer", "decimal", "number", "boolean", "date", "datetime", "uuid", "enum"))


async def discovered(credentials: dict[str, Any]) -> View:
    parsed = parse_sql_credentials("postgres", credentials)
    target = await GUARD.check(parsed.host, parsed.port)
    with open_session_blocking(parsed, target) as connection:
        return View(discover_graph(connection))


async def proven(view: View, credentials: dict[str, Any], body: dict[str, Any]) -> Proven:
    target = Target(connection_id="con_1", kind="postgres", time_zone="UTC", default_country="US")
    candidate = compile_plan(check(parse_binding(body), view, target).plan, view)
    return await prove(candidate, view, credentials=parse_sql_credentials("postgres", credentials), guard=GUARD)


async def test_chinook_customer_with_the_support_representative(tls_postgres: PostgresServer) -> None:
    credentials = tls_postgres.create_database(dataset="chinook")
    view = await discovered(credentials)
    names = {name.lower().replace("_", ""): name for name in view.object_names()}
    customer = view.object(names["customer"])
    assert customer is not None
    fields = {field.name.lower().replace("_", ""): field.name for field in customer.fields}
    (edge,) = (edge for edge in customer.edges if edge.target == names["employee"] and edge.to_one)
    body = {
        "toolName": "Look up the customer",
        "operation": f"{customer.name}.read",
        "inputs": [{"param": "caller_phone", "arg": fields["phone"], "required": True}],
        "projection": [
            {"path": [fields["firstname"]], "leaf": "first_name"},
            {"path": [fields["email"]], "leaf": "email"},
            {"path": [edge.name, fields["lastname"]], "leaf": "representative"},
        ],
    }
    result = await proven(view, credentials, body)
    assert [output.leaf for output in result.call.outputs] == ["first_name", "email", "representative"]


async def _proven_or_codes(view: View, credentials: dict[str, Any], body: dict[str, Any]) -> Proven | set[str]:
    try:
        return await proven(view, credentials, body)
    except BindingInvalid as invalid:
        return {finding.code for finding in invalid.errors}


def _key(field: Field) -> bool:
    return field.type in _COMPARABLE and field.readable and field.filterable


@pytest.mark.parametrize("dataset", ["chinook", "sakila", "northwind", "adventureworks", "torture"])
async def test_every_object_can_be_bound_and_proven(tls_postgres: PostgresServer, dataset: str) -> None:
    """All readable columns of every object at once, filtered by one: whatever checks must also be provable."""
    credentials = tls_postgres.create_database(dataset=dataset)
    view = await discovered(credentials)
    bound = 0
    names = view.object_names()[:: max(1, len(view.object_names()) // 60)]
    for name in names:
        obj = view.object(name)
        assert obj is not None
        key = next((f for f in obj.fields if f.primary_key and _key(f)), next(filter(_key, obj.fields), None))
        operation = view.operation(f"{name}.read")
        if key is None or operation is None:
            continue
        readable = [field for field in obj.fields if field.readable][:60]
        body = {
            "toolName": "Look up",
            "operation": operation.name,
            "inputs": [{"param": "wanted", "arg": key.name if "." not in key.name else f'"{key.name}"', "required": True}],
            "projection": [{"path": [field.name], "leaf": f"leaf_{n}"} for n, field in enumerate(readable)],
        }
        result = await _proven_or_codes(view, credentials, body)
        if isinstance(result, set):
            assert result <= {"filter_not_indexed", "ambiguous_path"}, name
            continue
        assert len(result.call.outputs) == len(readable)
        bound += 1
    assert bound >= len(names) // 2
