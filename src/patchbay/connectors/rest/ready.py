"""A frozen request to a REST API made ready to run: what depends on the call alone is worked out once."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from zoneinfo import ZoneInfo

from patchbay.connectors.http.answers import decoded, decoder_for
from patchbay.connectors.http.outcomes import Read
from patchbay.connectors.http.request import Request, RequestTemplate
from patchbay.connectors.http.results import NOT_READ, Results, written
from patchbay.connectors.http.source import HttpSource
from patchbay.connectors.http.success import judge_of
from patchbay.connectors.refusals import CallNotSupported, SourceRefused
from patchbay.egress.http import Answered
from patchbay.schema_graph.arguments import prepare_inputs
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall, HttpCall
from patchbay.schema_graph.idempotency_keys import call_key
from patchbay.schema_graph.requests import prepare_request

LONGEST_S = 10.0


class ReadyRequest:
    """A read or write of a REST API. ``run`` returns the source's own awaitable: one hop less while a caller waits."""

    __slots__ = (
        "_absent",
        "_decoder",
        "_fill",
        "_judge",
        "_prepare",
        "_results",
        "_server",
        "_template",
        "_write",
        "call",
        "seconds",
    )

    def __init__(self, call: FrozenCall) -> None:
        body = call.body
        if not isinstance(body, HttpCall):
            raise CallNotSupported
        self.call = call
        self.seconds = min(call.caps.deadline_ms / 1000, LONGEST_S)
        self._write = call.effect == "write"
        self._prepare = prepare_inputs(call)
        self._fill = prepare_request(call)
        self._template = RequestTemplate(body)
        self._server = body.server
        self._decoder = decoder_for(call)
        self._judge = judge_of(call, body)
        self._results = Results(call, record=body.record, many=body.many, leaves=body.leaves, more=body.more)
        # A list, or what takes new records, that goes by nothing but its own path is always there, if it is anywhere.
        self._absent = not (body.many or self._write) or any(slot.place == "path" for slot in body.slots)

    def values(self, context: CallContext, zone: ZoneInfo) -> Request:
        """The request; raises what :mod:`patchbay.schema_graph.arguments` raises, and ValueNotAccepted."""
        key = call_key(self.call, context)
        filled = self._fill(self._prepare(context), datetime.now(zone), key)
        return self._template.build(filled, write=self._write, key=key)

    def run(self, source: HttpSource, values: Request, deadline: float) -> Awaitable[Read]:
        """The system's answer."""
        return source.send(values, self._read, server=self._server, deadline=deadline)

    def result(self, source: HttpSource, answer: Read, *, zone_name: str, zone: ZoneInfo, duration_ms: float) -> CallResult:
        """The records as the one shape every call has."""

        def make() -> CallResult:
            return self._results.result(
                answer.payload,
                zone_name=zone_name,
                zone=zone,
                duration_ms=duration_ms,
                notes=answer.notes,
                withheld=source.withheld,
            )

        return written(make, notes=answer.notes, duration_ms=duration_ms) if self._write else make()

    def _read(self, answered: Answered) -> Read:
        status = answered.status
        if 200 <= status < 300:
            return self._done(answered) if self._write else Read(status, decoded(answered, self._decoder))
        if status in (404, 410) and not self._absent:
            raise SourceRefused("The connected system no longer has this operation.")
        return Read(status)

    def _done(self, answered: Answered) -> Read:
        """The answer to a write that was made, whether or not it can be read. Without outputs nobody asks what it says."""
        if not self.call.outputs:
            return Read(answered.status)
        try:
            read = Read(answered.status, decoded(answered, self._decoder))
        except SourceRefused:
            read = Read(answered.status, None, (NOT_READ,))
        if self._judge is not None:
            self._judge(read.payload)
        return read
