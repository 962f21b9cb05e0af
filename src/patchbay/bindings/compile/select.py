"""What the statements of both kinds of database have in common: one SELECT, built as a syntax tree and never from text.

- Every identifier is quoted; tables are named with their schema; columns are listed one by one and named after the leaves.
- Every value is a placeholder, fixed ones too.
- A neighbour is LEFT JOINed: a record without one still comes back.
- A list through a relationship to many records is a subquery in its output's place, with one element more than the cap.
- One row more than the cap is asked for, to know that there were more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, cast

from sqlglot import exp

from patchbay.schema_graph.call import CallInput, Column, Filter, Join, ListRead, Order, Output, Plan, SqlSlot
from patchbay.schema_graph.model import Object
from patchbay.schema_graph.scoping import View


class Select(ABC):
    """The statement of a plan. ``slots`` are what fills its placeholders, once :meth:`tree` has been built.

    A subclass says how its dialect compares, tells whether an input was given, and sorts. Raises KeyError for an object that
    is not in the view.
    """

    def __init__(self, plan: Plan, view: View) -> None:
        self._plan = plan
        self._view = view
        self._aliases: dict[tuple[str, ...], str] = {(): "r"}
        for number, join in enumerate(plan.joins, 1):
            self._aliases[*join.source, join.edge] = f"j{number}"
        self._inputs = {one.param: one for one in plan.inputs}
        self._lists = {one.path: one for one in plan.lists}
        self._subqueries = 0
        self.slots: list[SqlSlot] = []

    @abstractmethod
    def _compared(self, column: exp.Column, condition: Filter, *, many: bool) -> exp.Expr:
        """The condition while its input is given. ``many``: the value is a list, and the column equals one of it."""

    @abstractmethod
    def _absent(self, condition: Filter, *, many: bool) -> exp.Expr:
        """That the condition's input was not given."""

    @abstractmethod
    def _listed(self, one: ListRead, column: Column) -> exp.Expr:
        """The values of a column beyond a list, as one value in the place of an output."""

    @abstractmethod
    def _ordered(self, order: Order) -> Sequence[exp.Expr]:
        """The terms of one order, nulls last."""

    def tree(self) -> exp.Select:
        """The statement."""
        plan = self._plan
        select = exp.select(*self.outputs())
        select = select.from_(self._table(plan.object, ()))
        for join in plan.joins:
            table = self._table(join.target, (*join.source, join.edge))
            select = select.join(table, on=self._on(join), join_type="left")
        conditions = [self._condition(condition) for condition in plan.filters]
        if plan.demand_one:
            conditions.append(_any_of([self._given(condition) for condition in plan.filters]))
        if conditions:
            select = select.where(*conditions)
        if plan.order:
            select = select.order_by(*(term for order in plan.order for term in self._ordered(order)))
        # One row more than is wanted tells that there are more; of the first so many in an order, nobody asks.
        return select.limit(exp.Literal.number(plan.caps.rows + (0 if plan.ranked else 1)))

    def outputs(self) -> list[exp.Expr]:
        """What comes back, each column under its leaf."""
        return [self._output(output) for output in self._plan.outputs]

    def plain(self, column: Column) -> exp.Expr:
        """A column as it stands."""
        return self._column(column.via, column.field)

    def _object(self, name: str) -> Object:
        found = self._view.object(name)
        if found is None:
            raise KeyError(name)
        return found

    def _table(self, name: str, path: tuple[str, ...]) -> exp.Table:
        obj = self._object(name)
        return exp.Table(
            this=identifier(obj.native_name or obj.name),
            db=identifier(obj.native_schema) if obj.native_schema else None,
            alias=exp.TableAlias(this=identifier(self._aliases[path])),
        )

    def _column(self, path: tuple[str, ...], field: str) -> exp.Column:
        return exp.Column(this=identifier(field), table=identifier(self._aliases[path]))

    def _output(self, output: Output) -> exp.Expr:
        column = output.column
        value = self._column(column.via, column.field) if not column.many else self._listed(self._list_of(column), column)
        return exp.Alias(this=value, alias=identifier(output.leaf))

    def _list_of(self, column: Column) -> ListRead:
        return next(one for path, one in self._lists.items() if column.via[: len(path)] == path)

    def _elements(self, one: ListRead, column: Column, shown: Callable[[exp.Column], exp.Expr] | None = None) -> exp.Select:
        """The records of a list, joined as far as ``column`` lies: what is selected of them is the column, or ``shown`` of it.

        Each subquery has aliases of its own, so that no name in a statement means two things.
        """
        aliases = self._opened(one, column)
        value = self._column(column.via, column.field)
        select = exp.select(value if shown is None else shown(value))
        select = select.from_(self._table(one.target, one.path))
        for join in one.joins:
            path = (*join.source, join.edge)
            if path in aliases:
                select = select.join(self._table(join.target, path), on=self._on(join), join_type="left")
        return select.where(self._belongs(one))

    def _opened(self, one: ListRead, column: Column) -> list[tuple[str, ...]]:
        """The paths to the tables of a new subquery, which have aliases from here on."""
        self._subqueries += 1
        paths = [column.via[:length] for length in range(len(one.path), len(column.via) + 1)]
        for number, path in enumerate(paths):
            self._aliases[path] = f"l{self._subqueries}" if number == 0 else f"l{self._subqueries}j{number}"
        return paths

    def _belongs(self, one: ListRead) -> exp.Expr:
        """That a record of a list is one of the record's own."""
        return self._on(Join(one.source, one.edge, one.target, one.pairs))

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
        compared = self._compared(column, condition, many=many)
        if self._is_optional(condition):
            return exp.Paren(this=exp.Or(this=compared, expression=self._absent(condition, many=many)))
        return compared

    def _given(self, condition: Filter) -> exp.Expr:
        return exp.Not(this=self._absent(condition, many=self._takes_many(condition)))

    def _takes_many(self, condition: Filter) -> bool:
        given = self._inputs.get(condition.param or "")
        return condition.op == "in" or (given is not None and given.codec in ("phone", "email"))

    def _is_optional(self, condition: Filter) -> bool:
        given = self._inputs.get(condition.param or "")
        return given is not None and not given.required

    def _slot(self, condition: Filter, *, many: bool) -> SqlSlot:
        given: CallInput | None = self._inputs.get(condition.param or "")
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


def identifier(name: str) -> exp.Identifier:
    """A name, quoted."""
    return exp.to_identifier(name, quoted=True)


def _any_of(conditions: Sequence[exp.Expr]) -> exp.Expr:
    return exp.Paren(this=exp.or_(*conditions)) if len(conditions) > 1 else conditions[0]
