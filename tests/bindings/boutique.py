"""A small shop's MySQL schema, with what is MySQL's own in it: back-quotes, unsigned numbers, booleans, wall-clock times."""

from __future__ import annotations

from typing import Any

from patchbay.bindings.check import Target, check
from patchbay.bindings.compile.mysql import compile_mysql
from patchbay.bindings.model import parse_binding
from patchbay.schema_graph.call import SqlCall
from patchbay.schema_graph.model import Graph, Object
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import Scoping, View
from tests.bindings.clinic import LOOK_UP, PHONES, column, table, to_one

OBJECTS: list[Object] = [
    table(
        "customers",
        [
            column("id", "integer", "int unsigned", nullable=False, primary_key=True, unique=True, indexed=True),
            column("name", "string", "varchar(80)", nullable=False),
            column("phone", "string", "varchar(40)", indexed=True, formats=PHONES),
            column("email", "string", "varchar(80)", indexed=True, max_length=80),
        ],
        schema="shop",
        edges=(to_one("appointments", "appointments", ("id", "customer_id"), cardinality="one_to_many"),),
    ),
    table(
        "appointments",
        [
            column("id", "integer", "bigint unsigned", nullable=False, primary_key=True, unique=True, indexed=True),
            column("customer_id", "integer", "int unsigned", indexed=True),
            column("phone", "string", "varchar(40)", indexed=True, formats=PHONES),
            column("starts_at", "datetime", "timestamp", zoned=True, indexed=True, nullable=False),
            column("wall_time", "datetime", "datetime(3)", indexed=True),
            column("status", "enum", "enum", enum=("open", "done", "cancelled")),
            column("fee", "decimal", "decimal(10,2)"),
            column("paid", "boolean", "tinyint(1)"),
            column("note", "string", "text"),
        ],
        schema="shop",
        edges=(to_one("customer", "customers", ("customer_id", "id")),),
    ),
    table(
        "we`ird?\ntable",
        [
            column("Id Col", "uuid", "uuid", nullable=False, primary_key=True, unique=True, indexed=True),
            column("select", "integer", "int", indexed=True),
            column("a?b", "string", "varchar(20)", indexed=True),
            column("back`tick\\", "string", "varchar(20)"),
        ],
        schema="Odd`One",
    ),
]
TARGET = Target(connection_id="con_1", kind="mysql", time_zone="America/Toronto", default_country="CA")


def view() -> View:
    renamed = {obj.name.removeprefix("shop."): obj for obj in OBJECTS}
    objects = {
        name: Object(**{member: getattr(obj, member) for member in obj.__struct_fields__} | {"name": name, "slug": f"o{number}"})
        for number, (name, obj) in enumerate(renamed.items())
    }
    return View(Graph("mysql", "shop", objects, RecordOperations(objects)), Scoping())


def compiled(**members: Any) -> SqlCall:
    seen = view()
    return compile_mysql(check(parse_binding(LOOK_UP | members), seen, TARGET).plan, seen)
