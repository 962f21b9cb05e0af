"""What the optimizer expects a statement to look at, with made-up values: all inputs given, and each optional one alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pymysql

from patchbay.connectors.sql.mysql.literals import encoder, statement, template
from patchbay.connectors.sql.mysql.refusals import error_number
from patchbay.connectors.sql.mysql.session import Connection
from patchbay.schema_graph.arguments import prepare_slots
from patchbay.schema_graph.call import Candidate, SqlSlot, statement_of

MOST = 8
_VIEW_HIDES_ITS_PLAN = 1345
_SCANS = ("ALL", "index")
_SAMPLES: Mapping[str, Any] = {
    "string": "~", "integer": 1, "decimal": Decimal(1), "number": 1.0, "boolean": True, "date": date(2020, 1, 1),
    "time": time(12), "datetime": datetime(2020, 1, 1, 12), "duration": timedelta(hours=1),
    "uuid": "00000000-0000-0000-0000-000000000000", "bytes": b"~",
}  # fmt: skip


class Estimate(msgspec.Struct, frozen=True):
    """The rows looked at in all, and the aliases of what is read from end to end. None where the optimizer does not say."""

    rows: int | None
    scanned: tuple[str, ...]


def estimate(connection: Connection, candidate: Candidate) -> Estimate:
    """The estimate for ``candidate`` by EXPLAIN, which runs nothing. Raises pymysql.Error."""
    call = statement_of(candidate)
    parts = template(call.sql)
    writers = [encoder(slot) for slot in call.slots]
    found: list[Estimate] = []
    for values in _value_sets(candidate):
        literals = [write(value) for write, value in zip(writers, values, strict=True)]
        found.append(_explain(connection, statement(parts, literals)))
    return max(found, key=lambda one: (bool(one.scanned), one.rows or 0))


def _explain(connection: Connection, sql: bytes) -> Estimate:
    with connection.cursor() as cursor:
        try:
            cursor.execute("EXPLAIN " + sql.decode())
        except pymysql.Error as error:
            if error_number(error) == _VIEW_HIDES_ITS_PLAN:
                return Estimate(None, ())
            raise
        names = [column[0] for column in cursor.description]
        steps = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    together, looked_at = 1, 0
    for step in steps:
        together *= max(1, int(step["rows"] or 1))
        looked_at += together
    scanned = tuple(str(step["table"]) for step in steps if step["type"] in _SCANS)
    return Estimate(looked_at, scanned)


def _value_sets(candidate: Candidate) -> list[list[Any]]:
    slots = statement_of(candidate).slots
    optional = [one.param for one in candidate.plan.inputs if not one.required and any(s.param == one.param for s in slots)]
    enums = {one.param: one.enum[0] for one in candidate.plan.inputs if one.enum}
    fixed = prepare_slots(slots)(dict.fromkeys([slot.param for slot in slots if slot.param is not None]), datetime.now(UTC))
    everything = [value if slot.param is None else _sample(slot, enums) for slot, value in zip(slots, fixed, strict=True)]
    if len(optional) < 2:
        return [everything]
    alone = [
        [None if slot.param in optional and slot.param != kept else value for slot, value in zip(slots, everything, strict=True)]
        for kept in optional[:MOST]
    ]
    return [everything, *alone]


def _sample(slot: SqlSlot, enums: Mapping[str, str]) -> Any:
    value = enums.get(slot.param or "") or _SAMPLES.get(slot.type)
    return [value] if slot.many and value is not None else value
