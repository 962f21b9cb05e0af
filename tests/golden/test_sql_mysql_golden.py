"""Bindings and the statements they compile to for MySQL and MariaDB, side by side."""

from typing import Any

import msgspec
import pytest
import sqlglot
from sqlglot import exp

from patchbay.connectors.sql.mysql.literals import template
from patchbay.schema_graph.call import SqlCall
from tests.bindings.boutique import compiled
from tests.golden.loader import cases, same, strays

CASES = dict(cases("sql-mysql"))


def shown(call: SqlCall) -> str:
    """The statement, laid out by the library that made it, and one line a slot."""
    slots = [f"-- ? {n}: {msgspec.json.encode(slot).decode()}" for n, slot in enumerate(call.slots, 1)]
    return "\n".join([sqlglot.parse_one(call.sql, dialect="mysql").sql("mysql", pretty=True) + ";", *slots]) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_a_binding_compiles_to_its_statement(name: str):
    body: dict[str, Any] = CASES[name]
    same("sql-mysql", name, shown(compiled(**body)))


@pytest.mark.parametrize("name", CASES)
def test_there_is_a_slot_for_each_placeholder_and_nothing_but_a_select(name: str):
    call = compiled(**CASES[name])
    assert len(template(call.sql)) == len(call.slots) + 1
    (statement,) = sqlglot.parse(call.sql, dialect="mysql")
    assert isinstance(statement, exp.Select)
    assert statement.sql("mysql") == call.sql
    assert all(one.quoted for one in statement.find_all(exp.Identifier))


def test_no_result_is_without_its_input():
    assert strays("sql-mysql") == set()
