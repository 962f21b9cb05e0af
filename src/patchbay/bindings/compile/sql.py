"""A plan as one parameterized SELECT for PostgreSQL, built as a syntax tree and never from text.

- Every identifier is quoted; tables are named with their schema; columns are listed one by one and named after the leaves.
- Every value is a placeholder, fixed ones too. It is cast to its column's type without length or precision, so that the
  server neither cuts nor rounds it; a type of the owner's (an enum, a domain) is left to the server, which takes the column's.
- A neighbour is LEFT JOINed: a record without one still comes back.
- An optional input's condition also holds when nothing was given: ``(column = $1 OR $1 IS NULL)``. The server plans with the
  values at hand, so an index still serves. Where a plan demands one of them, a last condition asks that one was given.
- Nulls sort last. One row more than the cap is asked for, to know that there were more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlglot import exp

from patchbay.schema_graph.call import CallInput, Column, Filter, Join, Order, Plan, SqlCall, SqlSlot
from patchbay.schema_graph.model import Object
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
    return SqlCall(sql=statement.tree().sql(dialect=_DIALECT), slots=tuple(statement.slots))


class _Statement:
    def __init__(self, plan: Plan, view: View) -> None:
        self._plan = plan
        self._view = view
        self._aliases: dict[tuple[str, ...], str] = {(): "r"}
        for number, join in enumerate(plan.joins, 1):
            self._aliases[*join.source, join.edge] = f"j{number}"
        self._inputs = {one.param: one for one in plan.inputs}
        self._placeholders: dict[tuple[str, str, bool], exp.Expr] = {}
        self.slots: list[SqlSlot] = []

    def tree(self) -> exp.Select:
        plan = self._plan
        select = exp.select(*(self._output(output.column, output.leaf) for output in plan.outputs))
        select = select.from_(self._table(plan.object, ()))
        for join in plan.joins:
            table = self._table(join.target, (*join.source, join.edge))
            select = select.join(table, on=self._on(join), join_type="left")
        conditions = [self._condition(condition) for condition in plan.filters]
        if plan.demand_one:
            conditions.append(_any_of([_given(self._optional_of(condition)) for condition in plan.filters]))
        if conditions:
            select = select.where(*conditions)
        if plan.order:
            select = select.order_by(*(self._ordered(order) for order in plan.order))
        # One row more than is wanted tells that there are more; of the first so many in an order, nobody asks.
        return select.limit(exp.Literal.number(plan.caps.rows + (0 if plan.ranked else 1)))

    def _object(self, name: str) -> Object:
        found = self._view.object(name)
        if found is None:
            raise KeyError(name)
        return found

    def _table(self, name: str, path: tuple[str, ...]) -> exp.Table:
        obj = self._object(name)
        return exp.Table(
            this=_identifier(obj.native_name or obj.name),
            db=_identifier(obj.native_schema) if obj.native_schema else None,
            alias=exp.TableAlias(this=_identifier(self._aliases[path])),
        )

    def _column(self, path: tuple[str, ...], field: str) -> exp.Column:
        return exp.Column(this=_identifier(field), table=_identifier(self._aliases[path]))

    def _output(self, column: Column, leaf: str) -> exp.Expr:
        return exp.Alias(this=self._column(column.via, column.field), alias=_identifier(leaf))

    def _on(self, join: Join) -> exp.Expr:
        path = (*join.source, join.edge)
        return exp.and_(
            *(exp.EQ(this=self._column(join.source, own), expression=self._column(path, other)) for own, other in join.pairs)
        )

    def _condition(self, condition: Filter) -> exp.Expr:
        column = self._column(condition.column.via, condition.column.field)
        if condition.op == "is_null":
            return exp.Is(this=column, expression=exp.Null())
        if condition.op == "not_null":
            return exp.Not(this=exp.Is(this=column, expression=exp.Null()))
        many = self._takes_many(condition)
        placeholder = self._placeholder(condition, many=many)
        if many:
            compared: exp.Expr = exp.EQ(this=column, expression=exp.Any(this=exp.Paren(this=placeholder)))
        else:
            compared = _COMPARED[condition.op](this=column, expression=placeholder)
        if self._is_optional(condition):
            return exp.Paren(this=exp.Or(this=compared, expression=_absent(placeholder.copy())))
        return compared

    def _takes_many(self, condition: Filter) -> bool:
        given = self._inputs.get(condition.param or "")
        return condition.op == "in" or (given is not None and given.codec != "plain")

    def _is_optional(self, condition: Filter) -> bool:
        given = self._inputs.get(condition.param or "")
        return given is not None and not given.required

    def _optional_of(self, condition: Filter) -> exp.Expr:
        return self._placeholder(condition, many=self._takes_many(condition)).copy()

    def _placeholder(self, condition: Filter, *, many: bool) -> exp.Expr:
        """The placeholder of a filter's value. One parameter compared with columns of one type is sent once."""
        key = (condition.param or "", condition.column.native_type, many)
        if condition.param is not None and key in self._placeholders:
            return self._placeholders[key]
        self.slots.append(self._slot(condition, self._inputs.get(condition.param or ""), many=many))
        made = _cast(exp.Parameter(this=exp.Literal.number(len(self.slots))), condition.column.native_type, many=many)
        if condition.param is not None:
            self._placeholders[key] = made
        return made

    def _slot(self, condition: Filter, given: CallInput | None, *, many: bool) -> SqlSlot:
        column = condition.column
        local = column.type in ("datetime", "date") and not column.zoned
        value: Any = condition.value
        if isinstance(value, tuple):
            value = list(cast("tuple[Any, ...]", value))
        return SqlSlot(
            native_type=column.native_type,
            type=column.type,
            param=given.param if given is not None else None,
            value=value if given is None else None,
            now=condition.now,
            many=many,
            zoned=column.zoned,
            time_zone=self._plan.time_zone if local and column.type == "datetime" else None,
        )

    def _ordered(self, order: Order) -> exp.Expr:
        """NULLS LAST is said only where it means something: an index read backwards has nulls first."""
        desc = order.direction == "desc"
        column = self._column(order.column.via, order.column.field)
        return exp.Ordered(this=column, desc=desc, nulls_first=desc and not order.column.nullable)


def _identifier(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def _cast(placeholder: exp.Parameter, native_type: str, *, many: bool) -> exp.Expr:
    kind = _CASTS.get(" ".join(_MODIFIER.sub("", native_type).split()).lower())
    if kind is None:
        return placeholder
    to = exp.DataType(this=kind)
    if many:
        to = exp.DataType(this=exp.DType.ARRAY, expressions=[to], nested=True)
    return exp.Cast(this=placeholder, to=to)


def _absent(placeholder: exp.Expr) -> exp.Expr:
    return exp.Is(this=placeholder, expression=exp.Null())


def _given(placeholder: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=placeholder, expression=exp.Null()))


def _any_of(conditions: Sequence[exp.Expr]) -> exp.Expr:
    return exp.Paren(this=exp.or_(*conditions)) if len(conditions) > 1 else conditions[0]
