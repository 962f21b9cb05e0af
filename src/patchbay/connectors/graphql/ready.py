"""A frozen GraphQL document made ready to run: everything of the request but its variables is written once."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from patchbay.connectors.graphql.answers import read_answer, read_mutation
from patchbay.connectors.http.answers import decoder_for
from patchbay.connectors.http.outcomes import Read
from patchbay.connectors.http.request import Request, object_of
from patchbay.connectors.http.results import Results, written
from patchbay.connectors.http.source import HttpSource
from patchbay.connectors.http.success import judge_of
from patchbay.connectors.refusals import CallNotSupported
from patchbay.egress.http import Answered
from patchbay.schema_graph.arguments import prepare_inputs
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall, GraphqlCall
from patchbay.schema_graph.idempotency_keys import call_key
from patchbay.schema_graph.requests import prepare_request

LONGEST_S = 10.0
_json = msgspec.json.Encoder(decimal_format="number").encode
_HEADERS = {"Content-Type": "application/json", "Accept": "application/graphql-response+json, application/json;q=0.9"}


class ReadyDocument:
    """A query or mutation of a GraphQL endpoint. ``run`` returns the source's own awaitable: one hop less for whoever waits."""

    __slots__ = (
        "_before",
        "_decoder",
        "_fill",
        "_judge",
        "_prepare",
        "_refusals",
        "_results",
        "_variables",
        "_write",
        "call",
        "seconds",
    )

    def __init__(self, call: FrozenCall) -> None:
        body = call.body
        if not isinstance(body, GraphqlCall):
            raise CallNotSupported
        if any(slot.place != "variable" for slot in body.slots):
            raise CallNotSupported
        self.call = call
        self.seconds = min(call.caps.deadline_ms / 1000, LONGEST_S)
        self._prepare = prepare_inputs(call)
        self._fill = prepare_request(call)
        self._variables = [(number, slot.path or (slot.name,)) for number, slot in enumerate(body.slots)]
        named = _json({"query": body.document, "operationName": body.operation_name})
        self._before = named[:-1] + b',"variables":'
        self._decoder = decoder_for(call)
        self._judge = judge_of(call, body)
        self._write = call.effect == "write"
        self._refusals = body.refusals
        self._results = Results(
            call, record=body.record, many=body.many, leaves=body.leaves, more=body.more, strict=not self._write
        )

    def values(self, context: CallContext, zone: ZoneInfo) -> Request:
        """The request; raises what :mod:`patchbay.schema_graph.arguments` raises, and ValueNotAccepted."""
        key = call_key(self.call, context)
        filled = self._fill(self._prepare(context), datetime.now(zone), key)
        body = self._before + _json(object_of(self._variables, filled)) + b"}"
        return Request("POST", "", _HEADERS, body, repeatable=not self._write, write=self._write, key=key)

    def run(self, source: HttpSource, values: Request, deadline: float) -> Awaitable[Read]:
        """The system's answer."""
        return source.send(values, self._read, deadline=deadline)

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
        if self._write:
            read = read_mutation(answered, self._decoder, self._refusals)
            if self._judge is not None and 200 <= read.status < 300:
                self._judge(read.payload)
            return read
        return read_answer(answered, self._decoder)
