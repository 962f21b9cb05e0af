"""Talking to an authorization server: every request goes through the guarded client, bounded in time and size.

The client authenticates as RFC 6749, section 2.3.1 has it; one without a secret names itself in the body (section 3.2.1).
Nothing is followed: a redirect would carry the credentials to where they were not given for.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec

from patchbay.connectors.definition import Auth
from patchbay.connectors.http.asking import outbound
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.oauth.refusals import TokenServerBusy
from patchbay.connectors.oauth.tokens import Tokens, read_tokens_answer
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.http import Answered
from patchbay.egress.urls import read_url

TOKEN_S = 10.0
REVOCATION_S = 5.0
ANSWER_MOST = 65_536


async def check_endpoints(guard: EgressGuard, auth: Auth) -> None:
    """Let the guard judge every endpoint that a definition names, the one that only a browser will see too.

    Raises EgressRefused: a person is not sent to where we would not go, and plain http only where the operator opened it.
    """
    for text in filter(None, (auth.authorization_url, auth.token_url, auth.revocation_url)):
        url = read_url(text)
        checked = await guard.check(url.host, url.port)
        if url.scheme == "http" and not checked.opened:
            raise EgressRefused(
                "Tokens are not asked for over plain http.", reason="not_secure", hint="Use https for every URL of auth."
            )


async def client_tokens(credentials: HttpCredentials, guard: EgressGuard) -> Tokens:
    """Tokens for the client itself (RFC 6749, section 4.4). Raises TokenRefused, an OutboundFailed or EgressRefused."""
    return await _tokens(credentials, guard, {"grant_type": "client_credentials", "scope": " ".join(credentials.auth.scopes)})


async def code_tokens(credentials: HttpCredentials, guard: EgressGuard, *, code: str, verifier: str, back_to: str) -> Tokens:
    """Tokens for a code (RFC 6749, section 4.1.3, with the verifier of RFC 7636, section 4.5). Raises as above."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": back_to, "code_verifier": verifier}
    return await _tokens(credentials, guard, fields)


async def refreshed_tokens(credentials: HttpCredentials, guard: EgressGuard, held: Tokens) -> Tokens:
    """Tokens for a refresh token (RFC 6749, section 6), and the next refresh token. Raises as above."""
    assert held.refresh_token is not None
    fields = {"grant_type": "refresh_token", "refresh_token": held.refresh_token}
    return await _tokens(credentials, guard, fields, held)


async def revoke(credentials: HttpCredentials, guard: EgressGuard, tokens: Tokens) -> bool:
    """Tell the provider that the tokens are not needed any more (RFC 7009); whether it agreed. Never raises for an answer.

    Where there is a refresh token it goes first: with it goes the whole grant. Raises an OutboundFailed or EgressRefused.
    """
    url = credentials.auth.revocation_url
    if url is None:
        return False
    named = [("refresh_token", tokens.refresh_token), ("access_token", tokens.access_token)]
    deadline = asyncio.get_running_loop().time() + REVOCATION_S
    answers = [
        await _post(credentials, guard, url, {"token": token, "token_type_hint": hint}, deadline)
        for hint, token in named
        if token
    ]
    return all(_is_void(answered) for answered in answers)


def _is_void(answered: Answered) -> bool:
    """Whether the answer says that a token is of no use any more. One that is unknown is not either (section 2.2), though some
    servers call that an error.
    """
    if answered.status == 400:
        try:
            return msgspec.json.decode(answered.body, type=dict[str, Any]).get("error") == "invalid_token"
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
    return answered.status == 200


async def _tokens(
    credentials: HttpCredentials, guard: EgressGuard, fields: Mapping[str, str], before: Tokens | None = None
) -> Tokens:
    url = credentials.auth.token_url
    assert url is not None
    asked_at = time.time()
    answered = await _post(credentials, guard, url, fields, asyncio.get_running_loop().time() + TOKEN_S)
    if answered.status == 429 or answered.status >= 500:
        raise TokenServerBusy
    return read_tokens_answer(answered.status, answered.body, asked_at=asked_at, before=before)


async def _post(
    credentials: HttpCredentials, guard: EgressGuard, url: str, fields: Mapping[str, str], deadline: float
) -> Answered:
    own_headers, own_fields = _client_authentication(credentials.auth, credentials.secrets)
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", **own_headers}
    body = urlencode({name: value for name, value in {**fields, **own_fields}.items() if value}).encode()
    async with outbound(credentials, guard) as client:
        return await client.request(
            "POST", url, headers=headers, body=body, deadline=deadline, most_bytes=ANSWER_MOST, follow="never"
        )


def _client_authentication(auth: Auth, secrets: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and form fields that say who asks."""
    client_id, secret = secrets["clientId"], secrets.get("clientSecret")
    if secret is None:
        return {}, {"client_id": client_id}
    if auth.client_auth == "post":
        return {}, {"client_id": client_id, "client_secret": secret}
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}
