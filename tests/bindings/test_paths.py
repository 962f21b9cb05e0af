"""Paths: what is accepted as written, what is ambiguous, and what the answer is to what is not there."""

import pytest

from patchbay.bindings.paths import PathProblem, follow
from tests.bindings.clinic import clinic

VIEW = clinic()


def spelled(path: list[str], root: str = "appointments") -> str:
    obj = VIEW.object(root)
    assert obj is not None
    return follow(VIEW, obj, path).name


def problem(path: list[str], root: str = "appointments", view: object = None) -> PathProblem:
    seen = view or VIEW
    obj = seen.object(root)
    with pytest.raises(PathProblem) as caught:
        follow(seen, obj, path)
    return caught.value


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (["starts_at"], "starts_at"),
        (["appointment", "starts_at"], "starts_at"),
        (["appointments", "starts_at"], "starts_at"),
        (["appointment.starts_at"], "starts_at"),
        (["data", "id"], "id"),
        (["data.id"], "id"),
        (["edges.node.status"], "status"),
        (["data", "appointment", "status"], "status"),
        (["appointment.customer.name"], "customer.name"),
        (["appointment", "customer", "name"], "customer.name"),
        (["customer", "region", "name"], "customer.region.name"),
        (["customer.region", "name"], "customer.region.name"),
        (["customer"], "customer"),  # both a column and an edge: the end of a path is the column
        (["appointment", "customer"], "customer"),
        (["staff_ref"], "staff_ref"),
        (["tags"], "tags"),
    ],
)
def test_accepted_as_written(path: list[str], name: str):
    assert spelled(path) == name


def test_names_with_dots():
    odd = '"Odd.One"."We""ird\nTable"'
    assert spelled(['"a.b"'], odd) == '"a.b"'
    assert spelled(["a.b"], odd) == '"a.b"'
    assert spelled(["a.name"], odd) == "a.name"
    assert spelled(["data"], odd) == "data"


def test_two_readings_are_not_chosen_between():
    from patchbay.schema_graph.model import Graph
    from patchbay.schema_graph.operations import RecordOperations
    from patchbay.schema_graph.scoping import View
    from tests.bindings.clinic import column, primary, table, to_one

    visit = table(
        "visit", [primary(), column("parent_id"), column("name")], edges=(to_one("visit", "visit", ("parent_id", "id")),)
    )
    view = View(Graph("postgres", "public", {"visit": visit}, RecordOperations({"visit": visit})))
    found = problem(["visit", "name"], "visit", view)
    assert found.code == "ambiguous_path"
    assert found.hint is not None
    assert "'visit.name' or 'name'" in found.hint or "'name' or 'visit.name'" in found.hint


@pytest.mark.parametrize(
    ("path", "code", "hint"),
    [
        (["start_at"], "unknown_path", "Did you mean 'starts_at'"),
        (["staff", "name"], "unknown_path", "'staff_ref'"),
        (["customer", "nmae"], "unknown_path", "Did you mean 'name'"),
        (["status", "name"], "unknown_path", "End the path at 'status'."),
        (["guessed", "name"], "edge_inferred", "Declare the foreign key"),
        (["customer", "appointments", "id"], "path_through_many", "read of that object"),
        (["customer", "region"], "path_not_scalar", "region.name"),
        (["hidden"], "not_readable", "Grant SELECT"),
        (["customer"] * 9, "unknown_path", None),
        ([""], "unknown_path", "There are: "),
        (["."], "unknown_path", None),
        (['"'], "unknown_path", None),
        (["data"], "unknown_path", None),
        (["edges", "node"], "unknown_path", None),
    ],
)
def test_what_is_not_there(path: list[str], code: str, hint: str | None):
    found = problem(path)
    assert found.code == code
    assert code != "unknown_path" or VIEW.object("appointments").field(path[0]) or repr(path[-1]) not in found.message
    if hint is not None:
        assert hint in (found.hint or "")


def test_no_hint_names_what_is_blocked():
    view = clinic(blocked_tables=("staff",), blocked_columns={"customers": ("ssn", "card_number"), "appointments": ("note",)})
    for path in (
        ["notee"],
        ["staff", "name"],
        ["staff_ref", "name"],
        ["customer", "sssn"],
        ["zzz"],
        ["customer", "card_numbers"],
    ):
        found = problem(path, view=view)
        said = f"{found.message} {found.hint}".replace(repr(path[0]), "").replace(repr(path[-1]), "")
        assert not any(word in said for word in ("note", "ssn", "card_number", "staff'", "guessed"))
