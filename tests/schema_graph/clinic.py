"""A small schema with one of everything that data scoping must follow: views, partitions, generated and row-typed fields."""

from __future__ import annotations

from patchbay.schema_graph.model import Dependency, Edge, Field, Graph, Index, Key, Object
from patchbay.schema_graph.operations import RecordOperations


def text(name: str, **more: object) -> Field:
    """A writable text field."""
    return Field(name, "string", "text", insertable=True, updatable=True, **more)  # type: ignore[arg-type]


def number(name: str, **more: object) -> Field:
    """A writable integer field."""
    return Field(name, "integer", "integer", insertable=True, updatable=True, **more)  # type: ignore[arg-type]


def clinic() -> Graph:
    """customers, staff, appointments (partitioned), a view over them, a view over that, and an opaque one."""
    identifier = number("id", nullable=False, primary_key=True, unique=True, indexed=True, has_default=True)
    objects = [
        Object(
            "customers",
            "customers",
            "table",
            "public",
            "customers",
            description="People who come to us.",
            fields=(
                identifier,
                text("name", nullable=False),
                text("phone", indexed=True, badges=("pii",)),
                text("ssn", badges=("pii",)),
                text("label", generated=True, computed_from=("name", "ssn")),
            ),
            edges=(Edge("appointment", "appointments", "one_to_many", (("id", "customer_id"),)),),
            keys=(Key("customers_pkey", ("id",), primary=True), Key("customers_ssn", ("ssn",))),
            indexes=(
                Index("customers_phone", ("phone",)),
                Index("customers_ssn", ("ssn",), unique=True),
                Index("customers_low", (None,)),
            ),
            estimate=1000,
            badges=("core",),
            insertable=True,
            updatable=True,
        ),
        Object(
            "staff",
            "staff",
            "table",
            "public",
            "staff",
            fields=(identifier, text("name"), Field("mood", "enum", "mood", enum=("sad", "happy"))),
            edges=(Edge("appointment", "appointments", "one_to_many", (("id", "staff_id"),)),),
            keys=(Key("staff_pkey", ("id",), primary=True),),
        ),
        Object(
            "appointments",
            "appointments",
            "table",
            "public",
            "appointments",
            fields=(
                identifier,
                number("customer_id"),
                number("staff_id"),
                Field("starts_at", "datetime", "timestamptz", zoned=True),
            ),
            edges=(
                Edge("customer", "customers", "many_to_one", (("customer_id", "id"),)),
                Edge("staff", "staff", "many_to_one", (("staff_id", "id"),)),
            ),
            keys=(Key("appointments_pkey", ("id",), primary=True),),
            partitions=("appointments_2025", "archive.appointments_2024"),
        ),
        Object(
            "upcoming",
            "upcoming",
            "view",
            "public",
            "upcoming",
            fields=(Field("id", "integer", "integer"), Field("who", "string", "text")),
            reads=(Dependency("appointments", ("id", "customer_id")), Dependency("customers", ("id", "name"))),
            definition_hash="1",
        ),
        Object(
            "board",
            "board",
            "view",
            "public",
            "board",
            fields=(Field("who", "string", "text"),),
            reads=(Dependency("upcoming", ("who",)),),
            definition_hash="2",
        ),
        Object(
            "magic",
            "magic",
            "view",
            "public",
            "magic",
            fields=(Field("x", "string", "text"),),
            opaque="It calls a function whose reads cannot be told.",
            definition_hash="3",
        ),
        Object(
            "crm.customers",
            "crm_customers",
            "table",
            "crm",
            "customers",
            fields=(
                number("id"),
                Field("copy", "object", "customers", row_of="customers", fields=(Field("ssn", "string", "text"),)),
            ),
        ),
    ]
    by_name = {obj.name: obj for obj in objects}
    return Graph(kind="postgres", default_schema="public", objects=by_name, operations=RecordOperations(by_name))
