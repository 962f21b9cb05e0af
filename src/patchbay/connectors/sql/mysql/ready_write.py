"""A frozen insert or update made ready to run: what depends on the call alone is worked out once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from patchbay.connectors.refusals import CallNotSupported
from patchbay.connectors.sql.decoding import Decoder
from patchbay.connectors.sql.mysql.backend import Answer
from patchbay.connectors.sql.mysql.execute import Asked, Source
from patchbay.connectors.sql.mysql.literals import encoder, literal, statement, template
from patchbay.connectors.sql.mysql.values import check_compared, decoders_of
from patchbay.connectors.sql.results import Projection
from patchbay.connectors.sql.source import SLACK_BYTES, STATEMENT_TIMEOUT_MS
from patchbay.connectors.sql.writing import Written
from patchbay.connectors.sql.written import demand_one, done, exact
from patchbay.schema_graph.arguments import prepare_inputs, prepare_slots
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall, SqlCall, SqlRead
from patchbay.schema_graph.coercion import zone_info

_ROWS = 2
"""One more than a write may be of."""
_ANY_ZONE = ZoneInfo("UTC")


class Sent(NamedTuple):
    """A write as it is sent, and what gives the read that finds the record as it was written."""

    write: Asked
    confirm: Callable[[], Asked] | None


class _Filled:
    """A statement whose placeholders are filled from a run's values."""

    def __init__(self, made_of: SqlCall | SqlRead) -> None:
        self._parts = template(made_of.sql)
        if len(self._parts) != len(made_of.slots) + 1:
            raise CallNotSupported
        self._fill = prepare_slots(made_of.slots)
        self._encoders = [encoder(slot) for slot in made_of.slots]
        self._made = [at for at, slot in enumerate(made_of.slots) if slot.made]
        self._exact = exact(made_of.slots)

    def literals(self, values: Mapping[str, Any], now: datetime) -> list[bytes]:
        filled = self._fill(values, now)
        self._exact(filled)
        return [write(value) for write, value in zip(self._encoders, filled, strict=True)]

    def statement(self, literals: list[bytes], made: int = 0) -> bytes:
        """``made`` is the number the server gave the record."""
        for at in self._made:
            literals[at] = literal(made)
        return statement(self._parts, literals)


class ReadyWrite:
    """A write of one record of a MySQL or MariaDB database."""

    def __init__(self, call: FrozenCall) -> None:
        if not isinstance(call.body, SqlCall) or call.effect != "write":
            raise CallNotSupported
        body = call.body
        self.call = call
        self.seconds = min(call.caps.deadline_ms, STATEMENT_TIMEOUT_MS) / 1000
        self._limit = call.caps.bytes + SLACK_BYTES
        self._prepare = prepare_inputs(call)
        self._demand = demand_one(call, body)
        self._write = _Filled(body)
        self._read_back = None if body.read_back is None else _Filled(body.read_back)
        self._confirm = None if body.confirm is None else _Filled(body.confirm)
        self._compared = body.read_back.compared if body.read_back is not None else ()
        self._columns = [output.column for output in call.outputs]
        self._projection = Projection([output.leaf for output in call.outputs], call.caps, identifying=False)
        self._source_zone = zone_info(call.time_zone) if call.time_zone else None

    def values(self, context: CallContext, zone: ZoneInfo) -> Sent:
        """The statements with their values; raises what :mod:`patchbay.schema_graph.arguments` raises, and ValueNotAccepted."""
        values = self._prepare(context)
        self._demand(values)
        now, again = context.now(zone), self._read_back
        read_back = None if again is None else partial(again.statement, again.literals(values, now))
        asked = Asked(self._write.statement(self._write.literals(values, now)), _ROWS, self._limit, read_back)
        return Sent(asked, None if self._confirm is None else partial(self._confirming, self._confirm, values, now))

    def _confirming(self, confirm: _Filled, values: Mapping[str, Any], now: datetime) -> Asked:
        return Asked(confirm.statement(confirm.literals(values, now)), _ROWS, self._limit)

    def run(self, source: Source, values: Sent, deadline: float) -> Awaitable[Written[Answer]]:
        """The write, committed."""
        return source.write(values.write, inspect=self.inspect, confirm=values.confirm, deadline=deadline)

    def inspect(self, answer: Answer) -> None:
        """Raises SchemaChanged, before anything lasts, where a column is no longer of its type."""
        if answer.types:
            shown = len(self._columns)
            check_compared(self._compared, answer.types[shown:])
            self._decoders(answer.types[:shown], _ANY_ZONE)

    def result(
        self, source: Source, answer: Written[Answer], *, zone_name: str, zone: ZoneInfo, duration_ms: float
    ) -> CallResult:
        """What came back of the record."""
        found, shown = answer.answer, len(self._columns)
        found.rows = [row[:shown] for row in found.rows] if shown else []
        found.types = found.types[:shown]
        result = self._projection.result(
            found,
            zone_name=zone_name,
            decoders_of=lambda: self._decoders(found.types, zone),
            duration_ms=duration_ms,
        )
        return done(result, confirmed=answer.confirmed, expected=shown > 0)

    def _decoders(self, types: tuple[int, ...], zone: ZoneInfo) -> tuple[Decoder, ...]:
        return decoders_of(self._columns, types, agent_zone=zone, source_zone=self._source_zone)
