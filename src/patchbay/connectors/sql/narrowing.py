"""Which of a call's values decide which records a statement is about, read from the frozen statement's own text."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from patchbay.schema_graph.call import SqlCall, SqlSlot


def narrowed_by(body: SqlCall, dialect: str) -> frozenset[str]:
    """The parameters that every record of the statement's has to equal in one of its columns. What is set, or compared in any
    other way, narrows nothing; neither does what cannot be read.
    """
    try:
        tree = sqlglot.parse_one(body.sql, read=dialect)
    except (SqlglotError, RecursionError):
        return frozenset()
    where = tree.args.get("where")
    if not isinstance(where, exp.Where):
        return frozenset()
    # Those with a number are found by it. The others are counted: what is compared stands last, and in the text's order.
    unnumbered = list(where.find_all(exp.Placeholder, bfs=False))
    last = dict(zip(map(id, unnumbered), body.slots[len(body.slots) - len(unnumbered) :], strict=False))
    slots = [_slot(value, body, last) for condition in _joined(where.this) for value in _equals(condition)]
    return frozenset(slot.param for slot in slots if slot is not None and slot.param is not None)


def _joined(condition: exp.Expr) -> list[exp.Expr]:
    """The conditions that all have to hold."""
    if isinstance(condition, exp.Paren):
        return _joined(condition.this)
    if isinstance(condition, exp.And):
        return [*_joined(condition.left), *_joined(condition.right)]
    return [condition]


def _equals(condition: exp.Expr) -> list[exp.Expr]:
    """The placeholders of one condition that a column has to equal (one of)."""
    if isinstance(condition, exp.EQ):
        return list(condition.expression.find_all(exp.Parameter, exp.Placeholder))
    if isinstance(condition, exp.In):
        return [found for one in condition.expressions for found in one.find_all(exp.Parameter, exp.Placeholder)]
    return []


def _slot(value: exp.Expr, body: SqlCall, last: dict[int, SqlSlot]) -> SqlSlot | None:
    if isinstance(value, exp.Parameter):
        number = int(value.this.name) if str(value.this.name).isdecimal() else 0
        return body.slots[number - 1] if 1 <= number <= len(body.slots) else None
    return last.get(id(value))
