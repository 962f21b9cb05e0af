"""Fetching a document by its URL: with its files, through the guard, with credentials only where they belong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from ipaddress import ip_network

import msgspec
import pytest
from aiohttp import web

from patchbay.connectors.definition import Auth, DocumentRef
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.fetching import DocumentNotFetched, fetch_document
from patchbay.connectors.rest.fetching import fetch_files
from patchbay.connectors.rest.task import read_graph
from patchbay.egress.guard import EgressGuard, EgressRefused
from tests.servers.certificates import Authority
from tests.servers.upstreams.tls import server_context

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])
TOKEN = "doc-token"
FILES = {
    "/spec/openapi.yaml": """
openapi: 3.0.3
info: {title: Files, version: '1'}
paths:
  /pets: {$ref: 'paths/pets.yaml'}
  /owners: {$ref: 'https://elsewhere.example/owners.yaml'}
  /gone: {$ref: 'paths/gone.yaml'}
""",
    "/spec/paths/pets.yaml": """
get:
  operationId: listPets
  responses:
    '200': {description: ok, content: {application/json: {schema: {type: array, items: {$ref: '../schemas.yaml#/Pet'}}}}}
""",
    "/spec/schemas.yaml": """
Pet: {type: object, properties: {name: {type: string}, owner: {$ref: '#/Owner'}}}
Owner: {type: object, properties: {name: {type: string}}}
""",
}


@dataclass
class Site:
    """A web site with the files, and what was asked of it: (path, Authorization)."""

    url: str = ""
    ca_pem: str = ""
    protected: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        told = request.headers.get("Authorization")
        self.asked.append((request.path, told))
        if request.path == "/moved.yaml":
            raise web.HTTPFound("https://169.254.169.254/latest/meta-data")
        if self.protected and told != f"Bearer {TOKEN}":
            return web.Response(status=401)
        text = FILES.get(request.path)
        return web.Response(text=text) if text is not None else web.Response(status=404)

    def credentials(self, base_url: str | None = None, path: str = "/spec/openapi.yaml") -> HttpCredentials:
        return HttpCredentials(
            type="rest",
            base_url=base_url or f"{self.url}/api",
            auth=Auth(scheme="bearer"),
            secrets={"token": TOKEN},
            document=DocumentRef(url=f"{self.url}{path}"),
            ca_pem=self.ca_pem,
        )


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    made, authority = Site(), Authority()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(authority.issue())).start()
    made.url, made.ca_pem = f"https://127.0.0.1:{runner.addresses[0][1]}", authority.pem
    yield made
    await runner.cleanup()
    await asyncio.sleep(0.01)  # what was aborted ends in the loop's next rounds


async def test_the_files_beside_it_come_along_and_others_stay_opaque(site: Site) -> None:
    files, settings = await fetch_files(site.credentials(), GUARD, f"{site.url}/spec/openapi.yaml", None)
    assert set(files) == {"openapi.yaml", "paths/pets.yaml", "schemas.yaml"}
    made = read_graph(files, settings).graph
    assert made.operations["listPets"].unusable is None
    codes = {note.code for note in made.notes}
    assert "file_missing" in codes, codes
    assert all("elsewhere.example" not in path for path, _ in site.asked)
    assert all(told is None for _, told in site.asked), "nothing that is public is asked for with a secret"


async def test_credentials_are_used_only_where_they_belong(site: Site) -> None:
    site.protected = True
    files, _ = await fetch_files(site.credentials(), GUARD, f"{site.url}/spec/openapi.yaml", None)
    assert set(files) == {"openapi.yaml", "paths/pets.yaml", "schemas.yaml"}
    assert ("/spec/schemas.yaml", f"Bearer {TOKEN}") in site.asked
    site.asked.clear()
    with pytest.raises(DocumentNotFetched) as refused:
        await fetch_document(site.credentials("https://api.example.com"), GUARD, f"{site.url}/spec/openapi.yaml", None)
    assert "401" in refused.value.detail
    assert all(told is None for _, told in site.asked), "the document is not on the system's own origin"


async def test_what_is_not_there(site: Site) -> None:
    with pytest.raises(DocumentNotFetched) as refused:
        await fetch_document(site.credentials(), GUARD, f"{site.url}/nothing.json", None)
    assert "404" in refused.value.detail


async def test_a_document_does_not_lead_inside(site: Site) -> None:
    with pytest.raises(EgressRefused):
        await fetch_document(site.credentials(), GUARD, f"{site.url}/moved.yaml", None)
    with pytest.raises(EgressRefused):
        await fetch_document(site.credentials(), EgressGuard(), f"{site.url}/spec/openapi.yaml", None)


async def test_files_have_a_limit_together(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchbay.connectors.http.fetching.MOST_BYTES", len(FILES["/spec/openapi.yaml"]) + 40)
    with pytest.raises(Exception, match=r"too large|larger") as refused:
        await fetch_files(site.credentials(), GUARD, f"{site.url}/spec/openapi.yaml", None)
    assert getattr(refused.value, "code", None) in ("document_not_fetched", "outbound_too_large")
    assert not isinstance(refused.value, msgspec.ValidationError)
