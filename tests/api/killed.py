"""A server process that a test kills, on the test's own store."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2

from patchbay.settings import Settings
from patchbay.store.vault import Vault
from tests.api.conftest import Key
from tests.servers.processes import free_port

MASTER = os.urandom(32)
LEASE_S = 1.5
"""How long that server holds on to what it was at when it was killed."""

Killable = tuple[asyncio.subprocess.Process, httpx2.AsyncClient]


def shared_vault() -> Vault:
    """A vault that the other process can open too."""
    return Vault([("k1", MASTER)])


@asynccontextmanager
async def killable(settings: Settings, key: Key, **more: Any) -> AsyncGenerator[Killable]:
    """A server process to be killed, ready, and a client of it; ``more`` are further settings of it."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.killed_process", stdin=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert settings.database_url is not None
    given = {
        "data_dir": str(settings.data_dir),
        "database_url": settings.database_url.get_secret_value(),
        "secret_key": f"k1:{base64.b64encode(MASTER).decode()}",
        "egress_allow": "127.0.0.1/32",
        **more,
    }
    assert process.stdin is not None
    process.stdin.write(json.dumps({"settings": given, "port": port, "lease": LEASE_S}).encode() + b"\n")
    await process.stdin.drain()
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=key.headers, timeout=30) as client:
            async with asyncio.timeout(60):
                while True:
                    with suppress(httpx2.TransportError):
                        if (await client.get("/readyz")).status_code == 200:
                            break
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
