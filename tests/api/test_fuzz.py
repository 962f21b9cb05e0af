"""Generated requests against every operation of the document: whatever is sent, the answer is one the API chose to give."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchbay.accounts.keys import create_key
from patchbay.accounts.organizations import ensure_organization
from patchbay.api.app import create_app
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault
from tests.conftest import PlatformServer

EXAMPLES = 6
DOCUMENT = create_app(Settings(data_dir=Path("unused"))).openapi()
OPERATIONS = [
    (method.upper(), path)
    for path, item in DOCUMENT["paths"].items()
    for method in item
    if method in ("get", "post", "put", "patch", "delete")
]


@pytest.fixture(scope="module")
def served(platform_db: PlatformServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """The whole server on a real socket, and a client with a key of every scope."""
    dsn = platform_db.clone()
    data_dir = tmp_path_factory.mktemp("data")
    chosen = Settings(data_dir=data_dir, database_url=dsn, rate_limit_per_minute=1_000_000, log_level="ERROR")  # pyright: ignore
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(chosen), log_config=None, lifespan="on", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    headers = {"Authorization": f"Bearer {asyncio.run(_new_key(dsn, chosen))}"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", headers=headers, timeout=30) as client:
        yield client
    server.should_exit = True
    thread.join(20)
    platform_db.drop(dsn)


async def _new_key(dsn: str, chosen: Settings) -> str:
    database = Database.at(dsn)
    organization = await ensure_organization(database, "Fuzz")
    _, secret = await create_key(database, Vault.load(chosen), org_id=organization.id, name="fuzz", scopes=["*"])
    await database.close()
    return secret


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_no_request_makes_it_fail(served: httpx2.Client, method: str, path: str) -> None:
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method]
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))
    known = _known(served, path)
    declared = DOCUMENT["paths"][path][method.lower()]["responses"]

    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(cases, st.booleans())
    def run(case: Any, real: bool) -> None:
        if real:
            case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        sent = case.as_transport_kwargs(base_url=str(served.base_url))
        request = {key: sent[key] for key in ("params", "json", "headers") if sent.get(key) is not None}
        if sent.get("data") is not None:
            request["content"] = sent["data"] if isinstance(sent["data"], bytes) else str(sent["data"]).encode()
        request["headers"] = {k: v for k, v in dict(request.get("headers", {})).items() if _sendable(k, v)}
        response = served.request(sent["method"], sent["url"], **request)
        assert response.status_code < 500 or str(response.status_code) in declared, response.text
        if "text/html" in declared.get(str(response.status_code), {}).get("content", {}):
            assert response.headers["content-type"] == "text/html; charset=utf-8"
        elif response.status_code >= 400 and "application/json" in declared.get(str(response.status_code), {}).get("content", {}):
            assert response.headers["content-type"] in ("application/problem+json", "application/json")
        elif response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code

    run()


def _known(client: httpx2.Client, path: str) -> dict[str, str]:
    """Path parameters that lead to something: a published agent, a chat session with it, a provider that can be connected."""
    agent = client.post("/api/v1/agents", json={"name": new_id("agt")}).json()["data"]["id"]
    client.post(f"/api/v1/agents/{agent}/publish").raise_for_status()
    session = client.post("/api/v1/chat/sessions", json={"agentId": agent}).json()["data"]["id"]
    return {"agentId": agent, "id": agent if path.startswith("/api/v1/agents/{id}") else session, "kind": "postgres"}


def _sendable(name: str, value: str) -> bool:
    """Whether a client can send this header at all; the key must stay ours."""
    return name.lower() not in ("authorization", "content-length") and value.isascii() and value.isprintable()
