"""A plan as one parameterized SELECT, INSERT or UPDATE for PostgreSQL. What is the same for every database is in `select.py` and
`write.py`.

- A placeholder is cast to its column's type without length or precision, so that the server neither cuts nor rounds the
  value; a type of the owner's (an enum, a domain) is left to the server, which takes the column's.
- An optional input's condition also holds when nothing was given: ``(column = $1 OR $1 IS NULL)``. The server plans with the
  values at hand, so an index still serves. Where a plan demands one of them, a last condition asks that one was given.
- Nulls sort last.
- A write returns its record itself (RETURNING).
- A list is ``ARRAY(SELECT … ORDER BY key LIMIT n)``: its elements keep their type, which the answer tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlglot import exp

from patchbay.bindings.compile.select import identifier
from patchbay.bindings.compile.write import Write, confirmed, one_of
from patchbay.schema_graph.call import Column, Filter, ListRead, Order, Plan, SqlCall, SqlRead
from patchbay.schema_graph.scoping import View

_DIALECT = "postgres"
_MODIFIER = re.compile(r"\(\s*\d+(?:\s*,\s*-?\d+)?\s*\)")
_COMPARED: Mapping[str, type[exp.Binary]] = {
    "eq": exp.EQ,
    "ne": exp.NullSafeNEQ,
    "lt": exp.LT,
    "le": exp.LTE,
    "gt": exp.GT,
    "ge": exp.GTE,
}
_CASTS: Mapping[str, exp.DType] = {
    "text": exp.DType.TEXT,
    "character varying": exp.DType.VARCHAR,
    "varchar": exp.DType.VARCHAR,
    "character": exp.DType.BPCHAR,
    "bpchar": exp.DType.BPCHAR,
    "smallint": exp.DType.SMALLINT,
    "integer": exp.DType.INT,
    "bigint": exp.DType.BIGINT,
    "numeric": exp.DType.DECIMAL,
    "real": exp.DType.FLOAT,
    "double precision": exp.DType.DOUBLE,
    "boolean": exp.DType.BOOLEAN,
    "date": exp.DType.DATE,
    "time without time zone": exp.DType.TIME,
    "time with time zone": exp.DType.TIMETZ,
    "timestamp without time zone": exp.DType.TIMESTAMP,
    "timestamp with time zone": exp.DType.TIMESTAMPTZ,
    "interval": exp.DType.INTERVAL,
    "uuid": exp.DType.UUID,
    "inet": exp.DType.INET,
}


def compile_postgres(plan: Plan, view: View) -> SqlCall:
    """The statement and its slots. Raises KeyError for an object that is not in the view."""
    statement = _Statement(plan, view)
    if plan.effect == "read":
        return SqlCall(sql=statement.tree().sql(dialect=_DIALECT), slots=tuple(statement.slots))
    tree = statement.insert() if plan.verb == "insert" else statement.update()
    if plan.outputs:
        tree.set("returning", exp.Returning(expressions=statement.outputs()))
    return SqlCall(
        sql=tree.sql(dialect=_DIALECT), slots=tuple(statement.slots), confirm=_confirm(plan, view), one_of=one_of(plan)
    )


def _confirm(plan: Plan, view: View) -> SqlRead | None:
    again = confirmed(plan, view)
    if again is None:
        return None
    statement = _Statement(again, view)
    compared = () if plan.outputs else tuple(condition.column for condition in again.filters[:1])
    tree = statement.tree().select(*(statement.plain(column) for column in compared))
    return SqlRead(sql=tree.sql(dialect=_DIALECT), slots=tuple(statement.slots), compared=compared)


class _Statement(Write):
    def __init__(self, plan: Plan, view: View) -> None:
        super().__init__(plan, view)
        self._placeholders: dict[tuple[str, str, bool], exp.Expr] = {}

    def _compared(self, column: exp.Column, condition: Filter, *, many: bool) -> exp.Expr:
        placeholder = self._placeholder(condition, many=many)
        if many:
            return exp.EQ(this=column, expression=exp.Any(this=exp.Paren(this=placeholder)))
        return _COMPARED[condition.op](this=column, expression=placeholder)

    def _absent(self, condition: Filter, *, many: bool) -> exp.Expr:
        return exp.Is(this=self._placeholder(condition, many=many).copy(), expression=exp.Null())

    def _target(self, field: str) -> exp.Column:
        return exp.Column(this=identifier(field))

    def _placeholder(self, condition: Filter, *, many: bool) -> exp.Expr:
        """The placeholder of a filter's value. One parameter compared with columns of one type is sent once."""
        key = (condition.param or "", condition.column.native_type, many)
        if condition.param is not None and key in self._placeholders:
            return self._placeholders[key]
        self.slots.append(self._slot(condition, many=many))
        made = _cast(exp.Parameter(this=exp.Literal.number(len(self.slots))), condition.column.native_type, many=many)
        if condition.param is not None:
            self._placeholders[key] = made
        return made

    def _listed(self, one: ListRead, column: Column) -> exp.Expr:
        select = self._elements(one, column)
        key = self._column(one.path, one.key)
        desc = one.direction == "desc"
        select = select.order_by(exp.Ordered(this=key, desc=desc, nulls_first=desc)).limit(self._plan.caps.elements + 1)
        return exp.Array(expressions=[select])

    def _ordered(self, order: Order) -> Sequence[exp.Expr]:
        """NULLS LAST is said only where it means something: an index read backwards has nulls first."""
        desc = order.direction == "desc"
        column = self._column(order.column.via, order.column.field)
        return (exp.Ordered(this=column, desc=desc, nulls_first=desc and not order.column.nullable),)


def _cast(placeholder: exp.Parameter, native_type: str, *, many: bool) -> exp.Expr:
    kind = _CASTS.get(" ".join(_MODIFIER.sub("", native_type).split()).lower())
    if kind is None:
        return placeholder
    to = exp.DataType(this=kind)
    if many:
        to = exp.DataType(this=exp.DType.ARRAY, expressions=[to], nested=True)
    return exp.Cast(this=placeholder, to=to)
