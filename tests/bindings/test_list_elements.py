"""One element of a list in an answer: where it may be picked, and what leads to it on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bindings import crm, shop

STEPS = {
    ("notes", 0, "text"): ("notes", 0, "text"),
    ("tickets", 1, "subject"): ("tickets", "data", 1, "subject"),
    ("tickets", "data", 1, "subject"): ("tickets", "data", 1, "subject"),
    ("contact", "tickets", 0, "comments", 2, "body"): ("tickets", "data", 0, "comments", 2, "body"),
    ("tickets", 0, "comments", "body"): ("tickets", "data", 0, "comments", "body"),
    ("tags", 3): ("tags", 3),
    ("tickets", 0, "labels", 1): ("tickets", "data", 0, "labels", 1),
}


def of(*path: Any, **members: Any) -> dict[str, Any]:
    return {"operation": "findContact", "projection": [{"path": list(path), "leaf": "x"}]} | members


@pytest.mark.parametrize("path", STEPS, ids=str)
def test_a_number_stands_behind_its_list_on_the_wire(path: tuple[Any, ...]) -> None:
    made = crm.compiled(**of(*path))
    assert made.leaves == (STEPS[path],)


@pytest.mark.parametrize(
    ("path", "many", "kind"),
    [
        (("tickets", 0, "subject"), False, "string"),
        (("tickets", "subject"), True, "string"),
        (("tags", 0), False, "string"),
        (("tickets", 0, "comments", "body"), True, "string"),
        (("tickets", 0, "labels", 1), False, "enum"),
    ],
)
def test_what_is_picked_is_a_list_no_more(path: tuple[Any, ...], many: bool, kind: str) -> None:
    column = crm.bind(**of(*path)).plan.outputs[0].column
    assert (column.many, column.type, column.nullable) == (many, kind, True)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ((0, "name"), "path_invalid"),
        (("notes", 0, 1, "text"), "path_invalid"),
        (("name", 0), "pick_not_a_list"),
        (("company", 0, "name"), "pick_not_a_list"),
        (("contact", 0, "name"), "pick_not_a_list"),
        (("address", 0, "city"), "pick_not_a_list"),
        (("tickets", 0), "path_not_scalar"),
        (("tickets", 0, "nothing"), "unknown_path"),
    ],
)
def test_where_there_is_no_list_nothing_is_picked(path: tuple[Any, ...], code: str) -> None:
    assert [f.code for f in crm.refused(**of(*path))] == [code]


@pytest.mark.parametrize(
    "path", [["orders", 2, "total"], ["orders", "edges", 2, "node", "total"], ["orders", "edges", "node", 2, "total"]]
)
def test_graphql_asks_for_the_list_up_to_the_one_that_is_taken(path: list[Any]) -> None:
    plain = {"operation": "query.customers", "inputs": [], "limit": 5}
    whole = shop.compiled(**plain | {"projection": [{"path": ["orders", "total"], "leaf": "x"}]})
    picked = shop.compiled(**plain | {"projection": [{"path": path, "leaf": "x"}]})
    assert picked.document == whole.document.replace("orders(first: 20)", "orders(first: 3)")
    both = shop.compiled(**plain | {"projection": [{"path": path, "leaf": "x"}, {"path": ["orders", "total"], "leaf": "y"}]})
    assert both.document == whole.document
    assert whole.leaves == (("orders", "edges", "node", "total"),)
    assert picked.leaves == (("orders", "edges", 2, "node", "total"),)
