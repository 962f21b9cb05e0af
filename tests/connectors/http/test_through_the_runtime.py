"""A bound call on a connected REST API, through everything a live call goes through."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest

from patchbay.connectors import connections, scoping
from patchbay.connectors.refusals import CallRefused, NotConnected, ScopedOut, SourceUnavailable
from patchbay.connectors.runtime import CallRunner
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.http.calls import GUARD
from tests.connectors.http.platform_of_apis import KIND, ZONE, open_api
from tests.servers.certificates import Authority
from tests.servers.upstreams import hostile
from tests.servers.upstreams.hostile import Turn, Upstream
from tests.servers.upstreams.tls import server_context

AUTHORITY = Authority()
ADA = {"id": "c1", "name": "Ada", "balance": 7, "created": "2026-03-05T14:30:00Z", "address": {"city": "Toronto"}}


@dataclass
class Api:
    """The organization's API and the call on it; ``behaviour`` is what the upstream does."""

    database: Database
    org: str
    call: FrozenCall
    runner: CallRunner
    upstream: Upstream
    behaviour: hostile.Behaviour

    async def find(self) -> CallResult:
        return await self.runner.run(self.org, self.call, CallContext(arguments={"customer_id": "c 1"}, time_zone=ZONE))

    async def refused(self, refusal: type[CallRefused]) -> None:
        """Calls are refused so within a second; from then on nothing is asked of the system."""
        async with asyncio.timeout(20.0):
            while True:
                try:
                    await self.find()
                except refusal:
                    break
        asked = len(self.upstream.requests)
        with pytest.raises(refusal):
            await self.find()
        assert len(self.upstream.requests) == asked

    async def allowed(self) -> CallResult:
        """The result, once the change that allows it has arrived."""
        async with asyncio.timeout(20.0):
            while True:
                with contextlib.suppress(ScopedOut):
                    return await self.find()


async def ada(turn: Turn) -> None:
    await turn.answer(json.dumps(ADA).encode())


@pytest.fixture
async def api(database: Database, vault: Vault) -> AsyncGenerator[Api]:
    made: list[Api] = []

    async def behave(turn: Turn) -> None:
        await made[0].behaviour(turn)

    async with hostile.misbehaving(behave, tls=server_context(AUTHORITY.issue())) as upstream:
        org, call = await open_api(database, vault, GUARD, upstream.url, AUTHORITY.pem)
        runner = CallRunner(database, vault, GUARD)
        await runner.start()
        made.append(Api(database, org, call, runner, upstream, ada))
        try:
            yield made[0]
        finally:
            await runner.stop()


@pytest.mark.anyio
async def test_a_call_runs_while_it_may(api: Api) -> None:
    found = await api.find()
    assert found.rows == [{"name": "Ada", "email": None, "balance": 7, "created": "2026-03-05T09:30:00-05:00", "city": "Toronto"}]
    request = api.upstream.requests[-1]
    assert request.startswith(b"GET /customers/c%201 HTTP/1.1\r\n")
    assert b"Authorization: Bearer t0k\r\n" in request
    async with api.database.tenant(api.org) as session:
        await scoping.patch_scoping(session, await connections.current(session, KIND), {"blockedColumns": {"Address": ["city"]}})
    await api.refused(ScopedOut)
    async with api.database.tenant(api.org) as session:
        await scoping.patch_scoping(session, await connections.current(session, KIND), {"blockedColumns": {}})
    assert (await api.allowed()).row_count == 1
    async with api.database.tenant(api.org) as session:
        await connections.disconnect(session, kind=KIND)
    await api.refused(NotConnected)


@pytest.mark.anyio
async def test_a_failing_system_is_refused_and_recovers(api: Api) -> None:
    api.behaviour = hostile.server_error
    with pytest.raises(SourceUnavailable):
        await api.find()
    api.behaviour = ada
    assert (await api.find()).row_count == 1
