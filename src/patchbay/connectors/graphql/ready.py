"""A frozen GraphQL document made ready to run: everything of the request but its variables is written once."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from patchbay.connectors.graphql.answers import read_answer
from patchbay.connectors.http.answers import decoder_for
from patchbay.connectors.http.outcomes import Read
from patchbay.connectors.http.request import Request, object_of
from patchbay.connectors.http.results import Results
from patchbay.connectors.http.source import HttpSource
from patchbay.connectors.refusals import CallNotSupported
from patchbay.egress.http import Answered
from patchbay.schema_graph.arguments import prepare_inputs
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall, GraphqlCall
from patchbay.schema_graph.requests import prepare_request

LONGEST_S = 10.0
_json = msgspec.json.Encoder(decimal_format="number").encode
_HEADERS = {"Content-Type": "application/json", "Accept": "application/graphql-response+json, application/json;q=0.9"}


class ReadyDocument:
    """A query of a GraphQL endpoint. ``run`` returns the source's own awaitable: one hop less while a caller waits."""

    __slots__ = ("_before", "_decoder", "_fill", "_prepare", "_results", "_variables", "call", "seconds")

    def __init__(self, call: FrozenCall) -> None:
        body = call.body
        if not isinstance(body, GraphqlCall) or call.effect != "read":
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
        self._results = Results(call, record=body.record, many=body.many, leaves=body.leaves, more=body.more, strict=True)

    def values(self, context: CallContext, zone: ZoneInfo) -> Request:
        """The request; raises what :mod:`patchbay.schema_graph.arguments` raises, and ValueNotAccepted."""
        filled = self._fill(self._prepare(context), datetime.now(zone))
        body = self._before + _json(object_of(self._variables, filled)) + b"}"
        return Request("POST", "", _HEADERS, body, repeatable=True)

    def run(self, source: HttpSource, values: Request, deadline: float) -> Awaitable[Read]:
        """The system's answer."""
        return source.send(values, self._read, deadline=deadline)

    def result(self, source: HttpSource, answer: Read, *, zone_name: str, zone: ZoneInfo, duration_ms: float) -> CallResult:
        """The records as the one shape every read has."""
        return self._results.result(
            answer.payload,
            zone_name=zone_name,
            zone=zone,
            duration_ms=duration_ms,
            notes=answer.notes,
            withheld=source.withheld,
        )

    def _read(self, answered: Answered) -> Read:
        return read_answer(answered, self._decoder)
