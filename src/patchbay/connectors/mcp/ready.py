"""A frozen call of a remote tool made ready to run."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec

from patchbay.connectors.http.outcomes import Read
from patchbay.connectors.http.request import Request
from patchbay.connectors.http.results import NOT_READ
from patchbay.connectors.mcp.messages import NOT_UNDERSTOOD, message, tool_failed
from patchbay.connectors.mcp.source import McpSource
from patchbay.connectors.refusals import CallNotSupported, SourceRefused
from patchbay.connectors.webhook.rows import result_of
from patchbay.schema_graph.arguments import prepare_inputs
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall, HttpCall
from patchbay.schema_graph.idempotency_keys import sendable_key
from patchbay.schema_graph.requests import wire_value

LONGEST_S = 8.0
IDEMPOTENCY = "patchbay/idempotencyKey"
"""Where ``_meta`` holds what names a write: the same however often it is asked."""
OTHER_CONTENT = "The tool also answered with something that is no text, which is left out."
TEXT_MOST = 16_384


class ReadyMcp:
    """A call of a tool. What writes is sent at most once."""

    __slots__ = ("_inputs", "_path", "_prepare", "_returns", "_write", "call", "seconds")

    def __init__(self, call: FrozenCall) -> None:
        body = call.body
        if not isinstance(body, HttpCall) or body.server is not None:
            raise CallNotSupported
        self.call = call
        self.seconds = min(call.caps.deadline_ms / 1000, LONGEST_S)
        self._path = body.path
        self._write = call.effect == "write"
        self._prepare = prepare_inputs(call)
        self._inputs = body.slots
        self._returns = tuple(output.leaf for output in call.outputs)

    def values(self, context: CallContext, zone: ZoneInfo) -> Request:
        """The request; raises what :mod:`patchbay.schema_graph.arguments` raises."""
        values = self._prepare(context)
        arguments = {slot.name: wire_value(slot, values[slot.param or ""]) for slot in self._inputs}
        params: dict[str, Any] = {
            "name": self.call.operation,
            "arguments": {name: value for name, value in arguments.items() if value is not None},
        }
        if self._write and context.idempotency_key:
            params["_meta"] = {IDEMPOTENCY: sendable_key(context.idempotency_key)}
        return message(self._path, "tools/call", params, write=self._write)

    def run(self, source: McpSource, values: Request, deadline: float) -> Awaitable[Read]:
        """The tool's answer."""
        return source.call(self.call, values, deadline)

    def result(self, source: McpSource, answer: Read, *, zone_name: str, zone: ZoneInfo, duration_ms: float) -> CallResult:
        """What it answered, as rows. Raises a CallRefused where the tool says that it failed."""
        answered: Any = answer.payload
        if not isinstance(answered, dict) and not self._write:
            raise SourceRefused(NOT_UNDERSTOOD)
        told = cast("dict[str, Any]", answered) if isinstance(answered, dict) else dict[str, Any]()
        if told.get("isError") not in (None, False):
            raise tool_failed(write=self._write)
        payload, notes = payload_of(told)
        if self._write and not told:
            notes = (*notes, NOT_READ)
        made = result_of(
            payload,
            self.call.caps,
            returns=self._returns,
            duration_ms=duration_ms,
            notes=notes,
            withheld=source.withheld,
        )
        return msgspec.structs.replace(made, outcome="done") if self._write else made


def payload_of(result: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """What of a tool's result becomes rows: its structured content, else the JSON in its text, else the text itself.

    A structured content that holds nothing but ``result`` is what that holds: how the official SDK wraps what is no object.
    """
    structured: Any = result.get("structuredContent")
    if isinstance(structured, dict):
        members = cast("dict[str, Any]", structured)
        return (members["result"] if members.keys() == {"result"} else members), ()
    texts, others = _texts(result.get("content"))
    notes = (OTHER_CONTENT,) if others else ()
    if not texts:
        return None, notes
    text = "\n".join(texts)
    found = _json(text)
    return ({"text": text[:TEXT_MOST]} if found is None else found), notes


def _json(text: str) -> Any:
    """The object or list that a text holds as JSON; None for every other text."""
    try:
        found: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return cast("Any", found) if isinstance(found, (dict, list)) else None


def _texts(content: Any) -> tuple[list[str], int]:
    """The texts of a tool's content, and how many blocks are something else."""
    blocks = cast("list[Any]", content) if isinstance(content, list) else []
    found = [cast("dict[str, Any]", one).get("text") for one in blocks if isinstance(one, dict)]
    texts = [one for one in found if isinstance(one, str)]
    return texts, len(blocks) - len(texts)
