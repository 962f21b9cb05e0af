"""A plan as one parameterized SELECT, INSERT or UPDATE for MySQL and MariaDB. What is the same for every database is in
`select.py` and `write.py`.

- A placeholder is ``?``, one a slot, as these servers prepare it. There are no arrays: the placeholder of a list stands in
  ``IN (?)`` and is filled with all its values.
- An optional input's condition also holds when nothing was given: ``(column = ? OR ? IS NULL)``, for a list ``(column IN (?) OR
  COALESCE(?) IS NULL)``. The server gets the values with the statement and works the second half out before it plans, so an
  index still serves. Where a plan demands one of them, a last condition asks that one was given.
- ``IS DISTINCT FROM`` is ``NOT (a <=> b)``.
- A column's collation may take one text for another: `josé@` for `jose@`, `straße` for `strasse`, any emoji for any other. An
  e-mail address, and what the session or a verification says of the caller, is somebody's: such a condition holds only where the
  letters are the same too. The collation's own comparison stays beside it, for the index. What a model was told is compared as
  the column's owner wants it compared.
- What is compared with a value comes along behind the outputs: these servers would compare a column that was made another type
  since with the value's number, and take `abc` for 0. So the call can see by the answer's types that it must not be used.
- There are no arrays, and in a subquery that is grouped no limit that both servers know. A list is one text: how many there are,
  and the values in the order of the key, each the hexadecimal digits of its own text or `-` for null: ``2:31;-``. It ends at the
  key of the last one within the cap, which a subquery of its own finds. So a list that was cut by the server cannot be taken for
  a whole one. Its first value comes along behind the outputs, for its type.
- Nulls come first when ascending and last when descending: only the first has to be turned around, and only where there can be
  nulls, since a sort by an expression is not read off an index.
- A write returns nothing: its record is read back by its key, in the same transaction. What an update compares comes along there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlglot import exp

from patchbay.bindings.compile.write import Write, confirmed, found_again, key_filters, one_of
from patchbay.schema_graph.call import Column, Filter, ListRead, Order, Plan, SqlCall, SqlRead
from patchbay.schema_graph.scoping import View

_DIALECT = "mysql"
_COMPARED: Mapping[str, type[exp.Binary]] = {"eq": exp.EQ, "lt": exp.LT, "le": exp.LTE, "gt": exp.GT, "ge": exp.GTE}


def compile_mysql(plan: Plan, view: View) -> SqlCall:
    """The statement and its slots. Raises KeyError for an object that is not in the view."""
    if plan.effect == "read":
        read = _read(plan, view, plan.filters)
        return SqlCall(sql=read.sql, slots=read.slots, compared=read.compared)
    statement = _Statement(plan, view)
    tree = statement.insert() if plan.verb == "insert" else statement.update()
    again = confirmed(plan, view)
    return SqlCall(
        sql=tree.sql(dialect=_DIALECT),
        slots=tuple(statement.slots),
        read_back=_read_back(plan, view),
        confirm=None if again is None else _read(again, view, again.filters, letters=True),
        one_of=one_of(plan),
    )


def _read_back(plan: Plan, view: View) -> SqlRead | None:
    if plan.verb == "insert" and not plan.outputs:
        return None
    read = _read(found_again(plan, view), view, plan.filters or key_filters(plan, view))
    numbered = [msgspec.structs.replace(s, made=True) if s.param is None and s.value is None else s for s in read.slots]
    return msgspec.structs.replace(read, slots=tuple(numbered))


def _read(plan: Plan, view: View, compared: Sequence[Filter], *, letters: bool = False) -> SqlRead:
    """The SELECT of a plan; the columns of ``compared`` come along."""
    statement = _Statement(plan, view, letters=letters)
    columns = (*_compared_only(plan, compared), *_listed_only(plan))
    tree = statement.tree().select(*(statement.plain(column) for column in columns))
    return SqlRead(sql=tree.sql(dialect=_DIALECT), slots=tuple(statement.slots), compared=columns)


class _Statement(Write):
    """Placeholders are numbered by where they stand: each is made when its place in the text is reached. ``letters``: texts are
    equal only letter by letter.
    """

    def __init__(self, plan: Plan, view: View, *, letters: bool = False) -> None:
        super().__init__(plan, view)
        self._letters = letters

    def _target(self, field: str) -> exp.Column:
        return self._column((), field)

    def plain(self, column: Column) -> exp.Expr:
        """A column as it stands; of one beyond a list, the first value."""
        if not column.many:
            return self._column(column.via, column.field)
        one = self._list_of(column)
        return exp.Subquery(this=self._elements(one, column).order_by(self._by_key(one)).limit(1))

    def _listed(self, one: ListRead, column: Column) -> exp.Expr:
        last = self._last(one)
        select = self._elements(one, column, lambda value: self._all(one, value))
        key = self._column(one.path, one.key)
        within = exp.GTE if one.direction == "desc" else exp.LTE
        return exp.Subquery(this=select.where(within(this=key, expression=exp.Coalesce(this=last, expressions=[key.copy()]))))

    def _all(self, one: ListRead, value: exp.Column) -> exp.Expr:
        """How many records there are, and the values of all of them in their order."""
        digits = exp.Coalesce(this=exp.Hex(this=_text(value)), expressions=[exp.Literal.string("-")])
        joined = exp.GroupConcat(this=exp.Order(this=digits, expressions=[self._by_key(one)]), separator=exp.Literal.string(";"))
        count = exp.Count(this=self._column(one.path, one.key), big_int=True)
        values = exp.Coalesce(this=joined, expressions=[exp.Literal.string("")])
        return exp.Concat(expressions=[count, exp.Literal.string(":"), values], safe=False)

    def _last(self, one: ListRead) -> exp.Expr:
        """The key of the one element beyond the cap; null where there are not so many."""
        column = Column(one.target, one.key, "string", "", via=one.path)
        select = self._elements(one, column).order_by(self._by_key(one))
        return exp.Subquery(this=select.limit(1).offset(self._plan.caps.elements))

    def _by_key(self, one: ListRead) -> exp.Ordered:
        desc = one.direction == "desc"
        return exp.Ordered(this=self._column(one.path, one.key), desc=desc, nulls_first=not desc)

    def _compared(self, column: exp.Column, condition: Filter, *, many: bool) -> exp.Expr:
        compared = self._compared_as_collated(column, condition, many=many)
        if not self._is_somebodys(condition):
            return compared
        return exp.and_(compared, self._compared_as_collated(_exact(column.copy()), condition, many=many))

    def _compared_as_collated(self, compared: exp.Expr, condition: Filter, *, many: bool) -> exp.Expr:
        placeholder = self._placeholder(condition, many=many)
        if many:
            return exp.In(this=compared, expressions=[placeholder])
        if condition.op == "ne":
            return exp.Not(this=exp.Paren(this=exp.NullSafeEQ(this=compared, expression=placeholder)))
        return _COMPARED[condition.op](this=compared, expression=placeholder)

    def _is_somebodys(self, condition: Filter) -> bool:
        given = self._inputs.get(condition.param or "")
        if condition.op not in ("eq", "in") or condition.column.type != "string":
            return False
        if self._letters:
            return True
        if given is None:
            return False
        return given.codec == "email" or (given.codec == "plain" and given.source in ("session", "verified"))

    def _absent(self, condition: Filter, *, many: bool) -> exp.Expr:
        placeholder = self._placeholder(condition, many=many)
        value = exp.Coalesce(this=placeholder) if many else placeholder
        return exp.Is(this=value, expression=exp.Null())

    def _placeholder(self, condition: Filter, *, many: bool) -> exp.Expr:
        self.slots.append(self._slot(condition, many=many))
        return exp.Placeholder()

    def _ordered(self, order: Order) -> Sequence[exp.Expr]:
        desc = order.direction == "desc"
        column = self._column(order.column.via, order.column.field)
        # In sqlglot's MySQL, nulls first is what ascending means: nothing is added to the text.
        sorted_by = exp.Ordered(this=column, desc=desc, nulls_first=not desc)
        if desc or not order.column.nullable:
            return (sorted_by,)
        return (exp.Ordered(this=exp.Is(this=column.copy(), expression=exp.Null()), desc=False, nulls_first=True), sorted_by)


def _compared_only(plan: Plan, compared: Sequence[Filter]) -> tuple[Column, ...]:
    """The columns that values are compared with and that are no output, each once."""
    shown = {(output.column.via, output.column.field) for output in plan.outputs}
    valued = [condition.column for condition in compared if condition.op not in ("is_null", "not_null")]
    return tuple({(one.via, one.field): one for one in valued if (one.via, one.field) not in shown}.values())


def _listed_only(plan: Plan) -> tuple[Column, ...]:
    """The columns that lists are of, each once."""
    listed = [output.column for output in plan.outputs if output.column.many]
    return tuple({(one.via, one.field): one for one in listed}.values())


def _exact(column: exp.Column) -> exp.Expr:
    """The column's text, compared character by character."""
    return exp.Collate(this=_text(column), expression=exp.var("utf8mb4_bin"))


def _text(column: exp.Column) -> exp.Expr:
    """The column's text, whatever its character set."""
    return exp.Cast(this=column, to=exp.DataType(this=exp.DType.CHARACTER_SET, kind=exp.var("utf8mb4")))
