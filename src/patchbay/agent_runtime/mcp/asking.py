"""Asking the person at an MCP client (elicitation) while a call waits: the question goes out on the stream of the call's
answer, and what they say comes as a message of its own, maybe to another process, so it is passed on through the store.

No model takes part: a client shows the question to whoever uses it, and sends their answer itself.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
from sqlalchemy import text

from patchbay.agent_runtime.mcp.sessions import McpSession
from patchbay.agent_runtime.services import Runtime
from patchbay.store.ids import new_id

WAITS_S = 120.0
"""How long an answer is waited for."""
ANSWER_MOST = 4_096
_LOOK_EVERY_S = 0.2
_CONFIRM: dict[str, Any] = {
    "type": "object",
    "properties": {"confirm": {"type": "boolean", "title": "Go ahead", "description": "Whether to do exactly this."}},
    "required": ["confirm"],
}
# Only while a turn is under way: it is the turn that asked.
_TELL = text(
    "UPDATE conversations"
    " SET state = jsonb_set(state, '{told}', jsonb_build_object(CAST(:asked AS text), CAST(:answer AS jsonb)))"
    " WHERE id = :id AND status = 'active' AND state ? 'claim' RETURNING id"
)
_TOLD = text("SELECT state #> ARRAY['told', CAST(:asked AS text)] FROM conversations WHERE id = :id")


class Asking:
    """The questions of one call. Whoever holds the stream takes them from :meth:`next`, and says when the client is gone."""

    def __init__(self, runtime: Runtime, session: McpSession) -> None:
        self._runtime = runtime
        self._session = session
        self._out: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._gone = False

    async def confirm(self, words: str) -> bool:
        """Whether the person agrees to what ``words`` describe. No answer, and any other one, is a no."""
        asked = new_id("elc")
        params = {"message": words, "requestedSchema": _CONFIRM}
        self._out.put_nowait({"jsonrpc": "2.0", "id": asked, "method": "elicitation/create", "params": params})
        answer = await self._told(asked)
        content: Any = answer.get("content")
        return (
            answer.get("action") == "accept"
            and isinstance(content, dict)
            and cast("dict[str, Any]", content) == {"confirm": True}
        )

    async def next(self) -> dict[str, Any] | None:
        """The next message to send; None once the call is over."""
        return await self._out.get()

    def over(self) -> None:
        """The call is over: nothing more is asked."""
        self._out.put_nowait(None)

    def leave(self) -> None:
        """The client is gone: nobody will answer."""
        self._gone = True

    async def _told(self, asked: str) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        until = loop.time() + WAITS_S
        key = {"id": self._session.conversation_id, "asked": asked}
        while not self._gone and loop.time() < until:
            rows = await self._runtime.database.once(self._session.org_id, _TOLD, key)
            answer: Any = rows[0][0] if rows else None
            if isinstance(answer, dict):
                return cast("dict[str, Any]", answer)
            await asyncio.sleep(_LOOK_EVERY_S)
        return {}


async def take_answer(runtime: Runtime, session: McpSession, message: dict[str, Any]) -> None:
    """Pass on what a client answered to a question. One that nobody asked, or that is too long, is dropped."""
    asked, answer = message.get("id"), message.get("result")
    if not isinstance(asked, str) or len(asked) > 64:
        return
    encoded = msgspec.json.encode(answer if isinstance(answer, dict) else {})
    if len(encoded) <= ANSWER_MOST:
        values = {"id": session.conversation_id, "asked": asked, "answer": encoded.decode()}
        await runtime.database.once(session.org_id, _TELL, values)
