"""Whatever the schema and the binding are: one SELECT, nothing of the values in it, and nothing touched that is not told."""

from __future__ import annotations

from typing import Any

import sqlglot
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from patchbay.bindings.check import BindingInvalid, Target, check
from patchbay.bindings.compile.sql import compile_postgres
from patchbay.bindings.model import parse_binding
from patchbay.schema_graph.blocking import Scoping, permits
from patchbay.schema_graph.call import Plan, SqlCall
from patchbay.schema_graph.model import Argument, Edge, Field, FieldType, Graph, Key, Object
from patchbay.schema_graph.naming import object_name, quote_part, unique_slugs
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import View

NATIVE: dict[FieldType, str] = {
    "string": "character varying(40)",
    "integer": "bigint",
    "decimal": "numeric(8,3)",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamp without time zone",
    "uuid": "uuid",
    "enum": 'sales."Odd mood"',
    "json": "jsonb",
}
VALUES: dict[FieldType, Any] = {
    "string": "ZQX'; DROP TABLE zqx; --",
    "integer": 8_675_309,
    "decimal": "86753.09",
    "boolean": True,
    "date": "2031-07-09",
    "datetime": "2031-07-09T08:07:06Z",
    "uuid": "8d3e1a52-0a55-4a5e-9a39-0d9f5f6f8f01",
    "enum": "ZQX label",
    "number": 86753.09,
    "time": "08:07:06",
    "duration": "PT8675309S",
    "bytes": "WlFY",
}
TELLTALE = ("zqx", "8675309", "86753.09", "2031", "8d3e1a52")
ODD = [
    'a"b',
    "a.b",
    "select",
    "from",
    "x;--",
    "/*",
    "$1",
    "new\nline",
    "ünï",
    "' OR 1=1",
    "%s",
    "\\",
    "Ωmega",
    " ",
    "r",
    "j1",
    "null",
]
IDENTIFIERS = st.sampled_from(ODD) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12
)
TARGET = Target(connection_id="con_1", kind="postgres", time_zone="Europe/Berlin", default_country="GB")


@st.composite
def schemas(draw: st.DrawFn) -> View:
    """Up to four tables of oddly named columns of every type, with to-one edges of one or two pairs between them."""
    natives = draw(
        st.lists(st.tuples(st.sampled_from(["public", 'S"x.', "Ärger"]), IDENTIFIERS), min_size=1, max_size=4, unique=True)
    )
    names = [object_name(schema, name, "public") for schema, name in natives]
    columns = {name: draw(st.lists(IDENTIFIERS, min_size=2, max_size=5, unique=True)) for name in names}
    slugs = unique_slugs(names)
    objects: dict[str, Object] = {}
    for (schema, native), name in zip(natives, names, strict=True):
        key = (Key("pk", (columns[name][0],), primary=True),) if draw(st.booleans()) else ()
        objects[name] = Object(
            name=name,
            slug=slugs[name],
            kind="table",
            native_schema=schema,
            native_name=native,
            fields=tuple(draw(_field(column)) for column in columns[name]),
            edges=tuple(draw(st.lists(_edge(columns, name), max_size=2, unique_by=lambda edge: edge.name))),
            keys=key,
            estimate=10,
        )
    return View(Graph("postgres", "public", objects, RecordOperations(objects)))


@st.composite
def _field(draw: st.DrawFn, name: str) -> Field:
    kind = draw(st.sampled_from(list(NATIVE)))
    enum = ("ZQX label", "other") if kind == "enum" else ()
    return Field(name=name, type=kind, native_type=NATIVE[kind], enum=enum, indexed=draw(st.booleans()))


@st.composite
def _edge(draw: st.DrawFn, columns: dict[str, list[str]], own: str) -> Edge:
    target = draw(st.sampled_from(list(columns)))
    count = draw(st.integers(1, 2))
    pairs = tuple(zip(columns[own][:count], columns[target][:count], strict=True))
    return Edge(name=draw(IDENTIFIERS), target=target, cardinality="many_to_one", pairs=pairs)


@st.composite
def bindings(draw: st.DrawFn, view: View) -> dict[str, Any]:
    """A binding over what can be reached; most of them are sound."""
    root = view.object(draw(st.sampled_from(list(view.object_names()))))
    assert root is not None
    paths = [[quote_part(f.name)] for f in root.fields]
    for edge in root.edges:
        target = view.object(edge.target)
        assert target is not None
        paths += [[quote_part(edge.name), quote_part(f.name)] for f in target.fields]
    arguments = {argument.name: argument for argument in view.arguments(_read(view, root.name))}
    names = draw(st.lists(st.sampled_from(sorted(arguments)), max_size=4)) if arguments else []
    inputs = [
        {"param": f"p{n}", "arg": name, "required": draw(st.booleans())}
        | draw(st.sampled_from([{}, {"source": "constant", "value": _value(arguments[name])}]))
        for n, name in enumerate(names)
    ]
    filtered = draw(st.lists(st.sampled_from(sorted(arguments)), max_size=3)) if arguments else []
    return {
        "toolName": "t",
        "operation": f"{root.name}.read",
        "inputs": inputs,
        "filters": [draw(_rule(arguments[name])) for name in filtered],
        "projection": [
            {"path": path, "leaf": f"l{n}"}
            for n, path in enumerate(draw(st.lists(st.sampled_from(paths), min_size=1, max_size=5)))
        ],
        "orderBy": [
            {"path": path, "direction": draw(st.sampled_from(["asc", "desc"]))}
            for path in draw(st.lists(st.sampled_from(paths), max_size=2))
        ],
        "limit": draw(st.sampled_from([1, 5, 50])),
    }


def _value(argument: Argument) -> Any:
    return argument.enum[0] if argument.enum else VALUES[argument.type]


def _rule(argument: Argument) -> st.SearchStrategy[dict[str, Any]]:
    value, kind = _value(argument), argument.type
    rules: list[dict[str, Any]] = [{"value": value}, {"op": "ne", "value": value}, {"op": "in", "value": [value, value]}]
    rules += [{"op": "is_null"}, {"op": "not_null"}]
    rules += (
        [{"op": "ge", "value": value}, {"op": "lt", "value": value}] if kind not in ("boolean", "uuid", "enum", "bytes") else []
    )
    rules += [{"op": "le", "value": {"now": True}}] if kind in ("date", "datetime") else []
    return st.sampled_from(rules).map(lambda rule: {"arg": argument.name} | rule)


def _read(view: View, name: str) -> Any:
    operation = view.operation(f"{name}.read")
    assert operation is not None
    return operation


def _compiled(view: View, body: dict[str, Any]) -> tuple[Plan, SqlCall] | None:
    try:
        plan = check(parse_binding(body), view, TARGET).plan
    except BindingInvalid:
        return None
    return plan, compile_postgres(plan, view)


@st.composite
def calls(draw: st.DrawFn) -> tuple[View, Plan, SqlCall]:
    view = draw(schemas())
    made = _compiled(view, draw(bindings(view)))
    if made is None:
        plain = _plain(view)
        assume(plain is not None)
        made = _compiled(view, plain)
        assert made is not None
    return view, *made


def _plain(view: View) -> dict[str, Any] | None:
    """A simple sound binding: the first field of an object, listed by one that can be sorted by."""
    for name in view.object_names():
        obj = view.object(name)
        assert obj is not None
        path = [quote_part(obj.fields[0].name)]
        body = {"toolName": "t", "operation": f"{name}.read", "projection": [{"path": path, "leaf": "l"}], "limit": 5}
        for sortable in obj.fields:
            ordered = body | {"orderBy": [{"path": [quote_part(sortable.name)]}]}
            if _compiled(view, ordered) is not None:
                return ordered
    return None


ORDINARY = settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@given(calls())
@ORDINARY
def test_it_is_one_select_and_reads_back_the_same(made: tuple[View, Plan, SqlCall]):
    _, plan, call = made
    statements = sqlglot.parse(call.sql, dialect="postgres")
    assert len(statements) == 1
    (statement,) = statements
    assert isinstance(statement, exp.Select)
    assert statement.sql(dialect="postgres") == call.sql
    assert list(statement.find_all(exp.Select)) == [statement]
    assert not list(
        statement.find_all(
            exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Command, exp.Into, exp.Star, exp.Anonymous, exp.Lock
        )
    )
    limit = statement.args["limit"]
    assert limit.expression.sql() == str(plan.caps.rows + (0 if plan.ranked else 1))


@given(calls())
@ORDINARY
def test_no_value_is_in_the_text(made: tuple[View, Plan, SqlCall]):
    _, _, call = made
    statement = sqlglot.parse_one(call.sql, dialect="postgres")
    literals = [one for one in statement.find_all(exp.Literal) if not isinstance(one.parent, (exp.Limit, exp.Parameter))]
    assert literals == []
    assert not list(statement.find_all(exp.Boolean))
    assert not any(word in call.sql.lower() for word in TELLTALE)
    numbers = {int(one.name) for one in statement.find_all(exp.Parameter)}
    assert numbers == set(range(1, len(call.slots) + 1))


@given(calls())
@ORDINARY
def test_every_identifier_is_quoted_and_every_column_told(made: tuple[View, Plan, SqlCall]):
    view, plan, call = made
    statement = sqlglot.parse_one(call.sql, dialect="postgres")
    assert all(one.quoted for one in statement.find_all(exp.Identifier))
    natives = {}
    for name in view.object_names():
        obj = view.object(name)
        assert obj is not None
        natives[obj.native_schema, obj.native_name] = name
    aliases = {table.alias: natives[table.db, table.name] for table in statement.find_all(exp.Table)}
    touched = {touch.object: set(touch.fields or ()) for touch in plan.touches}
    used = {(aliases[column.table], column.name) for column in statement.find_all(exp.Column)}
    assert all(field in touched[name] for name, field in used)
    assert {item.object for item in plan.slice} == set(aliases.values())
    assert [output.alias for output in statement.expressions] == [output.leaf for output in plan.outputs]


@given(calls(), st.data())
@ORDINARY
def test_blocking_any_column_it_uses_stops_the_call(made: tuple[View, Plan, SqlCall], data: st.DataObject):
    _, plan, call = made
    statement = sqlglot.parse_one(call.sql, dialect="postgres")
    tables = {table.alias: (table.db, table.name) for table in statement.find_all(exp.Table)}
    column = data.draw(st.sampled_from(list(statement.find_all(exp.Column))))
    schema, native = tables[column.table]
    scoping = Scoping(blocked_columns={f"{_exact(schema)}.{_exact(native)}": (column.name,)})
    assert not permits(scoping, "public", plan.touches)


def _exact(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
