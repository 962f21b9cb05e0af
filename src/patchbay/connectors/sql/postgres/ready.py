"""A frozen statement made ready to run: what depends on the call alone is worked out once."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from patchbay.connectors.refusals import CallNotSupported
from patchbay.connectors.sql.decoding import Decoder
from patchbay.connectors.sql.postgres.backend import Answer
from patchbay.connectors.sql.postgres.execute import Source
from patchbay.connectors.sql.postgres.parameters import Encoder, encoder
from patchbay.connectors.sql.postgres.values import decoders_of
from patchbay.connectors.sql.results import Projection, listed_leaves
from patchbay.connectors.sql.source import SLACK_BYTES, STATEMENT_TIMEOUT_MS
from patchbay.schema_graph.arguments import Prepare, prepare_inputs, prepare_slots
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall, SqlCall
from patchbay.schema_graph.coercion import zone_info


class ReadyStatement:
    """A read of a PostgreSQL database. ``run`` returns the source's own awaitable: one hop less while a caller waits."""

    __slots__ = ("_encoders", "_fill", "_limit", "_prepare", "_projection", "_rows", "_source_zone", "_sql", "call", "seconds")

    def __init__(self, call: FrozenCall) -> None:
        if not isinstance(call.body, SqlCall) or call.effect != "read":
            raise CallNotSupported
        self.call = call
        self._sql = call.body.sql.encode()
        self._prepare: Prepare = prepare_inputs(call)
        self._fill = prepare_slots(call.body.slots)
        self._encoders: tuple[Encoder, ...] = tuple(encoder(slot) for slot in call.body.slots)
        self._rows = call.caps.rows + 1
        self._limit = call.caps.bytes + SLACK_BYTES
        self.seconds = min(call.caps.deadline_ms, STATEMENT_TIMEOUT_MS) / 1000
        self._projection = Projection(
            [output.leaf for output in call.outputs],
            call.caps,
            identifying=call.identifying,
            listed=listed_leaves(call.outputs),
        )
        self._source_zone = zone_info(call.time_zone) if call.time_zone else None

    def values(self, context: CallContext, zone: ZoneInfo) -> list[bytes | None]:
        """The text of every placeholder; raises what :mod:`patchbay.schema_graph.arguments` raises."""
        filled: list[Any] = self._fill(self._prepare(context), datetime.now(zone))
        return [write(value) for write, value in zip(self._encoders, filled, strict=True)]

    def run(self, source: Source, values: list[bytes | None], deadline: float) -> Awaitable[Answer]:
        """The rows, at most one more than the cap."""
        return source.execute(self._sql, values, rows=self._rows, limit=self._limit, deadline=deadline)

    def result(self, source: Source, answer: Answer, *, zone_name: str, zone: ZoneInfo, duration_ms: float) -> CallResult:
        """The rows as the one shape every read has."""

        def decoders() -> tuple[Decoder, ...]:
            return decoders_of(answer.oids, agent_zone=zone, source_zone=self._source_zone, elements=source.elements)

        return self._projection.result(answer, zone_name=zone_name, decoders_of=decoders, duration_ms=duration_ms)
