"""A frozen insert or update made ready to run: what depends on the call alone is worked out once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from patchbay.connectors.refusals import CallNotSupported
from patchbay.connectors.sql.decoding import Decoder
from patchbay.connectors.sql.postgres.backend import Answer
from patchbay.connectors.sql.postgres.execute import Asked, Source
from patchbay.connectors.sql.postgres.parameters import encoder
from patchbay.connectors.sql.postgres.values import decoders_of
from patchbay.connectors.sql.results import Projection
from patchbay.connectors.sql.source import SLACK_BYTES, STATEMENT_TIMEOUT_MS
from patchbay.connectors.sql.writing import Written
from patchbay.connectors.sql.written import demand_one, done, exact
from patchbay.schema_graph.arguments import prepare_inputs, prepare_slots
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall, SqlCall, SqlRead
from patchbay.schema_graph.coercion import zone_info

_ROWS = 2
"""One more than a write may be of."""


class Sent(NamedTuple):
    """A write as it is sent, and what gives the read that finds the record as it was written."""

    write: Asked
    confirm: Callable[[], Asked] | None


class _Filled:
    """A statement whose placeholders are filled from a run's values."""

    def __init__(self, statement: SqlCall | SqlRead, limit: int) -> None:
        self._sql = statement.sql.encode()
        self._fill = prepare_slots(statement.slots)
        self._encoders = [encoder(slot) for slot in statement.slots]
        self._exact = exact(statement.slots)
        self._limit = limit

    def asked(self, values: Mapping[str, Any], now: datetime) -> Asked:
        filled = self._fill(values, now)
        self._exact(filled)
        return Asked(self._sql, [write(value) for write, value in zip(self._encoders, filled, strict=True)], _ROWS, self._limit)


class ReadyWrite:
    """A write of one record of a PostgreSQL database."""

    def __init__(self, call: FrozenCall) -> None:
        if not isinstance(call.body, SqlCall) or call.effect != "write":
            raise CallNotSupported
        limit = call.caps.bytes + SLACK_BYTES
        self.call = call
        self.seconds = min(call.caps.deadline_ms, STATEMENT_TIMEOUT_MS) / 1000
        self._prepare = prepare_inputs(call)
        self._demand = demand_one(call, call.body)
        self._write = _Filled(call.body, limit)
        self._confirm = None if call.body.confirm is None else _Filled(call.body.confirm, limit)
        self._leaves = [output.leaf for output in call.outputs]
        self._projection = Projection(self._leaves, call.caps, identifying=False)
        self._source_zone = zone_info(call.time_zone) if call.time_zone else None

    def values(self, context: CallContext, zone: ZoneInfo) -> Sent:
        """The text of every placeholder; raises what :mod:`patchbay.schema_graph.arguments` raises, and ValueNotAccepted."""
        values = self._prepare(context)
        self._demand(values)
        now = context.now(zone)
        confirm = None if self._confirm is None else partial(self._confirm.asked, values, now)
        return Sent(self._write.asked(values, now), confirm)

    def run(self, source: Source, values: Sent, deadline: float) -> Awaitable[Written[Answer]]:
        """The write, committed."""
        return source.write(values.write, inspect=_accept, confirm=values.confirm, deadline=deadline)

    def result(
        self, source: Source, answer: Written[Answer], *, zone_name: str, zone: ZoneInfo, duration_ms: float
    ) -> CallResult:
        """What came back of the record."""
        found, shown = answer.answer, len(self._leaves)
        found.rows = [row[:shown] for row in found.rows] if shown else []
        found.oids = found.oids[:shown]

        def decoders() -> tuple[Decoder, ...]:
            return decoders_of(found.oids, agent_zone=zone, source_zone=self._source_zone, elements=source.elements)

        result = self._projection.result(found, zone_name=zone_name, decoders_of=decoders, duration_ms=duration_ms)
        return done(result, confirmed=answer.confirmed, expected=shown > 0)


def _accept(_answer: Answer) -> None:
    """The statement's own types tell PostgreSQL what has changed: there is nothing to look at."""
