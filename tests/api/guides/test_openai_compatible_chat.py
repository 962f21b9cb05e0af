"""The guide "Use the OpenAI-compatible chat endpoint", with the real SDKs for Python and Node over a real socket."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
import uvicorn

from patchbay.api.app import create_app
from patchbay.api.platform import Platform
from tests.api.conftest import Key
from tests.api.guides.conftest import Caller
from tests.api.guides.test_connect_a_sql_database import APPDB, BINDING
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
NODE = Path(__file__).resolve().parents[2] / "node"
QUESTION = "When is my appointment? My number is 415-555-0132."


@pytest.fixture
async def base_url(patchbay: Platform) -> AsyncIterator[str]:
    """The application behind uvicorn on a real socket."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    app = create_app(patchbay.settings, platform=patchbay)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, http="httptools", lifespan="on", timeout_graceful_shutdown=2))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.005)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
    server.should_exit = True
    await task


@pytest.fixture
async def agent(caller: Caller, tls_postgres: PostgresServer) -> str:
    """A published agent that looks appointments up."""
    await caller.connect(tls_postgres.create_database(sql=APPDB), defaultCountry="US")
    agent = (await caller.ask("POST", "/agents", {"name": "Acme"}, status=201))["id"]
    await caller.ask("POST", f"/agents/{agent}/integrations/postgres/bindings", BINDING, status=201)
    await caller.ask("POST", f"/agents/{agent}/publish", status=201)
    return agent


async def test_the_python_sdk(base_url: str, agent: str, key: Key) -> None:
    async with openai.AsyncOpenAI(api_key=key.secret, base_url=base_url, max_retries=0) as client:
        messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
        whole = await client.chat.completions.create(model=agent, messages=messages)
        assert "confirmed" in (whole.choices[0].message.content or "")
        streamed = ""
        async for chunk in await client.chat.completions.create(model=agent, messages=messages, stream=True):
            streamed += chunk.choices[0].delta.content or ""
        assert "confirmed" in streamed
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model="gpt-4o", messages=messages)


async def test_the_node_sdk(base_url: str, agent: str, key: Key) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    assert node, "the tests need Node.js: `make test` installs it"
    assert npm, "the tests need npm: `make test` installs it"
    if not (NODE / "node_modules" / "openai").is_dir():
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=NODE, check=True, capture_output=True)
    process = await asyncio.create_subprocess_exec(
        node, "chat.mjs", base_url, key.secret, agent, QUESTION, cwd=NODE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    answer = json.loads(output)
    assert "confirmed" in answer["whole"]
    assert "confirmed" in answer["streamed"]
    assert (answer["finish"], answer["streamFinish"]) == ("stop", "stop")
    assert answer["refusal"]["status"] == 400
