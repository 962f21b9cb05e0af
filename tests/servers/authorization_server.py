"""An OAuth 2 authorization server and the API its tokens open, over TLS, on the loop of the test that uses it.

Strict where a real one is: exact redirect URIs, PKCE with S256, codes for one use, refresh tokens that rotate, and the whole
grant void when a spent one comes back (RFC 9700, section 4.14.2). ``misbehave`` makes the token endpoint bad in one way;
``hold`` makes it wait before it does what it is asked, ``hold_answer`` before it says so.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode

from aiohttp import web
from graphql import build_schema, graphql_sync

from tests.servers.certificates import Authority
from tests.servers.upstreams.tls import server_context

CUSTOMER = {"id": "c1", "name": "Ada Byron"}
SCHEMA = build_schema("type Query { customer: Customer } type Customer { id: ID! name: String }")
OPENAPI: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Customers", "version": "1"},
    "paths": {
        "/customers/{id}": {
            "get": {
                "operationId": "getCustomer",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {
                    "200": {
                        "description": "One.",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Customer"}}},
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {"Customer": {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}}
    },
}


@dataclass
class Grant:
    """What somebody agreed to: its tokens live and die together."""

    client_id: str
    refresh_tokens: list[str] = field(default_factory=list)
    access_tokens: list[str] = field(default_factory=list)
    void: bool = False


@dataclass
class Code:
    """A code that waits to be exchanged, once."""

    client_id: str
    redirect_uri: str
    challenge: str
    grant: Grant
    used: bool = False


Misbehaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class AuthorizationServer:
    """``url`` is its origin, ``ca`` the PEM of whoever vouches for it. What it was asked is in ``asked`` and ``called``."""

    url: str = ""
    ca: str = ""
    clients: dict[str, str | None] = field(default_factory=lambda: {"web client": "s3cret/+%&", "public": None})
    lifetime: int | None = 3600
    issue_refresh_tokens: bool = True
    tells_type: bool = True
    prompt: str | None = "consent"
    deny: str | None = None
    admit_nobody: bool = False
    issuer: str | None = None
    misbehave: Misbehaviour | None = None
    hold: asyncio.Event | None = None
    hold_answer: asyncio.Event | None = None
    holding: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[dict[str, str]] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    authorized: list[dict[str, str]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)

    def definition(self, scheme: str = "oauth2_authorization_code", **auth: Any) -> dict[str, Any]:
        """What an organization says of the API behind it."""
        urls = {"tokenUrl": f"{self.url}/token", "scopes": ["customers.read", "offline"]}
        if scheme == "oauth2_authorization_code":
            urls |= {"authorizationUrl": f"{self.url}/authorize?prompt=consent", "revocationUrl": f"{self.url}/revoke"}
        return {
            "type": "rest",
            "displayName": "Customers",
            "baseUrl": f"{self.url}/api",
            "document": {"inline": OPENAPI},
            "verify": {"path": "/me"},
            "caPem": self.ca,
            "auth": {"scheme": scheme, **urls, **auth},
        }

    def count(self, grant_type: str) -> int:
        """How often tokens were asked for in one way."""
        return sum(fields.get("grant_type") == grant_type for fields in self.asked)

    def forget_access_tokens(self) -> None:
        """Every access token that is out is refused from now on; refresh tokens still work."""
        for grant in self.grants:
            grant.access_tokens.clear()

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """The page a person agrees on; this person always has an answer ready."""
        asked = dict(request.query)
        self.authorized.append(asked)
        assert asked["response_type"] == "code"
        assert asked["client_id"] in self.clients
        assert asked["code_challenge_method"] == "S256"
        assert asked.get("prompt") == self.prompt
        back = {"state": asked["state"], **({"iss": self.issuer} if self.issuer else {})}
        if self.deny is not None:
            back |= {"error": self.deny, "error_description": "<script>alert(1)</script> provider text"}
        else:
            grant = Grant(asked["client_id"])
            self.grants.append(grant)
            code = back["code"] = secrets.token_urlsafe(16)
            self.codes[code] = Code(asked["client_id"], asked["redirect_uri"], asked["code_challenge"], grant)
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(back)}")

    async def token(self, request: web.Request) -> web.StreamResponse:
        """RFC 6749, section 3.2."""
        fields = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(fields)
        if self.hold is not None:
            self.holding.set()
            await self.hold.wait()
            if request.transport is None:
                return web.Response()  # whoever asked is gone, and nothing was done
        if self.misbehave is not None:
            return await self.misbehave(request)
        client_id = self._client(request, fields)
        if client_id is None:
            return _refusal("invalid_client", 401)
        answer = self._granted(client_id, fields)
        if self.hold_answer is not None:
            self.holding.set()
            await self.hold_answer.wait()
        return answer

    def _granted(self, client_id: str, fields: dict[str, str]) -> web.StreamResponse:
        if fields["grant_type"] == "client_credentials":
            grant = Grant(client_id)
            self.grants.append(grant)
            return self._tokens(grant, refreshable=False)
        if fields["grant_type"] == "authorization_code":
            return self._exchange(client_id, fields)
        if fields["grant_type"] == "refresh_token":
            return self._refresh(client_id, fields["refresh_token"])
        return _refusal("unsupported_grant_type")

    async def revoke(self, request: web.Request) -> web.StreamResponse:
        """RFC 7009."""
        fields = {name: str(value) for name, value in (await request.post()).items()}
        if self.misbehave is not None:
            return await self.misbehave(request)
        if self._client(request, fields) is None:
            return _refusal("invalid_client", 401)
        self.revoked.append(fields["token"])
        for grant in self.grants:
            if fields["token"] in (*grant.refresh_tokens, *grant.access_tokens):
                self._void(grant)
        return web.Response()

    async def me(self, request: web.Request) -> web.StreamResponse:
        """Who the token is for."""
        return web.json_response({"name": "me"}) if self._admits(request) else _unauthorized()

    async def graphql(self, request: web.Request) -> web.StreamResponse:
        """The same as a GraphQL endpoint."""
        if not self._admits(request):
            return _unauthorized()
        asked = await request.json()
        answer = graphql_sync(SCHEMA, asked["query"], {"customer": CUSTOMER}, variable_values=asked.get("variables"))
        return web.json_response(answer.formatted)

    async def customer(self, request: web.Request) -> web.StreamResponse:
        """What the token opens."""
        return web.json_response(CUSTOMER) if self._admits(request) else _unauthorized()

    def _admits(self, request: web.Request) -> bool:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.called.append(token)
        return not self.admit_nobody and any(token in grant.access_tokens for grant in self.grants)

    def _client(self, request: web.Request, fields: dict[str, str]) -> str | None:
        header = request.headers.get("Authorization", "")
        if header.startswith("Basic "):
            name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
            client_id, presented = unquote_plus(name), unquote_plus(secret)
        else:
            client_id, presented = fields.get("client_id", ""), fields.get("client_secret")
        return client_id if client_id in self.clients and self.clients[client_id] == presented else None

    def _exchange(self, client_id: str, fields: dict[str, str]) -> web.StreamResponse:
        code = self.codes.get(fields.get("code", ""))
        if code is None or code.client_id != client_id or code.redirect_uri != fields.get("redirect_uri"):
            return _refusal("invalid_grant")
        if code.used:
            self._void(code.grant)
            return _refusal("invalid_grant")
        code.used = True
        digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
            return _refusal("invalid_grant")
        return self._tokens(code.grant, refreshable=self.issue_refresh_tokens)

    def _refresh(self, client_id: str, presented: str) -> web.StreamResponse:
        grant = next((g for g in self.grants if presented in g.refresh_tokens), None)
        if grant is None or grant.void or grant.client_id != client_id:
            return _refusal("invalid_grant")
        if presented != grant.refresh_tokens[-1]:
            # A spent one: whoever sends it is a thief, or somebody who lost the next one.
            self._void(grant)
            return _refusal("invalid_grant")
        return self._tokens(grant, refreshable=True)

    def _tokens(self, grant: Grant, *, refreshable: bool) -> web.StreamResponse:
        grant.access_tokens.append(f"at-{secrets.token_urlsafe(12)}")
        answer: dict[str, Any] = {"access_token": grant.access_tokens[-1]} | ({"token_type": "Bearer"} if self.tells_type else {})
        if self.lifetime is not None:
            answer["expires_in"] = self.lifetime
        if refreshable:
            grant.refresh_tokens.append(f"rt-{secrets.token_urlsafe(12)}")
            answer["refresh_token"] = grant.refresh_tokens[-1]
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    @staticmethod
    def _void(grant: Grant) -> None:
        grant.void = True
        grant.access_tokens.clear()


def _refusal(code: str, status: int = 400) -> web.StreamResponse:
    return web.json_response({"error": code, "error_description": "provider text"}, status=status)


def _unauthorized() -> web.StreamResponse:
    return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})


def says(body: Any, status: int = 200) -> Misbehaviour:
    """Answers with exactly this: bytes as they are, all else as JSON."""

    async def answer(request: web.Request) -> web.StreamResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(body=raw, status=status, content_type="application/json")

    return answer


def redirects(to: str, status: int = 307) -> Misbehaviour:
    """Sends the client, credentials and all, somewhere else."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": to})

    return answer


async def endless(request: web.Request) -> web.StreamResponse:
    """A body without end."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b" " * 65_536)
    return response


async def breaks_off(request: web.Request) -> web.StreamResponse:
    """No answer at all."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@contextlib.asynccontextmanager
async def authorization_server() -> AsyncGenerator[AuthorizationServer]:
    """One server, on a free port of 127.0.0.1."""
    authority = Authority()
    server = AuthorizationServer(ca=authority.pem)
    app = web.Application()
    app.router.add_get("/authorize", server.authorize)
    app.router.add_post("/token", server.token)
    app.router.add_post("/revoke", server.revoke)
    app.router.add_get("/api/me", server.me)
    app.router.add_post("/graphql", server.graphql)
    app.router.add_get("/api/customers/{id}", server.customer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        await web.SockSite(runner, listening, ssl_context=server_context(authority.issue())).start()
        try:
            yield server
        finally:
            for held in (server.hold, server.hold_answer):
                if held is not None:
                    held.set()
            await runner.cleanup()
            await asyncio.sleep(0.01)  # what was aborted ends in the loop's next rounds
