"""One remote MCP server in one process: a session that is kept, what its tools were when last listed, and calls of them.

A call reaches the server only while the tool is what the call was frozen on. The list is looked at again every few minutes, and
whenever a session begins.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, cast

import msgspec

from patchbay.connectors.definition import Auth
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.outcomes import Read
from patchbay.connectors.http.request import Request
from patchbay.connectors.http.signing import FixedAuthorizer
from patchbay.connectors.http.source import HttpSource
from patchbay.connectors.mcp.credentials import McpCredentials
from patchbay.connectors.mcp.messages import SESSION_ID, VERSIONS, in_session, message, read_message
from patchbay.connectors.mcp.tools import MOST_TOOLS, RemoteTool, pin_of, read_tool
from patchbay.connectors.refusals import (
    RecordNotFound,
    SchemaChanged,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueNotAccepted,
)
from patchbay.egress.guard import EgressGuard
from patchbay.egress.http import Answered
from patchbay.schema_graph.call import FrozenCall

LISTED_FOR_S = 300.0
"""How many seconds a list of tools is believed."""
MOST_PAGES = 20
CURSOR_MOST = 2_000
_SESSION_ID = re.compile(r"[\x21-\x7e]{1,1000}")
_OVER_STATUS = frozenset((400, 404, 410))
_CLIENT = {"name": "Patchbay", "version": "1"}
_NOT_ACCEPTED = "The MCP server does not accept the call."
_OVER = "The MCP server had ended its session, so nothing was done."


class _Over(Exception):
    """The server has ended its session, or never knew it; ``refusal`` is what that means where it cannot be begun again."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.refusal = ValueNotAccepted(_NOT_ACCEPTED) if status == 400 else SourceUnavailable(_OVER)


class _Session(msgspec.Struct):
    """``pins`` are what the tools take and give, by name, as they were ``listed_at`` (the loop's time)."""

    id: str | None
    version: str
    pins: dict[str, str]
    listed_at: float


class McpSource:
    """See :class:`patchbay.connectors.system.Source`. Nothing is opened before the first call."""

    def __init__(self, credentials: McpCredentials, guard: EgressGuard) -> None:
        plain = HttpCredentials(type="mcp", base_url=credentials.origin, auth=Auth(scheme="none"), secrets={})
        self._http = HttpSource(plain, guard, FixedAuthorizer(credentials.signature))
        self._target = credentials.target
        self._session: _Session | None = None
        self._opening = asyncio.Lock()
        self._loop = asyncio.get_running_loop()

    @property
    def withheld(self) -> tuple[bytes, ...]:
        """What of the credentials no result may bring."""
        return self._http.withheld

    @property
    def ended(self) -> bool:
        """Whether it is retired and its connections are closed."""
        return self._http.ended

    def retire(self) -> None:
        """Take no more calls."""
        self._http.retire()

    def end_idle(self, now: float) -> None:
        """Nothing to do: the client closes idle connections by itself, and the server ends its sessions."""

    async def close(self) -> None:
        """Retire, wait a while for what is under way, and close."""
        await self._http.close()

    async def finds(self, values: object, deadline: float) -> bool:
        """Never: there is no reading of what a tool did."""
        return False

    async def call(self, call: FrozenCall, request: Request, deadline: float) -> Read:
        """The JSON-RPC result of a ``tools/call``. Raises a CallRefused: SchemaChanged where the tool is not as it was."""
        for again in (True, False):
            session = await self._current(deadline)
            if call.ground is None or session.pins.get(call.operation) != call.ground.operation:
                session.listed_at = float("-inf")
                raise SchemaChanged
            try:
                return await self._sent(request, session, deadline)
            except _Over as over:
                self._give_up(session)
                if session.id is None or request.write or not again:
                    raise over.refusal from None
        raise AssertionError("unreachable")

    async def tools(self, deadline: float) -> list[RemoteTool]:
        """All tools of the server, asked now."""
        session_id, version = await self._begin(deadline)
        try:
            return await self._list(_Session(session_id, version, {}, float("-inf")), deadline)
        except _Over as over:
            raise over.refusal from None

    async def _sent(self, request: Request, session: _Session, deadline: float) -> Read:
        """The answer within a session. Raises :class:`_Over` where there is no such session any more: 404 by the protocol, and
        400 of servers that know a session they have forgotten for a mistake of ours.
        """
        sent = in_session(request, session.id, session.version)
        status: list[int] = []

        def read(answered: Answered) -> Read:
            status.append(answered.status)
            return read_message(answered, request)

        try:
            answer = await self._http.send(sent, read, deadline=deadline)
        except (RecordNotFound, ValueNotAccepted):  # how a write is told of 404, and everything of 400
            if status and status[-1] in _OVER_STATUS:
                raise _Over(status[-1]) from None
            raise
        if answer.status in _OVER_STATUS:
            raise _Over(answer.status)
        return answer

    def _give_up(self, session: _Session) -> None:
        """Another call may have begun another one meanwhile: that stays."""
        if self._session is session:
            self._session = None

    async def _current(self, deadline: float) -> _Session:
        """The session, once its list of tools is young enough. One call opens it; the others wait."""
        try:
            async with asyncio.timeout_at(deadline), self._opening:
                return await self._opened(deadline)
        except TimeoutError:
            raise SourceTimeout from None

    async def _opened(self, deadline: float) -> _Session:
        session = self._session
        if session is not None and self._loop.time() - session.listed_at < LISTED_FOR_S:
            return session
        if session is not None:
            try:
                return await self._looked_at(session, deadline)
            except _Over:
                self._session = None
        session_id, version = await self._begin(deadline)
        try:
            return await self._looked_at(_Session(session_id, version, {}, float("-inf")), deadline)
        except _Over as over:
            raise over.refusal from None

    async def _looked_at(self, session: _Session, deadline: float) -> _Session:
        """The session with its list of tools as it is now."""
        try:
            tools = await self._list(session, deadline)
        except SourceUnavailable:
            self._session = None
            raise
        session.pins, session.listed_at = {one.name: pin_of(one) for one in tools}, self._loop.time()
        self._session = session
        return session

    async def _begin(self, deadline: float) -> tuple[str | None, str]:
        """The id of a new session (None: the server keeps none) and the protocol version it speaks."""
        params = {"protocolVersion": VERSIONS[0], "capabilities": {}, "clientInfo": _CLIENT}
        given: list[str | None] = []

        hello = message(self._target, "initialize", params)

        def read(answered: Answered) -> Read:
            given.append(answered.headers.get(SESSION_ID))
            return read_message(answered, hello)

        answer = await self._http.send(hello, read, deadline=deadline)
        result: Any = answer.payload
        version: Any = cast("dict[str, Any]", result).get("protocolVersion") if isinstance(result, dict) else None
        session_id = given[-1]
        if version not in VERSIONS or (session_id is not None and not _SESSION_ID.fullmatch(session_id)):
            raise SourceRefused("There is no MCP server that keeps sessions at this address.")
        ready = in_session(message(self._target, "notifications/initialized", None, notice=True), session_id, version)
        await self._http.send(ready, lambda answered: Read(answered.status), deadline=deadline)
        return session_id, version

    async def _list(self, session: _Session, deadline: float) -> list[RemoteTool]:
        """The tools, each name once. A server whose pages lead back to one of them has told all it has."""
        tools: dict[str, RemoteTool] = {}
        cursors: list[str] = []
        for _ in range(MOST_PAGES):
            request = message(self._target, "tools/list", {"cursor": cursors[-1]} if cursors else {})
            answer = await self._sent(request, session, deadline)
            page: dict[str, Any] = cast("dict[str, Any]", answer.payload) if isinstance(answer.payload, dict) else {}
            listed: Any = page.get("tools")
            if not isinstance(listed, list):
                raise SourceRefused("The MCP server's list of tools was not understood.")
            for one in cast("list[Any]", listed)[:MOST_TOOLS]:
                if (tool := read_tool(one)) is not None:
                    tools.setdefault(tool.name, tool)
            following: Any = page.get("nextCursor")
            full = len(tools) >= MOST_TOOLS
            if not isinstance(following, str) or len(following) > CURSOR_MOST or following in cursors or full:
                break
            cursors.append(following)
        return list(tools.values())[:MOST_TOOLS]
