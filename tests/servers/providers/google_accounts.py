"""Google's OAuth 2: the page a person agrees on, tokens that end, refresh tokens that stay, revocation of everything at once.

Source: https://developers.google.com/identity/protocols/oauth2/web-server. What differs from other servers: a refresh token comes
only with ``access_type=offline`` and (again) with ``prompt=consent``; renewing brings no new one; a person may leave out scopes;
revoking any token ends what that person agreed to for the whole client.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

CLIENT_ID = "1234567890-frontdesk.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-front-desk"


@dataclass
class Grant:
    """What somebody agreed to with one client."""

    client_id: str
    user: str
    scopes: set[str]
    refresh_tokens: set[str] = field(default_factory=set)
    access_tokens: dict[str, float] = field(default_factory=dict)


@dataclass
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    offline: bool
    used: bool = False


@dataclass
class Accounts:
    """``user`` is who agrees in the browser, to all that is asked but ``left_out``; ``denies``: to nothing."""

    user: str = "front.desk@example.com"
    clients: dict[str, str] = field(default_factory=lambda: {CLIENT_ID: CLIENT_SECRET})
    lifetime: int = 3599
    denies: bool = False
    left_out: set[str] = field(default_factory=set)
    grants: list[Grant] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    refreshed: int = 0
    revoked: list[str] = field(default_factory=list)
    _codes: dict[str, _Code] = field(default_factory=dict)

    def give(self, *scopes: str, user: str | None = None) -> tuple[str, str]:
        """An access token and a refresh token, without a browser."""
        grant = Grant(CLIENT_ID, user or self.user, set(scopes))
        self.grants.append(grant)
        refresh = f"1//0{secrets.token_urlsafe(12)}"
        grant.refresh_tokens.add(refresh)
        return self._access(grant), refresh

    def expire(self) -> None:
        """Every access token is over; refresh tokens still work."""
        for grant in self.grants:
            grant.access_tokens = dict.fromkeys(grant.access_tokens, 0.0)

    def withdraw(self) -> None:
        """The person takes everything back on the page of their account."""
        self.grants.clear()

    def grant_of(self, authorization: str) -> Grant | None:
        """Whose request it is; None without a token that is good now."""
        token = authorization.removeprefix("Bearer ")
        return next((g for g in self.grants if g.access_tokens.get(token, 0.0) > time.time()), None)

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """The consent page of somebody who always has an answer ready."""
        asked = dict(request.query)
        self.asked.append(asked)
        if asked.get("client_id") not in self.clients:
            return web.Response(status=401, text="Error 401: invalid_client")
        if asked.get("response_type") != "code" or not asked.get("redirect_uri") or not asked.get("scope"):
            return web.Response(status=400, text="Error 400: invalid_request")
        back = {"state": asked.get("state", ""), "iss": f"https://{request.host}"}
        if self.denies:
            raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode({**back, 'error': 'access_denied'})}")
        scopes = set(asked["scope"].split()) - self.left_out
        first = not any(g.user == self.user and g.client_id == asked["client_id"] for g in self.grants)
        offline = asked.get("access_type") == "offline" and (first or "consent" in asked.get("prompt", ""))
        grant = Grant(asked["client_id"], self.user, scopes)
        self.grants.append(grant)
        code = f"4/0A{secrets.token_urlsafe(24)}"
        self._codes[code] = _Code(grant, asked["redirect_uri"], asked.get("code_challenge", ""), offline)
        shown = {"code": code, "scope": " ".join(sorted(scopes)), "authuser": "0", "prompt": "consent"}
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode({**back, **shown})}")

    async def token(self, request: web.Request) -> web.StreamResponse:
        """Codes and refresh tokens for access tokens."""
        fields = {name: str(value) for name, value in (await request.post()).items()}
        client_id = self._client(request, fields)
        if client_id is None:
            return _refusal("invalid_client", "The OAuth client was not found.", 401)
        if fields.get("grant_type") == "authorization_code":
            return self._exchange(client_id, fields)
        if fields.get("grant_type") == "refresh_token":
            return self._refresh(client_id, fields.get("refresh_token", ""))
        return _refusal("unsupported_grant_type", "Invalid grant_type")

    async def revoke(self, request: web.Request) -> web.StreamResponse:
        """One token, and with it everything the person agreed to for this client."""
        token = str((await request.post()).get("token", ""))
        found = next((g for g in self.grants if token in g.refresh_tokens or token in g.access_tokens), None)
        if found is None:
            return _refusal("invalid_token", "Token expired or revoked")
        self.revoked.append(token)
        self.grants = [g for g in self.grants if (g.user, g.client_id) != (found.user, found.client_id)]
        return web.json_response({})

    def _client(self, request: web.Request, fields: dict[str, str]) -> str | None:
        header = request.headers.get("Authorization", "")
        named, secret = fields.get("client_id", ""), fields.get("client_secret")
        if header.startswith("Basic "):
            named, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        return named if named in self.clients and self.clients[named] == secret else None

    def _exchange(self, client_id: str, fields: dict[str, str]) -> web.StreamResponse:
        code = self._codes.get(fields.get("code", ""))
        if code is None or code.used or code.grant.client_id != client_id:
            return _refusal("invalid_grant", "Malformed auth code.")
        code.used = True
        if code.redirect_uri != fields.get("redirect_uri"):
            return _refusal("redirect_uri_mismatch", "Bad Request")
        digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        if code.challenge and base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
            return _refusal("invalid_grant", "Invalid code verifier.")
        answer = self._answer(code.grant)
        if code.offline:
            answer["refresh_token"] = f"1//0{secrets.token_urlsafe(24)}"
            code.grant.refresh_tokens.add(answer["refresh_token"])
        return web.json_response(answer)

    def _refresh(self, client_id: str, token: str) -> web.StreamResponse:
        grant = next((g for g in self.grants if token in g.refresh_tokens and g.client_id == client_id), None)
        if grant is None:
            return _refusal("invalid_grant", "Token has been expired or revoked.")
        self.refreshed += 1
        return web.json_response(self._answer(grant))

    def _answer(self, grant: Grant) -> dict[str, Any]:
        scope = " ".join(sorted(grant.scopes))
        return {"access_token": self._access(grant), "expires_in": self.lifetime, "scope": scope, "token_type": "Bearer"}

    def _access(self, grant: Grant) -> str:
        token = f"ya29.{secrets.token_urlsafe(24)}"
        grant.access_tokens[token] = time.time() + self.lifetime
        return token


def _refusal(code: str, said: str, status: int = 400) -> web.StreamResponse:
    return web.json_response({"error": code, "error_description": said}, status=status)
