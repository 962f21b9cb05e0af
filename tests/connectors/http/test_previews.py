"""A preview shows the exact request and none of the secrets in it; a write is never sent."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from patchbay.connectors.definition import Auth
from patchbay.connectors.http.authorizing import Signature
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.signing import FixedAuthorizer
from patchbay.connectors.preview import Preview, PreviewOptions, PreviewRefused
from patchbay.connectors.systems import system_of
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.scoping import View
from tests.connectors.http.calls import GUARD, credentials, get_customer, write_customer
from tests.servers.upstreams import hostile

SECRET = "s3cr&t/+ é"
VIEW = View(Graph("rest", None, {}, {}))


async def preview(call: FrozenCall, given: HttpCredentials, name: str, **options: Any) -> Preview:
    context = CallContext(arguments={"id": name}, time_zone="UTC")
    signer = FixedAuthorizer(Signature()) if given.auth.tokens else None
    more = {"credentials": given, "guard": GUARD, "authorizer": signer, "options": PreviewOptions(**options)}
    return await system_of("rest").preview(call, context, VIEW, **more)


SCHEMES = [
    (Auth(scheme="bearer"), {"token": "t0ken-of-ours"}),
    (Auth(scheme="basic"), {"username": "ada", "password": SECRET}),
    (Auth(scheme="api_key", place="query", name="k"), {"apiKey": SECRET}),
    (Auth(scheme="api_key", place="header", name="X-K"), {"apiKey": "k3y-of-ours"}),
    (Auth(scheme="api_key", place="cookie", name="k"), {"apiKey": "k3y-of-ours"}),
    (Auth(scheme="oauth2_client_credentials", token_url="https://a.example/t"), {"clientId": "c", "clientSecret": SECRET}),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("auth", "secrets"), SCHEMES, ids=lambda one: getattr(one, "scheme", ""))
async def test_a_write_is_shown_without_its_secrets_and_not_sent(auth: Auth, secrets: dict[str, str]) -> None:
    async with hostile.misbehaving(hostile.good) as upstream:
        headers = {"X-Service-Token": "definition-secret", "X-Version": "7"}
        given = credentials(upstream.url, auth=auth, secrets=secrets, headers=headers)
        own = [value for name, value in secrets.items() if name not in ("username", "clientId")]
        shown = await preview(write_customer(keyed=True, method="PUT"), given, f"x {own[0]} y".replace("/", ""))
        assert (shown.executed, shown.result, upstream.requests) == (False, None, [])
        told = msgspec.json.encode(shown).decode()
        for secret in (*own, "definition-secret", "czNjciZ0"):
            assert secret not in told
        assert shown.request is not None
        assert shown.request["method"] == "PUT"
        assert shown.request["headers"]["X-Version"] == "7"
        with pytest.raises(PreviewRefused):
            await preview(write_customer(), given, "Ada", execute=True)
        assert upstream.requests == []


@pytest.mark.anyio
async def test_a_read_is_made_for_a_few_records() -> None:
    async with hostile.misbehaving(hostile.good) as upstream:
        shown = await preview(get_customer(), credentials(upstream.url), "c1")
        assert (shown.executed, len(upstream.requests)) == (True, 1)
        assert shown.result is not None
        assert shown.result.rows[0]["name"] == "Ada"
        assert shown.request is not None
        assert shown.request["headers"]["Authorization"] == "Bearer [masked]"
