"""A process that is killed (-9) while it renews: what the next one finds, by the moment it happened."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from patchbay.connectors.oauth.renewal import current_tokens
from patchbay.connectors.refusals import CredentialsRefused
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.oauth.customers import Customers, customers
from tests.servers.authorization_server import AuthorizationServer

pytestmark = pytest.mark.anyio
Start = Callable[[], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
def key() -> bytes:
    return os.urandom(32)


@pytest.fixture
async def acme(database: Database, key: bytes, server: AuthorizationServer) -> Customers:
    """Connected, with a token that has just ended."""
    made = await customers(database, Vault([("k1", key)]), server)
    await made.authorized()
    await made.age(ends_at=time.time() - 1, obtained_at=time.time() - 3_000)
    return made


@pytest.fixture
async def other(acme: Customers, key: bytes) -> AsyncGenerator[Start]:
    """Starts a process that renews the token."""
    started: list[asyncio.subprocess.Process] = []

    async def start() -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.connectors.oauth.other_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        started.append(process)
        assert process.stdin is not None
        given = {"dsn": acme.database.dsn, "org": acme.org, "key": base64.b64encode(key).decode()}
        process.stdin.write(json.dumps(given).encode() + b"\n")
        await process.stdin.drain()
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def kill(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


async def test_killed_before_the_server_had_done_anything(acme: Customers, server: AuthorizationServer, other: Start) -> None:
    """The lock goes with the process, and the refresh token has not been spent."""
    server.hold = asyncio.Event()
    process = await other()
    await server.holding.wait()
    held = await acme.held()
    waiting = asyncio.ensure_future(current_tokens(held))
    await asyncio.sleep(0.2)
    assert len(server.asked) == 2, "one at a time: the code's exchange, and the renewal that is under way"
    await kill(process)
    server.hold.set()
    assert (await waiting).refresh_token == server.grants[0].refresh_tokens[1]
    assert not server.grants[0].void


async def test_killed_when_the_new_tokens_are_stored(acme: Customers, server: AuthorizationServer, other: Start) -> None:
    process = await other()
    assert process.stdout is not None
    assert await process.stdout.readline() == b"renewed\n"
    await kill(process)
    tokens = await current_tokens(await acme.held())
    assert tokens.access_token == server.grants[0].access_tokens[-1]
    assert tokens.refresh_token == server.grants[0].refresh_tokens[-1]
    assert server.count("refresh_token") == 1


async def test_killed_between_the_servers_deed_and_its_word(acme: Customers, server: AuthorizationServer, other: Start) -> None:
    """What the server gave was never heard, and it allows no second use: nobody can mend that, but it is said."""
    server.hold_answer = asyncio.Event()
    process = await other()
    await server.holding.wait()
    await kill(process)
    server.hold_answer.set()
    with pytest.raises(CredentialsRefused):
        await current_tokens(await acme.held())
    assert (await acme.connection()).status_reason == "reauthorization_required"
