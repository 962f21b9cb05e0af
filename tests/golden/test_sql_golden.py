"""Bindings and the statements they compile to, side by side."""

from typing import Any

import msgspec
import pytest
import sqlglot

from patchbay.schema_graph.call import SqlCall
from tests.bindings.clinic import compiled
from tests.golden.loader import cases, same, strays

CASES = dict(cases("sql"))


def shown(call: SqlCall) -> str:
    """The statement, laid out by the library that made it, and one line a slot."""
    slots = [f"-- ${n}: {msgspec.json.encode(slot).decode()}" for n, slot in enumerate(call.slots, 1)]
    return "\n".join([sqlglot.parse_one(call.sql, dialect="postgres").sql("postgres", pretty=True) + ";", *slots]) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_a_binding_compiles_to_its_statement(name: str):
    body: dict[str, Any] = CASES[name]
    same("sql", name, shown(compiled(**body)))


def test_no_result_is_without_its_input():
    assert strays("sql") == set()
