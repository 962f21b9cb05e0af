"""The difference of two schemas: what is told, what is only likely, and that nothing blocked is."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from patchbay.schema_graph.diff import SchemaDiff, diff
from patchbay.schema_graph.model import Argument, Graph, Object, Operation
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import Scoping, View
from tests.schema_graph.clinic import clinic, number, text


def graph(*objects: Object, operations: dict[str, Operation] | None = None) -> Graph:
    named = {obj.name: obj for obj in objects}
    return Graph("postgres", None, named, RecordOperations(named) if operations is None else operations)


def table(name: str, *fields: object) -> Object:
    return Object(name, name, "table", fields=fields)  # type: ignore[arg-type]


def between(before: Graph, after: Graph, **scoping: object) -> SchemaDiff:
    rules = Scoping.from_json(scoping)
    return diff(View(before, rules), View(after, rules))


def test_the_same_schema_has_no_difference() -> None:
    assert between(clinic(), clinic()) == SchemaDiff()


def test_what_came_and_what_went() -> None:
    found = between(graph(table("a", number("id"))), graph(table("b", text("label"), text("note"))))
    assert (found.objects.added, found.objects.removed) == (("b",), ("a",))
    assert (found.operations.added, found.operations.removed) == (("b.read",), ("a.read",))


def test_a_field_that_changed_its_type_and_one_that_was_renamed() -> None:
    before = table("customers", number("id"), text("phone_number"), text("age"))
    after = table("customers", number("id"), text("phone_no"), number("age"))
    (changed,) = between(graph(before), graph(after)).objects.changed
    assert [(one.before, one.after) for one in changed.fields.renamed] == [("phone_number", "phone_no")]
    (age,) = changed.fields.changed
    assert {(c.property, c.before, c.after) for c in age.changes} == {
        ("type", "string", "integer"),
        ("nativeType", "text", "integer"),
    }
    assert not changed.fields.added
    assert not changed.fields.removed


def test_a_table_that_was_renamed_is_told_with_what_changed_in_it() -> None:
    fields = [number("id"), text("name"), text("phone"), text("email")]
    found = between(graph(table("customer", *fields)), graph(table("customers", *fields, text("note"))))
    (renamed,) = found.objects.renamed
    assert (renamed.before, renamed.after) == ("customer", "customers")
    assert 0.6 <= renamed.confidence < 1
    assert (found.objects.added, found.objects.removed) == ((), ())
    assert found.objects.changed[0].fields.added == ("note",)


def test_things_that_are_not_alike_are_not_called_renamed() -> None:
    before = table("t", number("id"), text("surname"))
    after = table("t", number("id"), number("balance"))
    (changed,) = between(graph(before), graph(after)).objects.changed
    assert changed.fields.renamed == ()
    assert (changed.fields.added, changed.fields.removed) == (("balance",), ("surname",))


def test_a_called_operation_with_another_argument_and_another_path() -> None:
    contact = Object("Contact", "Contact", "type", fields=(text("name"),))

    def operation(path: str, *names: str) -> dict[str, Operation]:
        arguments = tuple(Argument(name, "filter", "string", "string") for name in names)
        made = Operation(
            "findContact", "findContact", "Contact", "read", "call", arguments=arguments, invoke={"method": "GET", "path": path}
        )
        return {made.name: made}

    before = graph(contact, operations=operation("/contacts", "phone"))
    after = graph(contact, operations=operation("/v2/contacts", "phone", "email"))
    (changed,) = between(before, after).operations.changed
    assert changed.arguments.added == ("email",)
    assert [(c.property, c.before, c.after) for c in changed.changes] == [("call", "GET /contacts", "GET /v2/contacts")]


def test_nothing_blocked_is_named() -> None:
    before, after = table("t", number("id"), text("ssn")), table("t", number("id"), number("ssn"), text("secret_note"))
    found = between(graph(before, table("gone", text("x"))), graph(after), blockedTables=["gone"], blockedColumns={"t": ["ssn"]})
    told = msgspec.json.encode(found).decode()
    assert "ssn" not in told
    assert "gone" not in told
    assert "secret_note" in told


NAMES = st.sampled_from(["a", "b", "c", "customer", "customers", "phone", "phones"])
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, st.booleans(), max_size=4), max_size=4)


def made(tables: dict[str, dict[str, bool]]) -> Graph:
    return graph(
        *(table(name, *((text if is_text else number)(f) for f, is_text in fields.items())) for name, fields in tables.items())
    )


@given(TABLES, TABLES)
def test_every_object_is_accounted_for_once(before: dict[str, dict[str, bool]], after: dict[str, dict[str, bool]]) -> None:
    found = between(made(before), made(after)).objects
    came = {*found.added, *(one.after for one in found.renamed)}
    went = {*found.removed, *(one.before for one in found.renamed)}
    assert came == after.keys() - before.keys()
    assert went == before.keys() - after.keys()
    assert len(found.added) + len(found.renamed) == len(came)
    back = between(made(after), made(before)).objects
    assert {(one.before, one.after) for one in found.renamed} == {(one.after, one.before) for one in back.renamed}
