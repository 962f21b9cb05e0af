"""Asking endpoints for their schema: current ones, old ones, closed ones and broken ones, each over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web
from graphql import build_schema, graphql_sync

from patchbay.connectors.definition import Auth
from patchbay.connectors.graphql.introspection import fetch_introspection
from patchbay.connectors.graphql.refusals import IntrospectionFailed, IntrospectionRefused
from patchbay.connectors.graphql.task import graph_of
from patchbay.connectors.http.authorizing import Signature
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.refusals import CredentialsRefused
from patchbay.egress.failures import RedirectRefused, TimedOut
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.http import OutboundClient
from tests.connectors.graphql.schemas import SHOP, shop

pytestmark = pytest.mark.anyio
Answer = Callable[[web.Request, str], Awaitable[web.StreamResponse]]


class Signing:
    """Signs with one token after the other."""

    def __init__(self, *tokens: str, cookie: str | None = None) -> None:
        self.tokens = list(tokens)
        self.cookie = cookie

    async def sign(self, *, renew: bool = False) -> Signature:
        if renew:
            self.tokens.pop(0)
        if not self.tokens:
            raise CredentialsRefused
        cookies = {"session": self.cookie} if self.cookie else {}
        return Signature(headers={"Authorization": f"Bearer {self.tokens[0]}"}, query={"key": "a b&c"}, cookies=cookies)


@asynccontextmanager
async def endpoint(answer: Answer) -> AsyncGenerator[tuple[str, list[web.Request]]]:
    """A server whose /graphql answers with ``answer(request, query)``, and what it was asked."""
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return await answer(request, (await request.json())["query"])

    app = web.Application()
    app.router.add_post("/graphql", handle)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/graphql", asked
    finally:
        await runner.cleanup()
        await asyncio.sleep(0.01)  # what was aborted ends in the loop's next rounds


async def fetched(url: str, signing: Signing | None = None, *, seconds: float = 10.0) -> bytes:
    client = OutboundClient(EgressGuard([ip_network("127.0.0.1/32")]))
    credentials = HttpCredentials(type="graphql", base_url=url, auth=Auth(), secrets={}, headers={"X-Shop": "main"})
    try:
        deadline = asyncio.get_running_loop().time() + seconds
        return await fetch_introspection(client, credentials, signing or Signing("t1"), deadline=deadline)
    finally:
        await client.close()


def answering(data: dict[str, Any], status: int = 200) -> Answer:
    async def answer(request: web.Request, query: str) -> web.Response:
        return web.json_response(data, status=status)

    return answer


def speaking(*unknown: str, status: int = 200) -> Answer:
    """A sound server that does not know the members ``unknown``."""
    schema = build_schema(SHOP)

    async def answer(request: web.Request, query: str) -> web.Response:
        for name in unknown:
            if name in query:
                return web.json_response({"errors": [{"message": f'Cannot query field "{name}" on "__schema"'}]}, status=status)
        return web.json_response({"data": graphql_sync(schema, query).data})

    return answer


async def test_a_current_server_tells_everything_at_once():
    async with endpoint(speaking()) as (url, asked):
        assert graph_of(await fetched(url, Signing("t1", cookie="s1"))) == shop()
    (request,) = asked
    assert request.headers["Authorization"] == "Bearer t1"
    assert request.headers["X-Shop"] == "main"
    assert request.headers["Cookie"] == "session=s1"
    assert request.query["key"] == "a b&c"


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("unknown", "attempts"),
    [(("isOneOf",), 2), (("specifiedByURL",), 3), (("args(includeDeprecated", "isOneOf"), 2)],
)
async def test_an_old_server_is_asked_for_less(unknown: tuple[str, ...], attempts: int, status: int):
    async with endpoint(speaking(*unknown, status=status)) as (url, asked):
        graph = graph_of(await fetched(url))
    assert len(asked) == attempts
    assert set(graph.operations) == set(shop().operations)
    assert set(graph.objects) == set(shop().objects)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"errors": [{"message": "GraphQL introspection is not allowed, but the query contained __schema"}]}, 200),
        ({"errors": [{"message": "no"}], "data": None}, 400),
        ({"errors": [{"message": "no"}], "data": {"__schema": None}}, 200),
    ],
)
async def test_where_introspection_is_off_the_schema_is_uploaded(data: dict[str, Any], status: int):
    async with endpoint(answering(data, status)) as (url, asked):
        with pytest.raises(IntrospectionRefused) as caught:
            await fetched(url)
    assert len(asked) == 3
    assert "Upload the schema" in (caught.value.hint or "")
    assert "not allowed" not in caught.value.detail


async def test_credentials_are_renewed_once():
    schema = build_schema(SHOP)

    async def answer(request: web.Request, query: str) -> web.Response:
        if request.headers["Authorization"] != "Bearer t2":
            return web.json_response({"errors": []}, status=401)
        return web.json_response({"data": graphql_sync(schema, query).data})

    async with endpoint(answer) as (url, asked):
        assert graph_of(await fetched(url, Signing("t1", "t2"))) == shop()
        assert len(asked) == 2
        for tokens in (("t1",), ("t1", "t3")):
            with pytest.raises(CredentialsRefused):
                await fetched(url, Signing(*tokens))


async def test_who_may_not_ask_is_told_so():
    async with endpoint(answering({"errors": [{"message": "scope"}]}, 403)) as (url, asked):
        with pytest.raises(IntrospectionRefused, match="These credentials may not"):
            await fetched(url)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("<html>secret</html>", 200),
        ("", 200),
        ('{"data": {}}', 200),
        ('{"errors": []}', 200),
        ("gone", 404),
        ('{"errors": [1]}', 500),
    ],
)
async def test_what_is_no_graphql_server(body: str, status: int):
    async def answer(request: web.Request, query: str) -> web.Response:
        return web.Response(text=body, status=status, content_type="text/html")

    async with endpoint(answer) as (url, asked):
        with pytest.raises(IntrospectionFailed) as caught:
            await fetched(url)
    assert len(asked) == 1
    assert "secret" not in f"{caught.value.detail}{caught.value.hint}{caught.value.extensions}"


async def test_a_deadline_covers_all_attempts():
    async def answer(request: web.Request, query: str) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with endpoint(answer) as (url, _):
        with pytest.raises(TimedOut):
            await fetched(url, seconds=0.2)


async def test_credentials_stay_on_their_host():
    async def answer(request: web.Request, query: str) -> web.Response:
        raise web.HTTPTemporaryRedirect("http://127.0.0.2:1/graphql")

    async with endpoint(answer) as (url, _):
        with pytest.raises(RedirectRefused):
            await fetched(url)


async def test_other_addresses_are_refused():
    with pytest.raises(EgressRefused):
        await fetched("http://127.0.0.2:1/graphql")
