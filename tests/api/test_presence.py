"""Work that nobody waits for any more is not done."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI

from patchbay.connectors import discovery
from patchbay.connectors.sql import setup
from tests.api.conftest import Key

pytestmark = pytest.mark.anyio


class Call:
    """One request, sent by hand so that the client can hang up."""

    def __init__(self, path: str, key: Key, body: bytes) -> None:
        self.gone = asyncio.Event()
        self.sent: list[dict[str, Any]] = []
        self.body: bytes | None = body
        headers = {**key.headers, "content-type": "application/json"}
        self.scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "server": ("testserver", 80),
            "client": ("127.0.0.1", 1), "headers": [(n.lower().encode(), v.encode()) for n, v in headers.items()],
        }  # fmt: skip

    async def receive(self) -> dict[str, Any]:
        if self.body is not None:
            body, self.body = self.body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)


@pytest.mark.parametrize(
    ("path", "body", "module", "name"),
    [
        ("/api/v1/integrations/postgres/discover", b"", discovery, "discover"),
        ("/api/v1/integrations/postgres/sql/test", b'{"credentials": {}}', setup, "run_checks"),
    ],
)
async def test_the_work_ends_when_the_client_is_gone(
    app: FastAPI, key: Key, monkeypatch: pytest.MonkeyPatch, path: str, body: bytes, module: Any, name: str
) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def forever(*_: Any, **__: Any) -> Any:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    monkeypatch.setattr(module, name, forever)
    call = Call(path, key, body)
    async with app.router.lifespan_context(app), asyncio.timeout(20):
        task = asyncio.create_task(app(call.scope, call.receive, call.send))
        await began.wait()
        call.gone.set()
        await task
    assert ended.is_set()
    assert call.sent == []
