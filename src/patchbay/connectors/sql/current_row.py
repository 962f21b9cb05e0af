"""The record an update would change, as a read of what the view shows of it."""

from __future__ import annotations

from typing import Literal

import msgspec
import sqlglot
from sqlglot import exp

from patchbay.schema_graph.call import Caps, Column, FrozenCall, Output, SqlCall, SqlSlot, statement_of
from patchbay.schema_graph.model import Field, Object


def current_row(call: FrozenCall, record: Object, dialect: Literal["postgres", "mysql"]) -> FrozenCall | None:
    """A read of the record that ``call``, an update, would find now; None when nothing of it may be shown."""
    shown = [field for field in record.fields if field.readable and _has_zone(field, call.time_zone)]
    update = sqlglot.parse_one(statement_of(call).sql, read=dialect)
    where, table = update.args.get("where"), update.this
    if not shown or not isinstance(where, exp.Where) or not isinstance(table, exp.Table):
        return None
    found = where.this.copy()
    slots = _slots_of(found, statement_of(call).slots)
    columns = [
        exp.column(exp.to_identifier(field.name, quoted=True), table=exp.to_identifier(table.alias_or_name, quoted=True))
        for field in shown
    ]
    select = exp.select(*columns).from_(table.copy()).where(found).limit(exp.Literal.number(2))
    return msgspec.structs.replace(
        call,
        effect="read",
        body=SqlCall(sql=select.sql(dialect=dialect), slots=slots),
        outputs=tuple(Output(field.name, _column(record, field)) for field in shown),
        caps=Caps(rows=1),
        guarantee=None,
    )


def _slots_of(found: exp.Expr, slots: tuple[SqlSlot, ...]) -> tuple[SqlSlot, ...]:
    """The slots of a condition's placeholders, which are numbered anew where they have numbers."""
    numbered = list(found.find_all(exp.Parameter))
    if not numbered:
        count = sum(1 for _ in found.find_all(exp.Placeholder))
        return slots[len(slots) - count :]  # what an UPDATE compares stands last
    order = list(dict.fromkeys(int(one.this.name) for one in numbered))
    for one in numbered:
        one.set("this", exp.Literal.number(order.index(int(one.this.name)) + 1))
    return tuple(slots[number - 1] for number in order)


def _has_zone(field: Field, time_zone: str | None) -> bool:
    local = "datetime" in (field.type, field.item_type) and not field.zoned
    return time_zone is not None or not local


def _column(record: Object, field: Field) -> Column:
    return Column(
        object=record.name,
        field=field.name,
        type=field.type,
        native_type=field.native_type,
        nullable=field.nullable,
        zoned=field.zoned,
        item_type=field.item_type,
    )
