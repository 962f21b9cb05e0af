"""A small clinic's schema, with what makes binding hard in it: composite keys, odd names, enums, an unindexed big table."""

from __future__ import annotations

from typing import Any

from patchbay.bindings.check import Checked, Target, check
from patchbay.bindings.compile.sql import compile_postgres
from patchbay.bindings.model import parse_binding
from patchbay.bindings.report import BindingInvalid
from patchbay.errors import Finding
from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.call import SqlCall
from patchbay.schema_graph.model import Edge, Field, Graph, Key, Object
from patchbay.schema_graph.naming import object_name, unique_slugs
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import View


def column(name: str, kind: str = "string", native: str = "text", **members: Any) -> Field:
    return Field(**({"name": name, "type": kind, "native_type": native} | members))


def primary(name: str = "id", kind: str = "integer", native: str = "integer") -> Field:
    return column(name, kind, native, nullable=False, primary_key=True, unique=True, indexed=True)


def table(name: str, fields: list[Field], schema: str = "public", **members: Any) -> Object:
    key = tuple(f.name for f in fields if f.primary_key)
    made = {
        "name": object_name(schema, name, "public"),
        "slug": name,
        "kind": "table",
        "native_schema": schema,
        "native_name": name,
        "fields": tuple(fields),
        "keys": (Key("pk", key, primary=True),) if key else (),
        "estimate": 100_000,
    }
    return Object(**(made | members))


def to_one(name: str, target: str, *pairs: tuple[str, str], **members: Any) -> Edge:
    return Edge(**({"name": name, "target": target, "cardinality": "many_to_one", "pairs": pairs} | members))


PHONES = ("(999) 999-9999", "999-999-9999", "+9 999 999 9999")
OBJECTS = [
    table(
        "customers",
        [
            primary(),
            column("name", badges=("pii",)),
            column("phone", indexed=True, formats=PHONES),
            column("email", "string", "character varying(80)", unique=True, indexed=True, max_length=80),
            column("ssn", badges=("pii",)),
            column("country", nullable=False),
            column("region_code"),
            column("card_number", badges=("payment_card",)),
        ],
        edges=(
            to_one("region", "regions", ("country", "country"), ("region_code", "code")),
            to_one("appointments", "appointments", ("id", "customer_id"), cardinality="one_to_many"),
        ),
    ),
    table(
        "appointments",
        [
            primary(native="bigint"),
            column("customer_id", "integer", "integer", indexed=True),
            column("staff_ref", "integer", "integer"),
            column("customer", "string", "text"),
            column("phone", indexed=True, formats=PHONES),
            column("starts_at", "datetime", "timestamp with time zone", zoned=True, indexed=True, nullable=False),
            column("wall_time", "datetime", "timestamp(3) without time zone"),
            column("status", "enum", "booking_status", enum=("open", "done", "cancelled")),
            column("fee", "decimal", "numeric(10,2)"),
            column("paid", "boolean", "boolean"),
            column("note"),
            column("tags", "array", "text[]", item_type="string"),
            column("shape", "object", "polygon", filterable=False),
            column("hidden", readable=False),
        ],
        edges=(
            to_one("customer", "customers", ("customer_id", "id")),
            to_one("staff_ref", "staff", ("staff_ref", "id")),
            to_one("guessed", "staff", ("staff_ref", "id"), inferred=True),
        ),
    ),
    table("staff", [primary(), column("name"), column("email", indexed=True)], estimate=40),
    table(
        "regions",
        [
            column("country", nullable=False, primary_key=True, indexed=True),
            column("code", nullable=False, primary_key=True),
            column("name"),
        ],
        estimate=60,
    ),
    table("orders", [primary(), column("order_number", indexed=True), column("total", "decimal", "numeric(10,2)")]),
    table("products", [primary(), column("category"), column("name", indexed=True)], estimate=500),
    table("opening_hours", [column("day"), column("opens", "time", "time without time zone")], estimate=None),
    table("parts", [column("kind"), column("at", "date", "date")], partitions=("parts_1",)),
    table("open_appointments", [column("phone", formats=PHONES), column("note")], kind="view", estimate=None),
    table(
        'We"ird\nTable',
        [
            primary("Id Col", "uuid", "uuid"),
            column("select", "integer", "integer", indexed=True),
            column("a.b"),
            column("ünï;--"),
            column("data"),
        ],
        schema="Odd.One",
        edges=(to_one("a", "customers", ("select", "id")),),
    ),
    table("store", [primary()]),
    table("store", [primary()], schema="sales"),
    table("rooms", [primary(), column("name", indexed=True)], schema="sales"),
]


def clinic(**scoping: Any) -> View:
    slugs = unique_slugs(obj.name for obj in OBJECTS)
    objects = {
        obj.name: Object(**{f: getattr(obj, f) for f in obj.__struct_fields__} | {"slug": slugs[obj.name]}) for obj in OBJECTS
    }
    graph = Graph("postgres", "public", objects, RecordOperations(objects))
    return View(graph, Scoping(**scoping))


TARGET = Target(connection_id="con_1", kind="postgres", time_zone="America/Toronto", default_country="CA")
LOOK_UP = {
    "toolName": "Look up an appointment",
    "operation": "appointments.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
    "projection": [
        {"path": ["appointment", "starts_at"], "leaf": "appointment_time"},
        {"path": ["appointment", "status"], "leaf": "appointment_status"},
    ],
    "enabled": True,
}


def bind(view: View | None = None, target: Target = TARGET, **members: Any) -> Checked:
    return check(parse_binding(LOOK_UP | members), view or clinic(), target)


def compiled(view: View | None = None, target: Target = TARGET, **members: Any) -> SqlCall:
    view = view or clinic()
    return compile_postgres(bind(view, target, **members).plan, view)


def refused(view: View | None = None, target: Target = TARGET, **members: Any) -> list[Finding]:
    try:
        bind(view, target, **members)
    except BindingInvalid as invalid:
        return list(invalid.errors)
    raise AssertionError("the binding was accepted")


def codes(findings: Any) -> list[tuple[str, str]]:
    return [(f.field, f.code) for f in findings]


def warned(checked: Checked) -> list[tuple[str, str]]:
    return codes(checked.warnings)


def project(*paths: str) -> list[dict[str, Any]]:
    return [{"path": path.split("/"), "leaf": f"leaf_{number}"} for number, path in enumerate(paths)]
