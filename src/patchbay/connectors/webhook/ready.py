"""A frozen webhook call made ready to run."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from patchbay.connectors.http.answers import decoded, decoder_for
from patchbay.connectors.http.outcomes import Read
from patchbay.connectors.http.request import Request, RequestTemplate
from patchbay.connectors.http.results import NOT_READ
from patchbay.connectors.http.source import HttpSource
from patchbay.connectors.refusals import CallNotSupported, OutcomeUnknown, SourceRefused
from patchbay.connectors.webhook.rows import result_of
from patchbay.connectors.webhook.signing import ID
from patchbay.egress.http import Answered
from patchbay.schema_graph.arguments import prepare_inputs
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall, HttpCall
from patchbay.schema_graph.idempotency_keys import sendable_key
from patchbay.schema_graph.requests import prepare_request

LONGEST_S = 8.0


class ReadyWebhook:
    """A call of a webhook. One that says what keeps it from happening twice (nothing, that is) is sent at most once, also when
    nobody said whether it changes anything.
    """

    __slots__ = ("_decoder", "_fill", "_once", "_prepare", "_returns", "_template", "call", "seconds")

    def __init__(self, call: FrozenCall) -> None:
        body = call.body
        if not isinstance(body, HttpCall) or body.server is not None:
            raise CallNotSupported
        self.call = call
        self.seconds = min(call.caps.deadline_ms / 1000, LONGEST_S)
        self._once = call.effect == "write" or call.guarantee is not None
        self._prepare = prepare_inputs(call)
        self._fill = prepare_request(call)
        self._template = RequestTemplate(body)
        self._decoder = decoder_for(call)
        self._returns = tuple(output.leaf for output in call.outputs)

    def values(self, context: CallContext, zone: ZoneInfo) -> Request:
        """The request; raises what :mod:`patchbay.schema_graph.arguments` raises, and ValueNotAccepted."""
        filled = self._fill(self._prepare(context), datetime.now(zone))
        request = self._template.build(filled, write=self._once)
        name = sendable_key(context.idempotency_key) if context.idempotency_key else str(uuid4())
        request.headers[ID] = name
        return request

    def run(self, source: HttpSource, values: Request, deadline: float) -> Awaitable[Read]:
        """The endpoint's answer."""
        return source.send(values, self._read, deadline=deadline)

    def result(self, source: HttpSource, answer: Read, *, zone_name: str, zone: ZoneInfo, duration_ms: float) -> CallResult:
        """What it answered, as rows."""
        made = result_of(
            answer.payload,
            self.call.caps,
            returns=self._returns,
            duration_ms=duration_ms,
            notes=answer.notes,
            withheld=source.withheld,
        )
        return msgspec.structs.replace(made, outcome="done") if self.call.effect == "write" else made

    def _read(self, answered: Answered) -> Read:
        status = answered.status
        if not 200 <= status < 300:
            if status in (404, 410):
                raise SourceRefused("There is nothing at the webhook's address.")
            return Read(status)
        try:
            return Read(status, decoded(answered, self._decoder))
        except SourceRefused:
            if self.call.effect == "write":
                return Read(status, None, (NOT_READ,))
            if self._once:
                raise OutcomeUnknown from None
            raise
