"""Whatever the schema and the binding are: for MySQL too it is one SELECT, with a slot a placeholder and no value in its text."""

from __future__ import annotations

import sqlglot
from hypothesis import given
from sqlglot import exp

from patchbay.bindings.compile.mysql import compile_mysql
from patchbay.connectors.sql.mysql.literals import template
from patchbay.connectors.sql.provenance import read_statement
from patchbay.schema_graph.call import Plan, SqlCall
from patchbay.schema_graph.scoping import View
from tests.bindings.test_sql_properties import ORDINARY, TELLTALE, calls


@given(calls())
@ORDINARY
def test_it_is_one_select_and_reads_back_the_same(made: tuple[View, Plan, SqlCall]):
    view, plan, _ = made
    call = compile_mysql(plan, view)
    (statement,) = sqlglot.parse(call.sql, dialect="mysql")
    assert isinstance(statement, exp.Select)
    assert statement.sql("mysql") == call.sql
    assert not list(statement.find_all(exp.Star, exp.Subquery, exp.Union, exp.DML, exp.DDL, exp.Command))
    assert len(template(call.sql)) == len(call.slots) + 1 == len(list(statement.find_all(exp.Placeholder))) + 1


@given(calls())
@ORDINARY
def test_no_value_is_in_the_text(made: tuple[View, Plan, SqlCall]):
    view, plan, _ = made
    statement = sqlglot.parse_one(compile_mysql(plan, view).sql, dialect="mysql")
    literals = [literal.name.lower() for literal in statement.find_all(exp.Literal)]
    assert len(literals) == 1, "only the limit"
    assert not any(telltale in literal for literal in literals for telltale in TELLTALE)


@given(calls())
@ORDINARY
def test_the_proof_reads_every_name_as_it_is(made: tuple[View, Plan, SqlCall]):
    view, plan, call = made[0], made[1], compile_mysql(made[1], made[0])
    read = read_statement(call.sql, "mysql")
    touched = {(touch.object, field) for touch in plan.touches for field in touch.fields or ()}
    names = {}
    for name in view.object_names():
        obj = view.object(name)
        assert obj is not None
        names[obj.native_schema, obj.native_name] = name
    assert {(names[one.schema, one.table], one.column) for one in read.references} <= touched
    returned = [*(output.column for output in plan.outputs), *call.compared]
    assert [one is not None and one.column for one in read.outputs] == [column.field for column in returned]
