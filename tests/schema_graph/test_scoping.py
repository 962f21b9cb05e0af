"""What a view shows of one schema under one scoping: each rule by name."""

from __future__ import annotations

import msgspec
import pytest

from patchbay.schema_graph.call import SliceItem, Touch
from patchbay.schema_graph.scoping import Scoping, View, permits
from tests.schema_graph.clinic import clinic


def view(*tables: str, columns: dict[str, tuple[str, ...]] | None = None, allowed: tuple[str, ...] = ()) -> View:
    return View(clinic(), Scoping(tables, columns or {}, allowed))


def names(shown: View) -> set[str]:
    return set(shown.object_names())


def test_nothing_blocked_shows_everything() -> None:
    assert names(view()) == set(clinic().objects)
    assert view().object("customers") == clinic().objects["customers"]


@pytest.mark.parametrize("entry", ["customers", "CUSTOMERS", "Customers"])
def test_an_unqualified_name_blocks_every_match_in_every_schema(entry: str) -> None:
    shown = view(entry)
    assert names(shown) == {"staff", "appointments"}
    assert shown.object("customers") is None
    assert shown.object("crm.customers") is None
    assert [e.name for e in shown.object("appointments").edges] == ["staff"]


def test_a_qualified_name_blocks_one_table() -> None:
    assert "customers" in names(view("crm.customers"))
    assert "crm.customers" not in names(view("CRM.Customers"))
    hidden = names(view()) - names(view("public.customers"))
    assert hidden == {"customers", "upcoming", "board", "magic"}


def test_blocking_a_folded_partition_blocks_the_table_over_it_and_the_views_over_that() -> None:
    for entry in ("appointments_2025", "archive.appointments_2024", "APPOINTMENTS_2024"):
        assert names(view(entry)) == {"customers", "staff", "crm.customers"}
    assert "appointments" in names(view("public.appointments_2024"))


def test_a_blocked_column_takes_along_what_is_computed_from_it() -> None:
    shown = view(columns={"Customers": ("SSN",)}).object("customers")
    assert [f.name for f in shown.fields] == ["id", "name", "phone"]
    assert [key.name for key in shown.keys] == ["customers_pkey"]
    assert [index.name for index in shown.indexes] == ["customers_phone"]


def test_a_blocked_column_hides_the_views_that_read_it_and_no_others() -> None:
    assert {"upcoming", "board"} <= names(view(columns={"customers": ("ssn",)}))
    assert not {"upcoming", "board"} & names(view(columns={"public.customers": ("name",)}))


def test_a_field_that_holds_rows_of_another_object_goes_with_any_of_its_columns() -> None:
    shown = view(columns={"public.customers": ("phone",)}).object("crm.customers")
    assert [f.name for f in shown.fields] == ["id"]


def test_a_blocked_key_column_hides_the_edges_on_both_sides() -> None:
    shown = view(columns={"appointments": ("customer_id",)})
    assert [e.name for e in shown.object("appointments").edges] == ["staff"]
    assert shown.object("customers").edges == ()


def test_what_cannot_be_told_is_hidden_once_anything_is_blocked_unless_allowed() -> None:
    assert "magic" in names(view())
    assert "magic" not in names(view("nothing_of_that_name"))
    assert "magic" in names(view("nothing_of_that_name", allowed=("magic",)))
    assert "magic" in names(view("nothing_of_that_name", allowed=("public.magic",)))
    assert "magic" not in names(view("nothing_of_that_name", allowed=("MAGIC", "crm.magic")))
    assert "magic" not in names(view("magic", allowed=("magic",)))


def test_unmatched_names_are_told() -> None:
    shown = view("gone", "staff", "appointments_2025", columns={"customers": ("SSN", "shoe"), "gone": ("x",), "staff": ("name",)})
    assert shown.unmatched == {"blockedTables": ["gone"], "blockedColumns": {"customers": ["shoe"], "gone": ["x"]}}


def test_operations_are_what_the_role_may_do_with_what_is_left() -> None:
    assert [o.name for o in view().operations(object="customers", include_writes=True)] == [
        "customers.read", "customers.insert", "customers.update",
    ]  # fmt: skip
    without_name = view(columns={"customers": ("name",)})
    assert [o.name for o in without_name.operations(object="customers", include_writes=True)] == [
        "customers.read",
        "customers.update",
    ]
    assert without_name.operation("customers.insert") is None
    without_key = view(columns={"customers": ("id", "ssn")})
    assert without_key.operation("customers.update") is None
    assert view("customers").operation("customers.read") is None
    assert [o.name for o in view().operations(q="read PEOPLE")] == ["customers.read"]


def test_names_slugs_and_unambiguous_bare_names_are_found() -> None:
    assert view().object("crm_customers").name == "crm.customers"
    assert view().object("public.staff").name == "staff"
    assert view().object("archive.staff") is None
    assert view().operation("crm_customers_read").name == "crm.customers.read"
    assert view().operation("public.customers.read").name == "customers.read"
    assert view().operation("nothing.read") is None
    assert view().operation("customers.drop") is None


def test_arguments_reach_to_one_neighbours_and_say_what_is_indexed() -> None:
    shown = view()
    arguments = {a.name: a for a in shown.arguments(shown.operation("appointments.read"))}
    assert list(arguments) == [
        "id", "customer_id", "staff_id", "starts_at",
        "customer.id", "customer.name", "customer.phone", "customer.ssn", "customer.label",
        "staff.id", "staff.name", "staff.mood",
    ]  # fmt: skip
    assert {a.role for a in arguments.values()} == {"filter"}
    assert arguments["customer.phone"].indexed
    assert not arguments["customer.name"].indexed
    assert arguments["staff.mood"].enum == ("sad", "happy")
    scoped = view(columns={"customers": ("ssn",)})
    assert {a.name for a in scoped.arguments(scoped.operation("appointments.read"))} == set(arguments) - {
        "customer.ssn",
        "customer.label",
    }


def test_the_arguments_of_writes_have_their_roles() -> None:
    shown = view()
    insert = {a.name: (a.role, a.required) for a in shown.arguments(shown.operation("customers.insert"))}
    assert insert == {"id": ("value", False), "name": ("value", True), "phone": ("value", False), "ssn": ("value", False)}
    update = {a.name: a.role for a in shown.arguments(shown.operation("customers.update"))}
    assert update == {"id": "key", "name": "set", "phone": "set", "ssn": "set", "label": "match"}


def test_path_roots_look_only_at_what_is_in_view() -> None:
    assert view().path_root("appointments") == "appointment"
    assert view().path_root("customers") == "customers"
    assert view("crm.customers").path_root("customers") == "customer"


def test_touches_are_closed() -> None:
    assert view().touches("board", ("who",)) == (
        Touch("appointments", ("customer_id", "id")),
        Touch("appointments_2025", ("customer_id", "id")),
        Touch("archive.appointments_2024", ("customer_id", "id")),
        Touch("board", ("who",)),
        Touch("customers", ("id", "name")),
        Touch("upcoming", ("who",)),
    )
    assert view().touches("customers", ("label",)) == (Touch("customers", ("label", "name", "ssn")),)
    assert view().touches("magic", ("x",)) == (Touch("magic", ("x",), opaque=True),)
    with pytest.raises(KeyError):
        view("customers").touches("board", ("who",))


def test_a_table_blocked_after_publishing_under_a_view_is_refused_without_the_graph() -> None:
    frozen = view().touches("board", ("who",))
    assert permits(Scoping(), "public", frozen)
    assert permits(Scoping(("staff",)), "public", frozen)
    assert not permits(Scoping(("Customers",)), "public", frozen)
    assert not permits(Scoping(("archive.appointments_2024",)), "public", frozen)
    assert not permits(Scoping((), {"customers": ("NAME",)}), "public", frozen)
    assert permits(Scoping((), {"customers": ("phone",)}), "public", frozen)
    assert not permits(Scoping((), {"customers": ("phone",)}), "public", [Touch("customers")])


def test_a_slice_exists_only_as_far_as_it_is_in_view() -> None:
    items = [SliceItem("appointments", ("starts_at",), ("customer",)), SliceItem("customers", ("name",))]
    assert view().slice_fingerprint("appointments.read", items) == view("gone").slice_fingerprint("appointments.read", items)
    for scoped in (view("customers"), view(columns={"customers": ("name",)}), view(columns={"appointments": ("customer_id",)})):
        with pytest.raises(KeyError):
            scoped.slice_fingerprint("appointments.read", items)


def test_a_description_that_names_something_blocked_is_not_told() -> None:
    graph = clinic()
    told = {"people": "See PAYROLL.", "name": "Not the ssn", "phone": "For payrolls and ssn2", "id": 'As in "odd one".'}
    people = msgspec.structs.replace(
        graph.objects["customers"],
        description=told["people"],
        fields=tuple(msgspec.structs.replace(f, description=told.get(f.name)) for f in graph.objects["customers"].fields),
    )
    graph = msgspec.structs.replace(graph, objects={**graph.objects, "customers": people})
    scoping = Scoping(("hr.payroll", '"Odd One"'), {"customers": ("ssn",)})
    shown = View(graph, scoping).object("customers")
    assert shown.description is None
    assert {f.name: f.description for f in shown.fields} == {"id": None, "name": None, "phone": told["phone"]}
    assert View(graph).object("customers").description == told["people"]
    assert View(graph, Scoping(("other",))).object("customers").field("name").description == told["name"]
