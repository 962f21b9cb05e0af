"""A bookshop that a write role may write to, for either kind of database."""

from __future__ import annotations

from typing import Any

import msgspec

from patchbay.bindings.check import Checked, Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.bindings.report import BindingInvalid
from patchbay.schema_graph.call import SqlCall
from patchbay.schema_graph.model import Graph, Key, Object
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import Scoping, View
from tests.bindings.clinic import column, primary, table, to_one

OBJECTS = [
    table(
        "customers",
        [
            msgspec.structs.replace(primary(), identity="by_default"),
            column("name", nullable=False),
            column("phone", indexed=True, formats=("999-999-9999",)),
            column("email", "string", "varchar(80)", unique=True, indexed=True, max_length=80),
            column("card_number", badges=("payment_card",)),
        ],
        keys=(Key("pk", ("id",), primary=True), Key("email", ("email",))),
    ),
    table(
        "orders",
        [
            msgspec.structs.replace(primary(), has_default=True),
            column("number", "string", "varchar(20)", nullable=False, unique=True, indexed=True, max_length=20),
            column("customer_id", "integer", "integer", nullable=False, indexed=True),
            column("state", "enum", "order_state", nullable=False, has_default=True, enum=("open", "paid", "cancelled")),
            column("total", "decimal", "numeric(10,2)"),
            column("note"),
            column("ready_at", "datetime", "timestamp with time zone", zoned=True),
            column("wall", "datetime", "timestamp without time zone"),
            column("changed_at", "datetime", "timestamp with time zone", zoned=True),
            column("doc", "json", "jsonb"),
            column("shout", generated=True),
        ],
        keys=(Key("pk", ("id",), primary=True), Key("number", ("number",))),
        edges=(to_one("customer", "customers", ("customer_id", "id")),),
    ),
    table(
        "lines",
        [
            column("order_id", "integer", "integer", nullable=False, primary_key=True, indexed=True),
            column("line", "integer", "integer", nullable=False, primary_key=True),
            column("sku"),
            column("amount", "integer", "integer", nullable=False, has_default=True),
        ],
    ),
    table("heap", [column("value")], keys=()),
]


def _writable(obj: Object) -> Object:
    fields = tuple(msgspec.structs.replace(f, insertable=not f.generated, updatable=not f.generated) for f in obj.fields)
    return msgspec.structs.replace(obj, fields=fields, insertable=True, updatable=True)


def bookshop(kind: str = "postgres", **scoping: Any) -> View:
    objects = {obj.name: _writable(obj) for obj in OBJECTS}
    return View(Graph(kind, "public", objects, RecordOperations(objects)), Scoping(**scoping))


def bind(kind: str = "postgres", view: View | None = None, zone: str | None = "America/Toronto", **body: Any) -> Checked:
    target = Target(connection_id="con_1", kind=kind, time_zone=zone, default_country="CA")
    return check(parse_binding({"toolName": "t", "projection": []} | body), view or bookshop(kind), target)


def compiled(kind: str, **body: Any) -> SqlCall:
    view = bookshop(kind)
    made = compile_plan(bind(kind, view, **body).plan, view).body
    assert isinstance(made, SqlCall)
    return made


def refused(kind: str = "postgres", view: View | None = None, **body: Any) -> list[tuple[str, str]]:
    try:
        bind(kind, view, **body)
    except BindingInvalid as invalid:
        return [(finding.field, finding.code) for finding in invalid.errors]
    raise AssertionError("the binding was accepted")
