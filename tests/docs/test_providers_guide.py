"""docs/providers.md works as it stands: its blocks are run in their order against a real server and a small CRM behind TLS."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.api.guides.crm import TOKEN, Crm
from tests.docs.conftest import run_bash
from tests.servers.certificates import Authority
from tests.servers.upstreams.tls import server_context


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[str]:
    """The URL of a CRM that serves from a thread; its authority's certificate is in ``ca.pem``."""
    authority, loop, ready = Authority(), asyncio.new_event_loop(), threading.Event()
    (tmp_path / "ca.pem").write_text(authority.pem)
    runner = web.AppRunner(Crm().app())

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(authority.issue())).start()
        ready.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(asyncio.sleep(0.01))  # what was aborted ends in the loop's next rounds
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(30)
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)


def test_the_guide_works_as_it_stands(environment: dict[str, str], server: str, crm: str, tmp_path: Path) -> None:
    here = {"API": server, "CRM": crm, "CRM_CA": str(tmp_path / "ca.pem"), "CRM_TOKEN": TOKEN}
    run = run_bash("providers.md", {**environment, **here}, tmp_path)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    stream = (tmp_path / "stream.txt").read_text()
    for part in ("event: done", "Ada Byron", "Engines Ltd", "Gears jam"):
        assert part in stream
    blocked = (tmp_path / "blocked.txt").read_text()
    assert '"state":"refused"' in blocked.replace(" ", "")
    assert "Gears jam" not in blocked
    assert TOKEN not in run.stdout
