"""A small repair shop: its SQL, its graph, and calls bound on it. What discovery would find, written down."""

from __future__ import annotations

from typing import Any

from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.proof import freeze
from patchbay.schema_graph.call import Candidate, FrozenCall
from patchbay.schema_graph.model import Dependency, Edge, Field, Graph, Key, Object
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import Scoping, View

SQL = """
CREATE TYPE ticket_state AS ENUM ('open', 'waiting', 'done');
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, phone text, email text, ssn text);
CREATE TABLE tickets (
  id bigint PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, state ticket_state NOT NULL,
  opened_at timestamptz NOT NULL, picked_up timestamp, price numeric(10,2), note text
);
INSERT INTO customers SELECT n, 'name ' || n, '+1416555' || lpad(n::text, 4, '0'), 'c' || n || '@example.com', 's' || n
  FROM generate_series(1, 2000) n;
INSERT INTO tickets SELECT n, 1 + n % 1000, 'open', timestamptz '2026-03-01 12:00+00' + n * interval '1 hour',
  timestamp '2026-03-02 09:30', n * 1.5, repeat('z', 20) FROM generate_series(1, 5000) n;
CREATE INDEX ON customers (phone);
CREATE INDEX ON tickets (customer_id);
CREATE VIEW directory AS SELECT id, name, phone FROM customers;
ANALYZE;
"""
ZONE = "America/Toronto"
FIND_CUSTOMER: dict[str, Any] = {
    "toolName": "Find the customer",
    "description": "Find the customer by phone.",
    "operation": "customers.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
    "projection": [{"path": ["name"], "leaf": "customer_name"}, {"path": ["email"], "leaf": "customer_email"}],
    "enabled": True,
}
FIND_TICKET: dict[str, Any] = {
    "toolName": "Find a ticket",
    "description": "Find a ticket by its number.",
    "operation": "tickets.read",
    "inputs": [{"param": "ticket_number", "arg": "id", "required": True}],
    "projection": [
        {"path": ["id"], "leaf": "number"},
        {"path": ["state"], "leaf": "state"},
        {"path": ["opened_at"], "leaf": "opened"},
        {"path": ["picked_up"], "leaf": "picked_up"},
        {"path": ["price"], "leaf": "price"},
        {"path": ["customer", "name"], "leaf": "customer_name"},
    ],
    "enabled": True,
}


def _field(name: str, kind: Any, native: str, **members: Any) -> Field:
    return Field(name=name, type=kind, native_type=native, **members)


def _table(name: str, fields: tuple[Field, ...], **members: Any) -> Object:
    return Object(
        name=name, slug=name, kind=members.pop("kind", "table"), native_schema="public", native_name=name, fields=fields,
        keys=(Key("pk", ("id",), primary=True),) if fields[0].primary_key else (), **members,
    )  # fmt: skip


def graph(*, note_type: str = "text") -> Graph:
    """What is discovered of :data:`SQL`."""
    key = {"nullable": False, "primary_key": True, "unique": True, "indexed": True}
    objects = {
        "customers": _table(
            "customers",
            (
                _field("id", "integer", "integer", **key),
                _field("name", "string", "text", nullable=False),
                _field("phone", "string", "text", indexed=True, formats=("+99999999999",)),
                _field("email", "string", "text"),
                _field("ssn", "string", "text"),
            ),
            estimate=2000,
        ),
        "tickets": _table(
            "tickets",
            (
                _field("id", "integer", "bigint", **key),
                _field("customer_id", "integer", "integer", nullable=False, indexed=True),
                _field("state", "enum", "ticket_state", nullable=False, enum=("open", "waiting", "done")),
                _field("opened_at", "datetime", "timestamp with time zone", nullable=False, zoned=True),
                _field("picked_up", "datetime", "timestamp without time zone"),
                _field("price", "decimal", "numeric(10,2)"),
                _field("note", "string", note_type),
            ),
            edges=(Edge("customer", "customers", "many_to_one", (("customer_id", "id"),), nullable=False),),
            estimate=5000,
        ),
        "directory": _table(
            "directory",
            (
                _field("id", "integer", "integer"),
                _field("name", "string", "text"),
                _field("phone", "string", "text", formats=("+99999999999",)),
            ),
            kind="view",
            reads=(Dependency("customers", ("id", "name", "phone")),),
            definition_hash="d1",
        ),
    }
    return Graph("postgres", "public", objects, RecordOperations(objects))


def view(**scoping: Any) -> View:
    return View(graph(), Scoping(**scoping))


def candidate(
    body: dict[str, Any], seen: View | None = None, *, connection_id: str = "con_1", zone: str | None = ZONE
) -> Candidate:
    """A binding, checked and compiled, not proven."""
    through = seen or view()
    target = Target(connection_id=connection_id, kind="postgres", time_zone=zone, default_country="CA")
    return compile_plan(check(parse_binding(body), through, target).plan, through)


def frozen(body: dict[str, Any], connection_id: str) -> FrozenCall:
    """A frozen call as proving would make it."""
    return freeze(candidate(body, connection_id=connection_id))
