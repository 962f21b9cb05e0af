"""A person agrees in the browser: what is stored when, and everything that must not work."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, text

from patchbay.connectors import connections
from patchbay.connectors.connections import IntegrationNotConnected
from patchbay.connectors.oauth.authorization import StateUnknown
from patchbay.connectors.oauth.callback_address import callback_url, return_url
from patchbay.connectors.oauth.refusals import IntegrationUnavailable
from patchbay.connectors.stored_credentials import seal_of
from patchbay.connectors.tables import Credential, OAuthState
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.urls import BadUrl
from patchbay.errors import ValidationFailed
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.oauth.customers import HOME, KIND, SECRETS, Customers, agree, customers
from tests.servers.authorization_server import AuthorizationServer, says

pytestmark = pytest.mark.anyio


async def shown(acme: Customers) -> dict[str, Any]:
    async with acme.database.tenant(acme.org, read_only=True) as session:
        (one,) = await connections.list_connections(session)
        return one


async def status(acme: Customers) -> tuple[str, str | None]:
    one = await shown(acme)
    return one["status"], one["statusReason"]


async def test_a_person_agrees_and_the_connection_is_connected(acme: Customers, server: AuthorizationServer) -> None:
    url = await acme.begin()
    assert await status(acme) == ("pending", "authorization_needed")
    assert (await shown(acme))["connectedAt"] is None
    with pytest.raises(IntegrationNotConnected):
        async with acme.database.tenant(acme.org, read_only=True) as session:
            await connections.current(session, KIND, connected=True)
    back = await agree(server, url)
    (asked,) = server.authorized
    assert asked["redirect_uri"] == f"{HOME}/api/v1/integrations/oauth/callback"
    assert asked["scope"] == "customers.read offline"
    assert len(asked["state"]) == 43
    assert (await acme.finish(back)).reason is None
    assert await status(acme) == ("connected", None)
    assert (await shown(acme))["connectedAt"] is not None
    (exchanged,) = server.asked
    assert exchanged["grant_type"] == "authorization_code"
    assert "client_secret" not in exchanged
    assert server.called == server.grants[0].access_tokens, "the verification request was signed with the new token"
    tokens = await acme.tokens()
    assert tokens is not None
    assert (tokens.access_token, tokens.refresh_token) == (
        server.grants[0].access_tokens[0],
        server.grants[0].refresh_tokens[0],
    )
    assert tokens.access_token not in repr(tokens)
    async with acme.database.tenant(acme.org) as session:
        stored = {row.role: row for row in await session.scalars(select(Credential))}
        assert set(stored) == {"read", "tokens"}
        for row in stored.values():
            assert tokens.access_token.encode() not in row.ciphertext
        assert list(await session.scalars(select(OAuthState))) == []


@pytest.mark.parametrize("client_auth", ["basic", "post"])
async def test_the_client_says_who_it_is_in_either_way(acme: Customers, server: AuthorizationServer, client_auth: str) -> None:
    await acme.authorized(clientAuth=client_auth)
    assert ("client_secret" in server.asked[0]) is (client_auth == "post")


async def test_a_client_without_a_secret_relies_on_its_verifier(acme: Customers, server: AuthorizationServer) -> None:
    made = await acme.connect(definition=server.definition(), credentials={"clientId": "public"})
    assert made.oauth_url is not None
    assert (await acme.finish(await agree(server, made.oauth_url))).reason is None
    assert server.asked[0]["client_id"] == "public"


async def test_what_is_stored_of_a_state_opens_nothing(acme: Customers) -> None:
    state = parse_qs(urlsplit(await acme.begin()).query)["state"][0]
    async with acme.database.owner(acme.org) as session:
        row = (await session.execute(text("SELECT * FROM oauth_states"))).mappings().one()
    assert state not in repr(dict(row))
    assert state.encode() not in row["ciphertext"]
    assert len(row["state_hash"]) == 32


async def test_a_state_serves_once_whoever_comes_first(acme: Customers, server: AuthorizationServer) -> None:
    back = await agree(server, await acme.begin())
    outcomes = await asyncio.gather(*(acme.finish(back) for _ in range(4)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Finished", *["StateUnknown"] * 3]
    assert server.count("authorization_code") == 1
    with pytest.raises(StateUnknown):
        await acme.finish(back)
    assert await status(acme) == ("connected", None)


async def test_a_state_ends(acme: Customers, server: AuthorizationServer) -> None:
    back = await agree(server, await acme.begin())
    await acme.expire_states()
    with pytest.raises(StateUnknown):
        await acme.finish(back)
    assert server.asked == []
    assert await status(acme) == ("pending", "authorization_needed")


async def test_a_second_connect_voids_the_first(acme: Customers, server: AuthorizationServer) -> None:
    first = await agree(server, await acme.begin())
    made = await acme.connect()
    assert made.oauth_url is not None
    with pytest.raises(StateUnknown):
        await acme.finish(first)
    assert (await acme.finish(await agree(server, made.oauth_url))).reason is None


@pytest.mark.parametrize("state", ["", "x" * 43, "%00", "x" * 5_000, "é" * 43, "' OR 1=1 --"])
async def test_a_state_that_was_never_given_is_over(acme: Customers, state: str) -> None:
    await acme.begin()
    with pytest.raises(StateUnknown):
        await acme.finish({"state": state, "code": "c"})


async def test_states_are_their_organizations(
    acme: Customers, database: Database, vault: Vault, server: AuthorizationServer
) -> None:
    """A browser brings its own organization's state: whoever else has begun something gets nothing of it."""
    globex = await customers(database, vault, server, "Globex")
    mine, theirs = await agree(server, await acme.begin()), await agree(server, await globex.begin())
    async with database.tenant(globex.org) as session:
        assert len(list(await session.scalars(select(OAuthState)))) == 1
    assert (await globex.finish(mine)).reason is None  # there is one callback for all: the state alone decides
    assert await status(acme) == ("connected", None)
    assert await status(globex) == ("pending", "authorization_needed")
    crossed = await globex.finish({**theirs, "code": mine["code"]})
    assert crossed.reason == "authorization_failed", "a code of another authorization fails its verifier, and was used"
    assert await globex.tokens() is None


async def test_a_code_of_another_authorization_does_not_fit(acme: Customers, server: AuthorizationServer) -> None:
    stolen = await agree(server, await acme.begin())
    again = await acme.connect()
    assert again.oauth_url is not None
    mine = await agree(server, again.oauth_url)
    assert (await acme.finish({**mine, "code": stolen["code"]})).reason == "authorization_failed"
    assert server.codes[stolen["code"]].used, "the server compared the verifier"
    assert await acme.tokens() is None
    assert await status(acme) == ("pending", "authorization_failed")


async def test_a_sealed_verifier_cannot_be_moved(acme: Customers, server: AuthorizationServer) -> None:
    first = await agree(server, await acme.begin())
    async with acme.database.owner(acme.org) as session:
        await session.execute(text("UPDATE oauth_states SET id = 'oas_other'"))
    with pytest.raises(StateUnknown):
        await acme.finish(first)


@pytest.mark.parametrize(
    ("error", "reason"), [("access_denied", "authorization_denied"), ("server_error", "authorization_failed")]
)
async def test_who_does_not_agree_can_be_asked_again(
    acme: Customers, server: AuthorizationServer, error: str, reason: str
) -> None:
    server.deny = error
    back = await agree(server, await acme.begin())
    assert (await acme.finish(back)).reason == reason
    assert await status(acme) == ("pending", reason)
    assert "provider" not in repr(await shown(acme))
    server.deny = None
    again = await acme.connect()
    assert again.oauth_url is not None
    assert await status(acme) == ("pending", "authorization_needed")
    assert (await acme.finish(await agree(server, again.oauth_url))).reason is None


async def test_a_token_that_the_system_refuses_connects_nothing(acme: Customers, server: AuthorizationServer) -> None:
    definition = {**server.definition(), "verify": {"path": "/nowhere"}}
    made = await acme.connect(definition=definition, credentials=SECRETS)
    assert made.oauth_url is not None
    back = await agree(server, made.oauth_url)
    assert (await acme.finish(back)).reason == "verification_failed"
    assert await status(acme) == ("pending", "verification_failed")
    assert await acme.tokens() is None
    assert server.grants[0].void, "what nobody keeps is given back"
    assert server.revoked[0] == server.grants[0].refresh_tokens[0]


@pytest.mark.parametrize(
    ("named", "definition", "well"),
    [
        ("ORIGIN/tenant", None, True),
        ("https://evil.example", None, False),
        ("not a url", None, False),
        ("ORIGIN/tenant", "ORIGIN/tenant", True),
        ("ORIGIN/other", "ORIGIN/tenant", False),
        (None, "ORIGIN/tenant", False),
    ],
)
async def test_the_server_that_answers_is_the_one_that_was_asked(
    acme: Customers, server: AuthorizationServer, named: str | None, definition: str | None, well: bool
) -> None:
    server.issuer = named.replace("ORIGIN", server.url) if named else None
    own = {"issuer": definition.replace("ORIGIN", server.url)} if definition else {}
    finished = await acme.finish(await agree(server, await acme.begin(**own)))
    assert (finished.reason is None) is well
    assert (len(server.asked) == 1) is well, "no code is given away"


async def test_asking_again_leaves_what_is_connected_alone(acme: Customers, server: AuthorizationServer) -> None:
    connection = await acme.authorized()
    before = await acme.tokens()
    again = await acme.connect(redirectUrl="/integrations")
    assert again.connection.id == connection.id
    assert await status(acme) == ("connected", None)
    assert await acme.tokens() == before
    async with acme.database.tenant(acme.org) as session:
        seal = await seal_of(session, connection)
    assert again.oauth_url is not None
    server.deny = "access_denied"
    assert (await acme.finish(await agree(server, again.oauth_url))).reason == "authorization_denied"
    assert await status(acme) == ("connected", None)
    server.deny = None
    again = await acme.connect(redirectUrl="/integrations")
    assert again.oauth_url is not None
    finished = await acme.finish(await agree(server, again.oauth_url))
    assert (finished.reason, finished.return_to) == (None, f"{HOME}/integrations")
    assert await acme.tokens() != before
    async with acme.database.tenant(acme.org) as session:
        assert await seal_of(session, connection) != seal, "running processes see that somebody agreed anew"


async def test_only_settings_ask_nobody(acme: Customers) -> None:
    await acme.begin()
    made = await acme.connect(timeZone="Asia/Tokyo")
    assert made.oauth_url is None
    assert (made.connection.time_zone, made.connection.status) == ("Asia/Tokyo", "pending")


async def test_a_connection_that_was_entered_anew_meanwhile_gets_no_token(acme: Customers, server: AuthorizationServer) -> None:
    server.hold = asyncio.Event()
    back = await agree(server, await acme.begin())
    finishing = asyncio.ensure_future(acme.finish(back))
    await server.holding.wait()
    async with acme.database.tenant(acme.org) as session:
        await connections.disconnect(session, kind=KIND)
    server.hold.set()
    with pytest.raises(StateUnknown):
        await finishing
    assert await status(acme) == ("disconnected", None)
    assert await acme.tokens() is None
    assert server.grants[0].void, "what nobody keeps is given back"


async def test_disconnecting_voids_what_was_begun(acme: Customers, server: AuthorizationServer) -> None:
    back = await agree(server, await acme.begin())
    async with acme.database.tenant(acme.org) as session:
        await connections.disconnect(session, kind=KIND)
    with pytest.raises(StateUnknown):
        await acme.finish(back)
    with pytest.raises(ValidationFailed):
        await acme.connect()


@pytest.mark.parametrize("body", [b"", b"<html>", {"error": "invalid_grant"}, {"token_type": "mac", "access_token": "x"}])
async def test_an_exchange_that_fails_says_so(acme: Customers, server: AuthorizationServer, body: Any) -> None:
    back = await agree(server, await acme.begin())
    server.misbehave = says(body)
    assert (await acme.finish(back)).reason == "authorization_failed"
    assert await acme.tokens() is None


@pytest.mark.parametrize("name", ["authorizationUrl", "tokenUrl", "revocationUrl"])
@pytest.mark.parametrize(
    "url", ["https://169.254.169.254/latest", "https://10.0.0.7/x", "https://[::1]/x", "http://93.184.216.34/"]
)
async def test_nobody_is_sent_to_a_forbidden_address(acme: Customers, name: str, url: str) -> None:
    with pytest.raises(EgressRefused):
        await acme.begin(**{name: url})
    async with acme.database.tenant(acme.org) as session:
        assert await connections.list_connections(session) == []


async def test_without_the_allow_list_even_this_machine_is_refused(acme: Customers, server: AuthorizationServer) -> None:
    with pytest.raises(EgressRefused):
        await acme.connect(EgressGuard(), definition=server.definition(), credentials=SECRETS)


def test_the_operator_says_where_this_server_is() -> None:
    with pytest.raises(IntegrationUnavailable, match="PATCHBAY_PUBLIC_URL"):
        callback_url(None)
    assert callback_url("https://a.example/") == "https://a.example/api/v1/integrations/oauth/callback"
    assert return_url("https://a.example", "/x?y=1") == "https://a.example/x?y=1"
    for elsewhere in (
        "https://b.example/",
        "//b.example/x",
        "/\\b.example",
        "javascript:alert(1)",
        "https://a.example@b.example/",
    ):
        with pytest.raises(BadUrl):
            return_url("https://a.example", elsewhere)


async def test_a_redirect_url_is_ours_or_none(acme: Customers, server: AuthorizationServer) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await acme.connect(definition=server.definition(), credentials=SECRETS, redirectUrl="https://evil.example/")
    assert [finding.code for finding in refused.value.errors] == ["url_invalid"]
    plain = {**server.definition(), "auth": {"scheme": "none"}}
    with pytest.raises(ValidationFailed) as refused:
        await acme.connect(definition=plain, redirectUrl="/x")
    assert [finding.code for finding in refused.value.errors] == ["redirect_unused"]
