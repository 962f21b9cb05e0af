"""A frozen statement made ready to run: what depends on the call alone is worked out once."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from zoneinfo import ZoneInfo

from patchbay.connectors.refusals import CallNotSupported
from patchbay.connectors.sql.decoding import Decoder
from patchbay.connectors.sql.mysql.backend import Answer
from patchbay.connectors.sql.mysql.execute import Source
from patchbay.connectors.sql.mysql.literals import encoder, statement, template
from patchbay.connectors.sql.mysql.values import check_compared, decoders_of
from patchbay.connectors.sql.results import Projection, listed_leaves
from patchbay.connectors.sql.source import SLACK_BYTES, STATEMENT_TIMEOUT_MS
from patchbay.schema_graph.arguments import Prepare, prepare_inputs, prepare_slots
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall, SqlCall, SqlSlot
from patchbay.schema_graph.coercion import zone_info

_NO_TIME = datetime.max
"""The time of a call that does not ask for it."""


class ReadyStatement:
    """A read of a MySQL or MariaDB database. ``run`` returns the source's own awaitable: one hop less while a caller waits."""

    __slots__ = (
        "_asks_time", "_columns", "_compared", "_encoders", "_fill", "_limit", "_parts", "_places", "_prepare", "_projection",
        "_rows", "_source_zone", "call", "seconds",
    )  # fmt: skip

    def __init__(self, call: FrozenCall) -> None:
        if not isinstance(call.body, SqlCall) or call.effect != "read":
            raise CallNotSupported
        self.call = call
        self._parts = template(call.body.sql)
        if len(self._parts) != len(call.body.slots) + 1:
            raise CallNotSupported
        # An optional input fills two placeholders with the same: it is written once.
        written, self._places = _distinct(call.body.slots)
        self._prepare: Prepare = prepare_inputs(call)
        self._fill = prepare_slots(written)
        self._asks_time = any(slot.now for slot in written)
        self._encoders = tuple([encoder(slot) for slot in written])
        self._rows = call.caps.rows + 1
        self._limit = call.caps.bytes + SLACK_BYTES
        self.seconds = min(call.caps.deadline_ms, STATEMENT_TIMEOUT_MS) / 1000
        self._projection = Projection(
            [output.leaf for output in call.outputs],
            call.caps,
            identifying=call.identifying,
            listed=listed_leaves(call.outputs),
        )
        self._columns = [output.column for output in call.outputs]
        self._compared = call.body.compared
        self._source_zone = zone_info(call.time_zone) if call.time_zone else None

    def values(self, context: CallContext, zone: ZoneInfo) -> bytes:
        """The statement with its values; raises what :mod:`patchbay.schema_graph.arguments` raises, and ValueNotAccepted."""
        # Few statements ask for the time of the call, and its zone takes longer to work out than a value to write.
        filled = self._fill(self._prepare(context), datetime.now(zone) if self._asks_time else _NO_TIME)
        literals = [write(value) for write, value in zip(self._encoders, filled, strict=True)]
        return statement(self._parts, [literals[place] for place in self._places])

    def run(self, source: Source, values: bytes, deadline: float) -> Awaitable[Answer]:
        """The rows, at most one more than the cap."""
        return source.execute(values, rows=self._rows, limit=self._limit, deadline=deadline)

    def result(self, source: Source, answer: Answer, *, zone_name: str, zone: ZoneInfo, duration_ms: float) -> CallResult:
        """The rows as the one shape every read has. SchemaChanged: a column is no longer of its type."""
        shown = len(self._columns)
        if self._compared:
            answer.rows = [row[:shown] for row in answer.rows]

        def decoders() -> tuple[Decoder, ...]:
            check_compared(self._compared, answer.types[shown:])
            return decoders_of(self._columns, answer.types[:shown], agent_zone=zone, source_zone=self._source_zone)

        return self._projection.result(answer, zone_name=zone_name, decoders_of=decoders, duration_ms=duration_ms)


def _distinct(slots: tuple[SqlSlot, ...]) -> tuple[list[SqlSlot], list[int]]:
    """Each slot once, and for every placeholder the place of its slot among them."""
    written: list[SqlSlot] = []
    places: list[int] = []
    for slot in slots:
        if slot not in written:
            written.append(slot)
        places.append(written.index(slot))
    return written, places
