"""Google as far as it is called: accounts, calendars and spreadsheets behind one TLS origin, on the loop of its test.

Every request is held against Google's own discovery documents (where the shared data is there), and so is every answer: what
they do not know is in ``problems`` and is answered 400. Trouble for what comes next is set by ``fail``, ``slow``, ``lose`` and
``before``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from tests.servers.certificates import Authority
from tests.servers.providers.discovery import Method, Mistake, discovery
from tests.servers.providers.field_masks import BadMask, check_mask, masked, read_mask
from tests.servers.providers.google_accounts import Accounts
from tests.servers.providers.google_calendar import Calendars
from tests.servers.providers.google_errors import GoogleError, insufficient_scopes, invalid, not_found, unauthorized
from tests.servers.providers.google_sheets import Spreadsheets
from tests.servers.upstreams.tls import server_context

ORIGINS = (
    "https://accounts.google.com",
    "https://oauth2.googleapis.com",
    "https://www.googleapis.com",
    "https://sheets.googleapis.com",
)
"""What one server stands in for."""
SCOPES = {"calendar": "https://www.googleapis.com/auth/calendar.events", "sheets": "https://www.googleapis.com/auth/spreadsheets"}
_EVENTS = "/calendar/v3/calendars/([^/]+)/events"
_VALUES = "/v4/spreadsheets/([^/:]+)/values"
_ROUTES = [
    ("calendar.calendarList.list", "GET", "/calendar/v3/users/me/calendarList"),
    ("calendar.calendarList.get", "GET", "/calendar/v3/users/me/calendarList/([^/]+)"),
    ("calendar.calendars.get", "GET", "/calendar/v3/calendars/([^/]+)"),
    ("calendar.freebusy.query", "POST", "/calendar/v3/freeBusy"),
    ("calendar.events.list", "GET", _EVENTS),
    ("calendar.events.insert", "POST", _EVENTS),
    ("calendar.events.get", "GET", f"{_EVENTS}/([^/]+)"),
    ("calendar.events.patch", "PATCH", f"{_EVENTS}/([^/]+)"),
    ("calendar.events.update", "PUT", f"{_EVENTS}/([^/]+)"),
    ("calendar.events.delete", "DELETE", f"{_EVENTS}/([^/]+)"),
    ("sheets.spreadsheets.values.batchGet", "GET", f"{_VALUES}:batchGet"),
    ("sheets.spreadsheets.values.append", "POST", f"{_VALUES}/([^/]+):append"),
    ("sheets.spreadsheets.values.get", "GET", f"{_VALUES}/([^/]+)"),
    ("sheets.spreadsheets.values.update", "PUT", f"{_VALUES}/([^/]+)"),
    ("sheets.spreadsheets.get", "GET", "/v4/spreadsheets/([^/:]+)"),
]
_COMPILED = [(name, verb, re.compile(pattern)) for name, verb, pattern in _ROUTES]


@dataclass
class Asked:
    """One request as it came."""

    method: str
    values: tuple[str, ...]
    query: dict[str, list[str]]
    body: Any
    if_match: str | None


@dataclass
class _Trouble:
    matching: str
    times: int
    error: GoogleError | None = None
    seconds: float = 0.0
    lost: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    action: Callable[[], Any] | None = None


@dataclass
class Google:
    """``url`` is its origin, ``ca`` the PEM of whoever vouches for it. A method is named as in the discovery documents."""

    url: str = ""
    ca: str = ""
    accounts: Accounts = field(default_factory=Accounts)
    calendars: Calendars = field(default_factory=Calendars)
    spreadsheets: Spreadsheets = field(default_factory=Spreadsheets)
    asked: list[Asked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _troubles: list[_Trouble] = field(default_factory=list)

    def stand_ins(self, ca_file: str | None = None) -> dict[str, dict[str, str]]:
        """What PATCHBAY_STAND_INS says for tests: Google's origins are here."""
        here = {"origin": self.url, **({"caFile": ca_file} if ca_file else {})}
        return dict.fromkeys(ORIGINS, here)

    def count(self, method: str) -> int:
        """How often a method was asked for."""
        return sum(one.method == method for one in self.asked)

    def fail(
        self, status: int, reason: str = "backendError", *, matching: str = "", times: int = 1, retry_after: int | None = None
    ) -> None:
        """The next requests (to methods whose name holds ``matching``) end with an error, and nothing is done."""
        headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
        self._troubles.append(_Trouble(matching, times, GoogleError(status, reason, reason), headers=headers))

    def slow(self, seconds: float, *, matching: str = "", times: int = 1) -> None:
        """The next answers come late; what was asked for is done at once."""
        self._troubles.append(_Trouble(matching, times, seconds=seconds))

    def lose(self, *, matching: str = "", times: int = 1) -> None:
        """The next requests are carried out, and their answers lost."""
        self._troubles.append(_Trouble(matching, times, lost=True))

    def before(self, matching: str, action: Callable[[], Any]) -> None:
        """Something happens just before the next request to a method: somebody books from outside."""
        self._troubles.append(_Trouble(matching, 1, action=action))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request to the APIs."""
        path = request.rel_url.raw_path
        name, values = next(
            ((n, m.groups()) for n, verb, p in _COMPILED if verb == request.method and (m := p.fullmatch(path))), ("", ())
        )
        newer = path.startswith("/v4/")
        troubles = self._due(name)
        try:
            for trouble in troubles:
                if trouble.action is not None:
                    trouble.action()
                if trouble.error is not None:
                    raise trouble.error
            status, body, etag = await self._carried_out(request, name, tuple(map(unquote, values)))
        except GoogleError as error:
            headers = {name: value for trouble in troubles for name, value in trouble.headers.items()}
            if error.status == 401:
                headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
            status, body, etag = error.status, error.body(newer=newer), None
        else:
            headers = {"ETag": etag} if etag else {}
        for trouble in troubles:
            await asyncio.sleep(trouble.seconds)
            if trouble.lost:
                assert request.transport is not None
                request.transport.abort()
        if body is None:
            return web.Response(status=status, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    def _due(self, name: str) -> list[_Trouble]:
        due = [one for one in self._troubles if one.matching in name][:1]
        for one in due:
            one.times -= 1
            if one.times == 0:
                self._troubles.remove(one)
        return due

    async def _carried_out(self, request: web.Request, name: str, values: tuple[str, ...]) -> tuple[int, Any, str | None]:
        if not name:
            self.problems.append(f"there is no method {request.method} {request.path}")
            raise not_found()
        raw = await request.read()
        pairs = parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
        query: dict[str, list[str]] = {}
        for key, value in pairs:
            query.setdefault(key, []).append(value)
        asked = Asked(name, values, query, json.loads(raw) if raw else None, request.headers.get("If-Match"))
        self.asked.append(asked)
        grant = self.accounts.grant_of(request.headers.get("Authorization", ""))
        if grant is None:
            raise unauthorized()
        document = discovery(name.partition(".")[0])
        method: Method | None = None
        mask = None
        try:
            if document is not None:
                method = document.method(request.method, request.rel_url.raw_path)
                assert method.id == name
                document.check_query(method, pairs)
                document.check_body(method, asked.body)
                if not document.allows(method, grant.scopes):
                    raise insufficient_scopes()
            if "fields" in query:
                mask = read_mask(query["fields"][0])
                if document is not None and method is not None and "response" in method.declared:
                    check_mask(mask, method.declared["response"], document.document["schemas"])
        except (Mistake, BadMask) as mistake:
            self.problems.append(str(mistake))
            raise invalid(str(mistake)) from None
        answer = self._answer(asked, grant.user)
        if document is not None and method is not None:
            document.check_answer(method, answer)
        if answer is None:
            return 204, None, None
        return 200, masked(answer, mask) if mask else answer, answer.get("etag")

    def _answer(self, asked: Asked, user: str) -> Any:
        calendars, sheets = self.calendars, self.spreadsheets
        first, second = (*asked.values, "", "")[:2]
        match asked.method.removeprefix("calendar.").removeprefix("sheets.spreadsheets."):
            case "calendarList.list":
                return calendars.calendar_list(user)
            case "calendarList.get":
                return calendars.calendar_entry(user, first)
            case "calendars.get":
                return calendars.calendar_itself(user, first)
            case "freebusy.query":
                return calendars.freebusy(user, asked.body)
            case "events.list":
                return calendars.list_events(user, first, asked.query)
            case "events.insert":
                return calendars.insert_event(user, first, asked.body)
            case "events.get":
                return calendars.get_event(user, first, second)
            case "events.patch":
                return calendars.change_event(user, first, second, asked.body, asked.if_match, patch=True)
            case "events.update":
                return calendars.change_event(user, first, second, asked.body, asked.if_match, patch=False)
            case "events.delete":
                return calendars.delete_event(user, first, second, asked.if_match)
            case "values.batchGet":
                return sheets.values_batch_get(user, first, asked.query)
            case "values.append":
                return sheets.append(user, first, second, asked.query, asked.body)
            case "values.get":
                return sheets.values_get(user, first, second, asked.query)
            case "values.update":
                return sheets.update(user, first, second, asked.query, asked.body)
            case "get":
                return sheets.get(user, first)
        raise AssertionError(asked.method)

    def app(self) -> web.Application:
        """The application."""
        app = web.Application()
        app.router.add_get("/o/oauth2/v2/auth", self.accounts.authorize)
        app.router.add_post("/token", self.accounts.token)
        app.router.add_post("/revoke", self.accounts.revoke)
        app.router.add_route("*", "/{rest:.*}", self.handle)
        return app


@contextlib.asynccontextmanager
async def google() -> AsyncGenerator[Google]:
    """One Google, on a free port of 127.0.0.1. The test that used it fails if it was asked for anything Google does not know."""
    authority = Authority()
    server = Google(ca=authority.pem)
    runner = web.AppRunner(server.app(), shutdown_timeout=0.1)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        await web.SockSite(runner, listening, ssl_context=server_context(authority.issue())).start()
        try:
            yield server
        finally:
            await runner.cleanup()
            await asyncio.sleep(0.01)  # what was aborted ends in the loop's next rounds
    assert not server.problems


@contextlib.contextmanager
def google_in_a_thread() -> Iterator[Google]:
    """The same for a test without a loop of its own."""
    up, over, made = threading.Event(), asyncio.Event(), list[Google]()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with google() as server:
            made.append(server)
            up.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert up.wait(30)
        yield made[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.close()
    assert not made[0].problems
