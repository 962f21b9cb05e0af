"""What the writes of both kinds of database have in common: one INSERT of one row or one UPDATE, built as a syntax tree.

- What is set is a placeholder, fixed values too. An optional input of an update that was not given leaves its column as it is:
  ``COALESCE(placeholder, column)``, which is exact, since nothing that can be given is null.
- An update compares nothing but equality.
- Beside a write that a unique key keeps from happening twice stands a read that finds its record only if it holds what was
  written: when it is not known whether the write took effect, that read may tell. It compares what is set but the time of the
  call, and there is none where a column has no equality.
"""

from __future__ import annotations

from abc import abstractmethod

import msgspec
from sqlglot import exp

from patchbay.bindings.compile.select import Select, identifier
from patchbay.schema_graph.call import Assign, Caps, Column, Filter, Plan
from patchbay.schema_graph.model import Field
from patchbay.schema_graph.scoping import View


class Write(Select):
    """The statement of a plan that may be a write."""

    @abstractmethod
    def _target(self, field: str) -> exp.Column:
        """A column where an UPDATE sets it."""

    @abstractmethod
    def _placeholder(self, condition: Filter, *, many: bool) -> exp.Expr:
        """The placeholder of a value of a column."""

    def insert(self) -> exp.Insert:
        """One row, with the columns that are set; the others are the database's."""
        assigned = self._plan.assigned
        columns = [identifier(one.column.field) for one in assigned]
        row = exp.Tuple(expressions=[self._placeholder(as_filter(one), many=False) for one in assigned])
        into = exp.Schema(this=self._table_of_record(), expressions=columns)
        return exp.Insert(this=into, expression=exp.Values(expressions=[row]))

    def update(self) -> exp.Update:
        """The record that the filters find."""
        sets = [exp.EQ(this=self._target(one.column.field), expression=self._value(one)) for one in self._plan.assigned]
        found = exp.and_(*(self._condition(condition) for condition in self._plan.filters))
        return exp.Update(this=self._table(self._plan.object, ()), expressions=sets, where=exp.Where(this=found))

    def _table_of_record(self) -> exp.Table:
        """The table without an alias where nothing is said of it: MySQL's INSERT takes none."""
        table = self._table(self._plan.object, ())
        if self._view.kind == "mysql":
            table.set("alias", None)
        return table

    def _value(self, one: Assign) -> exp.Expr:
        placeholder = self._placeholder(as_filter(one), many=False)
        if not self._is_optional(as_filter(one)):
            return placeholder
        return exp.Coalesce(this=placeholder, expressions=[self._column((), one.column.field)])


def as_filter(one: Assign) -> Filter:
    """That a column equals what it is set to."""
    return Filter(one.column, "eq", param=one.param, value=one.value, now=one.now)


def one_of(plan: Plan) -> tuple[str, ...]:
    """The inputs of which one has to be given, where nothing but the time of the call is set without any."""
    inputs = {given.param: given for given in plan.inputs}
    set_by = [inputs[one.param] for one in plan.assigned if one.param is not None]
    return () if any(given.required for given in set_by) else tuple(one.param for one in set_by if one.source != "derived")


def key_filters(plan: Plan, view: View) -> tuple[Filter, ...]:
    """What finds the written record by its key. A key an insert does not set is the one the server numbers: it has no value."""
    compared = {condition.column.field: condition for condition in plan.filters}
    compared |= {one.column.field: as_filter(one) for one in plan.assigned if plan.verb == "insert"}
    found: list[Filter] = []
    for name in plan.key:
        field = _field(plan, view, name)
        numbered = Column(object=plan.object, field=name, type=field.type, native_type=field.native_type, nullable=field.nullable)
        found.append(compared.get(name) or Filter(numbered, "eq"))
    return tuple(found)


def found_again(plan: Plan, view: View) -> Plan:
    """The read of the written record."""
    return msgspec.structs.replace(
        plan, effect="read", verb="read", filters=key_filters(plan, view), assigned=(), caps=Caps(rows=1), demand_one=False
    )


def confirmed(plan: Plan, view: View) -> Plan | None:
    """The read of the record as it was written; None where it would prove nothing."""
    if plan.guarantee != "unique_key" or not all(_field(plan, view, one.column.field).filterable for one in plan.assigned):
        return None
    again = found_again(plan, view)
    written = [as_filter(one) for one in plan.assigned if not one.now and one.column.field not in plan.key]
    if plan.verb == "update" and not written:
        return None
    return msgspec.structs.replace(again, filters=(*again.filters, *written))


def _field(plan: Plan, view: View, name: str) -> Field:
    obj = view.object(plan.object)
    field = None if obj is None else obj.field(name)
    if field is None:
        raise KeyError(name)
    return field
