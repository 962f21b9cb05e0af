"""A conversation as it happens, and its receipt afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from patchbay.cli.demo.client import Client
from patchbay.cli.demo.failures import DemoFailed
from patchbay.cli.demo.show import Show


class Heard(NamedTuple):
    """What a conversation came to: its id, what the agent said, and the tool calls that ended."""

    id: str
    said: list[str]
    calls: list[dict[str, Any]]


def converse(client: Client, show: Show, agent_id: str, turns: Sequence[str]) -> Heard:
    """Let the published agent answer ``turns``, showing each event when it arrives. Raises :class:`DemoFailed`."""
    said: list[str] = []
    calls: list[dict[str, Any]] = []
    body = {"transcript": list(turns), "draftMode": False}
    for name, event in client.stream(f"/agents/{agent_id}/simulate", body):
        data: dict[str, Any] = event.get("data") or {}
        if name == "user_utterance":
            show.spoken("caller", data["text"])
        elif name == "agent_message":
            said.append(data["text"])
            show.spoken("agent", data["text"])
        elif name == "tool_call":
            show.aside(_told(data))
            if data["state"] != "started":
                calls.append(data)
        elif name in ("handoff", "guardrail"):
            show.aside(f"{name}: {data.get('message') or data.get('policy') or ''}")
        elif name == "error":
            problem: Mapping[str, Any] = event.get("problem") or data.get("problem") or {}
            raise DemoFailed(f"The conversation broke off: {problem.get('detail', 'no reason was given')}")
        elif name == "done":
            return Heard(data.get("conversationId") or event["conversationId"], said, calls)
    raise DemoFailed("The conversation ended without its last event.")


def _told(call: Mapping[str, Any]) -> str:
    tool, state = call["toolName"], call["state"]
    if state == "started":
        arguments = ", ".join(f"{name} = {value}" for name, value in call.get("arguments", {}).items())
        return f"▸ {tool} ({arguments})"
    took = f" in {call['durationMs']:,.1f} ms" if call.get("durationMs") else ""
    if state == "succeeded":
        rows = call["result"]["rowCount"]
        found = "nothing found" if rows == 0 else f"{rows} row{'s' * (rows != 1)}: {', '.join(call.get('leaves', []))}"
        return f"◂ {tool}: {found}{took}"
    return f"◂ {tool}: {state}, {call.get('message') or call.get('code')}{took}"


def show_receipt(client: Client, show: Show, conversation_id: str) -> None:
    """The stored events of a conversation as a table."""
    receipt = client.get(f"/conversations/{conversation_id}/receipt")
    show.request(receipt)
    rows = [(event["seq"], event["turn"], event["type"].replace("_", " "), _what(event)) for event in receipt.data]
    show.table(("seq", "turn", "event", "what"), rows, right=(0, 1))


def _what(event: Mapping[str, Any]) -> str:
    data: Mapping[str, Any] = event["data"]
    if event["type"] == "tool_call":
        return f"{data['callId']} {_told(data)[2:]}"
    return str(data.get("text") or data.get("message") or "")
