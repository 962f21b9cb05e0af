"""What the planner expects a statement to cost, with made-up values: all inputs given, and each optional one alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from patchbay.connectors.sql.postgres.backend import Backend
from patchbay.connectors.sql.postgres.parameters import encoder
from patchbay.connectors.sql.postgres.quoting import literal
from patchbay.schema_graph.call import Candidate, SqlSlot, statement_of

MOST = 8
_SAMPLES: Mapping[str, str] = {
    "string": "~", "integer": "1", "decimal": "1", "number": "1", "boolean": "true", "date": "2020-01-01", "time": "12:00",
    "datetime": "2020-01-01 12:00+00", "duration": "1 hour", "uuid": "00000000-0000-0000-0000-000000000000",
}  # fmt: skip


class Estimate(msgspec.Struct, frozen=True):
    """The dearest plan's total cost and rows, and the names of the tables it reads from end to end."""

    cost: float
    rows: float
    scanned: tuple[str, ...]


async def estimate(backend: Backend, candidate: Candidate, deadline: float) -> Estimate:
    """The estimate for ``candidate``. Nothing is executed (``PREPARE``, ``EXPLAIN EXECUTE``); needs an open transaction."""
    await backend.command(b"SET LOCAL plan_cache_mode = force_custom_plan", deadline)
    name = f"pb_estimate_{secrets.token_hex(6)}"
    await backend.command(f"PREPARE {name} AS {statement_of(candidate).sql}".encode(), deadline)
    found = [await _explain(backend, name, values, deadline) for values in _value_sets(candidate)]
    await backend.command(f"DEALLOCATE {name}".encode(), deadline)
    return max(found, key=lambda one: (bool(one.scanned), one.cost))


async def _explain(backend: Backend, name: str, values: Sequence[str], deadline: float) -> Estimate:
    given = f"({', '.join(values)})" if values else ""
    explain = f"EXPLAIN (FORMAT JSON) EXECUTE {name}{given}"
    answer = await backend.run(explain.encode(), [], rows=1, limit=1_048_576, deadline=deadline)
    plan = msgspec.json.decode(answer.rows[0][0] or b"[]")[0]["Plan"]
    scanned = tuple(str(node.get("Relation Name")) for node in _nodes(plan) if node.get("Node Type") == "Seq Scan")
    return Estimate(float(plan["Total Cost"]), float(plan["Plan Rows"]), scanned)


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in cast("list[Mapping[str, Any]]", plan.get("Plans", [])):
        yield from _nodes(below)


def _value_sets(candidate: Candidate) -> list[list[str]]:
    slots = statement_of(candidate).slots
    optional = [one.param for one in candidate.plan.inputs if not one.required and any(s.param == one.param for s in slots)]
    enums = {one.param: one.enum[0] for one in candidate.plan.inputs if one.enum}
    everything = [_sample(slot, enums) for slot in slots]
    if len(optional) < 2:
        return [everything]
    alone = [
        [
            "NULL" if slot.param in optional and slot.param != kept else value
            for slot, value in zip(slots, everything, strict=True)
        ]
        for kept in optional[:MOST]
    ]
    return [everything, *alone]


def _sample(slot: SqlSlot, enums: Mapping[str, str]) -> str:
    if slot.param is None and not slot.now:
        written = encoder(slot)(slot.value)
        return "NULL" if written is None else literal(written.decode())
    text = enums.get(slot.param or "") or _SAMPLES.get(slot.type)
    if text is None:
        return "NULL"
    written = encoder(slot)([text] if slot.many else text)
    return "NULL" if written is None else literal(written.decode())
