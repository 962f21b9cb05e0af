"""JSON-RPC messages of the Model Context Protocol over streamable HTTP: how they are written, and what an answer means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast
from uuid import uuid4

import msgspec

from patchbay.connectors.http.outcomes import Read
from patchbay.connectors.http.request import Request
from patchbay.connectors.refusals import (
    CallRefused,
    OutcomeUnknown,
    SchemaChanged,
    SourceRefused,
    ValueNotAccepted,
    WriteRefused,
)
from patchbay.egress.http import Answered

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Protocol versions that have sessions, the newest first: later ones have none, and are not asked for."""
SESSION_ID, VERSION = "Mcp-Session-Id", "MCP-Protocol-Version"
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
_BEFORE_ANYTHING = frozenset({-32700, -32600, -32601, -32602})
"""Codes of JSON-RPC's by which the other side says that it carried nothing out."""
_INVALID_PARAMS, _NO_METHOD = -32602, -32601
_FAILED = "The MCP server says that the tool failed."
NOT_UNDERSTOOD = "The answer of the MCP server was not understood."
_decode = msgspec.json.Decoder().decode


def message(target: str, method: str, params: Mapping[str, Any] | None, *, write: bool = False, notice: bool = False) -> Request:
    """A request with one message; a ``notice`` expects no answer."""
    body: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if not notice:
        body["id"] = uuid4().hex
    if params is not None:
        body["params"] = params
    return Request("POST", target, dict(_HEADERS), msgspec.json.encode(body), write=write)


def in_session(request: Request, session_id: str | None, version: str) -> Request:
    """The same request, as one of a session."""
    own = {VERSION: version} | ({SESSION_ID: session_id} if session_id is not None else {})
    return msgspec.structs.replace(request, headers={**request.headers, **own})


def read_message(answered: Answered, request: Request) -> Read:
    """What an answer to ``request`` means: of a success, the JSON-RPC result.

    Nothing at all is no answer, and an answer to another request, maybe for another caller, is none to this one. Raises
    SourceRefused for what cannot be understood; of a write, OutcomeUnknown.
    """
    if not 200 <= answered.status < 300:
        return Read(answered.status)
    write, asked = request.write, _id_of(request)
    answer = next((one for one in _messages(answered) if _answers(one, asked)), None)
    if answer is None:
        raise OutcomeUnknown if write else SourceRefused(NOT_UNDERSTOOD)
    if "error" in answer:
        raise _refusal(answer["error"], write=write)
    return Read(answered.status, answer["result"])


def _id_of(request: Request) -> str | None:
    return cast("dict[str, Any]", _decode(request.body or b"{}")).get("id")


def _answers(one: Mapping[str, Any], asked: str | None) -> bool:
    """Whether a message answers the request ``asked``: an error may say that its request could not even be read (null)."""
    if "error" in one:
        return one.get("id") in (asked, None)
    return "result" in one and one.get("id") == asked


def tool_failed(*, write: bool) -> CallRefused:
    """What a result with ``isError`` means: the tool itself says that it did not do it."""
    return WriteRefused(_FAILED) if write else SourceRefused(_FAILED)


def _messages(answered: Answered) -> Iterator[dict[str, Any]]:
    kind = answered.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    texts = _events(answered.body) if kind == "text/event-stream" else [answered.body]
    for text in texts:
        try:
            found: Any = _decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(found, dict):
            yield cast("dict[str, Any]", found)


def _events(body: bytes) -> Iterator[bytes]:
    """The data of each server-sent event (WHATWG HTML, section 9.2.6)."""
    lines: list[bytes] = []
    for line in [*body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), b""]:
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif not line and lines:
            yield b"\n".join(lines)
            lines = []


def _refusal(error: Any, *, write: bool) -> CallRefused:
    code: Any = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    if code == _INVALID_PARAMS:
        return ValueNotAccepted("The MCP server does not accept a value of this call.")
    if code == _NO_METHOD:
        return SchemaChanged("The MCP server no longer has this tool.")
    if write and code not in _BEFORE_ANYTHING:
        return OutcomeUnknown()
    return SourceRefused("The MCP server refused the call.")
