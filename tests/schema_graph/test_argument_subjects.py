"""What an argument is about, however it is spelled: blocking that takes the argument away, before and after publishing."""

from __future__ import annotations

import pytest

from patchbay.schema_graph.argument_subjects import spelled_in
from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.model import Argument, Edge, Field, Graph, Object, Operation
from patchbay.schema_graph.scoping import View, permits

NAMES = (
    "email", "filter[email]", "email__contains", "$email", "body.address.city", '"address.city"', "filter[address][city]", "city",
    "body.company.taxNumber", "taxNumber", "where.taxNumber.eq", "company", "q", "body.billing.name", "name",
)  # fmt: skip


def _text(name: str) -> Field:
    return Field(name, "string", "string")


def _graph() -> Graph:
    company = Object("Company", "Company", "type", fields=(_text("id"), _text("name"), _text("taxNumber")))
    contact = Object(
        "Contact", "Contact", "type",
        fields=(
            _text("id"), _text("name"), _text("email"), Field("company", "object", "Company"),
            Field("address", "object", "object", fields=(_text("city"), _text("zip"))),
            Field("billing", "object", "object", fields=(_text("name"),)),
        ),
        edges=(Edge("company", "Company", "many_to_one", (("company", ""),), embedded=True),),
    )  # fmt: skip
    spelled = (name if name[0] == '"' or "[" not in name else f'"{name}"' for name in NAMES)
    arguments = tuple(Argument(name, "filter", "string", "string") for name in spelled)
    operation = Operation("listContacts", "listContacts", "Contact", "read", "call", arguments=arguments)
    return Graph("rest", None, {"Company": company, "Contact": contact}, {operation.name: operation})


@pytest.mark.parametrize(
    ("columns", "gone"),
    [
        ({"Contact": ("email",)}, {"email", "filter[email]", "email__contains", "$email"}),
        ({"contact": ("ADDRESS.city",)}, {"body.address.city", "address.city", "filter[address][city]", "city"}),
        ({"Contact": ("address",)}, {"body.address.city", "address.city", "filter[address][city]", "city"}),
        ({"Company": ("taxNumber",)}, {"body.company.taxNumber", "taxNumber", "where.taxNumber.eq"}),
        ({"Contact": ("billing.name",)}, {"body.billing.name"}),
        ({"Company": ("name",)}, set[str]()),
    ],
)
def test_an_argument_goes_with_what_it_is_about(columns: dict[str, tuple[str, ...]], gone: set[str]):
    graph, scoping = _graph(), Scoping(blocked_columns=columns)
    free, seen = View(graph), View(graph, scoping).operation("listContacts")
    whole = free.operation("listContacts")
    assert seen is not None
    assert whole is not None
    left = {argument.name for argument in seen.arguments}
    assert {a.name.strip('"') for a in whole.arguments if a.name not in left} == gone
    for argument in whole.arguments:
        touched = free.call_touches(whole, [argument.name])
        assert permits(scoping, None, touched) == (argument.name in left)


def test_a_value_spells_out_arguments_of_its_own():
    value = {"and": [{"email": {"eq": "x"}}, {"a.b": 1}], "or": None}
    assert set(spelled_in("where", value)) == {
        "where.and", "where.or", "where.and.email", "where.and.email.eq", 'where.and."a.b"',
    }  # fmt: skip
    assert spelled_in("where", "email") == []
    graph = _graph()
    operation = graph.operations["listContacts"]
    scoped = View(graph, Scoping(blocked_columns={"Contact": ("email",)}))
    assert View(graph).may_give(operation, spelled_in("where", value))
    assert not scoped.may_give(operation, spelled_in("where", value))
    assert scoped.may_give(operation, spelled_in("where", {"name": {"eq": "x"}}))
