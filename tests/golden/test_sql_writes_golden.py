"""Bindings of inserts and updates and the statements they compile to, side by side, for both kinds of database."""

from typing import Any

import msgspec
import pytest
import sqlglot
from sqlglot import exp

from patchbay.schema_graph.call import SqlCall, SqlRead
from tests.bindings.bookshop import compiled
from tests.golden.loader import cases, same, strays

FOLDERS = {"postgres": "sql-writes", "mysql": "sql-mysql-writes"}
CASES = [(kind, name, body) for kind, folder in FOLDERS.items() for name, body in cases(folder)]


def shown(call: SqlCall, kind: str) -> str:
    """The statements, each laid out by the library that made it, with one line a slot."""
    parts = [_statement("the write", call, kind)]
    parts += [_statement("reading it back", call.read_back, kind)] if call.read_back is not None else []
    parts += [_statement("finding out whether it is written", call.confirm, kind)] if call.confirm is not None else []
    return "\n".join([*parts, f"-- one of: {', '.join(call.one_of) or 'nothing'}", ""])


def _statement(what: str, call: SqlCall | SqlRead, kind: str) -> str:
    mark = "$" if kind == "postgres" else "? "
    slots = [f"-- {mark}{n}: {msgspec.json.encode(slot).decode()}" for n, slot in enumerate(call.slots, 1)]
    return "\n".join([f"-- {what}", sqlglot.parse_one(call.sql, dialect=kind).sql(kind, pretty=True) + ";", *slots])


@pytest.mark.parametrize(("kind", "name", "body"), CASES, ids=[f"{kind}-{name}" for kind, name, _ in CASES])
def test_a_write_compiles_to_its_statements(kind: str, name: str, body: dict[str, Any]) -> None:
    call = compiled(kind, **body)
    same(FOLDERS[kind], name, shown(call, kind))
    for statement in (call, call.read_back, call.confirm):
        if statement is not None:
            tree = sqlglot.parse_one(statement.sql, dialect=kind)
            assert tree.sql(kind) == statement.sql
            assert all(one.quoted for one in tree.find_all(exp.Identifier))


def test_no_result_is_without_its_input() -> None:
    assert [strays(folder) for folder in FOLDERS.values()] == [set(), set()]
