"""Keeping tokens good: renewed once by whoever comes first, never lost, never beyond what the server allows."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors import connections
from patchbay.connectors.http.signing import static_authorizer
from patchbay.connectors.http.system import VerificationFailed
from patchbay.connectors.oauth import renewal
from patchbay.connectors.oauth.authorizer import OAuthAuthorizer
from patchbay.connectors.oauth.authorizers import authorizer_for
from patchbay.connectors.oauth.endpoints import ANSWER_MOST
from patchbay.connectors.oauth.refusals import TokenAnswerInvalid, TokenRefused, TokenServerBusy
from patchbay.connectors.oauth.renewal import current_tokens
from patchbay.connectors.oauth.revoking import Grant, give_back, grant_of
from patchbay.connectors.oauth.stored_tokens import delete_tokens
from patchbay.connectors.refusals import CallRefused, CredentialsRefused, NotConnected
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.connectors.tables import Connection
from patchbay.egress.failures import BrokenOff, OutboundFailed, RedirectRefused, TooLarge
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.oauth.customers import ASKED, GUARD, KIND, SECRETS, Customers, agree, process
from tests.servers.authorization_server import (
    AuthorizationServer,
    Misbehaviour,
    breaks_off,
    endless,
    redirects,
    says,
)

pytestmark = pytest.mark.anyio
CLIENT = "oauth2_client_credentials"


async def by_client(acme: Customers, server: AuthorizationServer, **auth: Any) -> None:
    await acme.connect(definition=server.definition(CLIENT, **auth), credentials=SECRETS)


async def reason(acme: Customers) -> str | None:
    return (await acme.connection()).status_reason


async def test_a_client_proves_itself_when_it_is_connected(acme: Customers, server: AuthorizationServer) -> None:
    await by_client(acme, server)
    connection = await acme.connection()
    assert (connection.status, connection.status_reason) == ("connected", None)
    assert server.asked == [{"grant_type": "client_credentials", "scope": "customers.read offline"}]
    assert server.called == server.grants[0].access_tokens
    tokens = await acme.tokens()
    assert tokens is not None
    assert tokens.access_token == server.grants[0].access_tokens[0]
    call = await acme.find_customer()
    async with process(acme.database.dsn, acme.vault) as (_, runner):
        for _ in range(3):
            assert (await runner.run(acme.org, call, ASKED)).rows == [{"customer_name": "Ada Byron"}]
    assert server.count("client_credentials") == 1, "one token for all calls of all processes"


async def test_a_client_that_is_refused_is_not_stored(acme: Customers, server: AuthorizationServer) -> None:
    with pytest.raises(TokenRefused) as refused:
        await acme.connect(definition=server.definition(CLIENT), credentials={**SECRETS, "clientSecret": "wrong"})
    assert refused.value.extensions == {"reason": "invalid_client"}
    assert "provider text" not in repr(vars(refused.value))
    definition = {**server.definition(CLIENT), "verify": {"path": "/customers/c1", "expect": 204}}
    with pytest.raises(VerificationFailed):
        await acme.connect(definition=definition, credentials=SECRETS)
    async with acme.database.tenant(acme.org) as session:
        assert await connections.list_connections(session) == []


async def test_a_fresh_token_costs_no_look_at_anything(
    acme: Customers, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await acme.authorized()
    authorizer = OAuthAuthorizer(await acme.held())
    first = await authorizer.sign()

    def nobody(*_: Any, **__: Any) -> Any:
        raise AssertionError("no I/O while the token is good")

    monkeypatch.setattr(Database, "tenant", nobody)
    monkeypatch.setattr(asyncio, "shield", nobody)
    assert all([await authorizer.sign() is first for _ in range(100)])
    assert server.count("refresh_token") == 0


async def test_a_token_is_renewed_beside_the_calls(acme: Customers, server: AuthorizationServer) -> None:
    await acme.authorized()
    old = await acme.age(ends_at=time.time() + 30, obtained_at=time.time() - 3_000)
    server.misbehave = says({}, 503)
    authorizer = OAuthAuthorizer(await acme.held())
    held = await authorizer.sign()
    assert held.headers == {"Authorization": f"Bearer {old.access_token}"}, "it serves while the server does not answer"
    server.misbehave, server.hold = None, asyncio.Event()
    authorizer._not_before = 0.0  # pyright: ignore[reportPrivateUsage]
    assert await authorizer.sign() is held, "nobody waits for the next one"
    await server.holding.wait()
    assert await authorizer.sign() is held
    server.hold.set()
    flight = authorizer._flight  # pyright: ignore[reportPrivateUsage]
    assert flight is not None
    await flight
    renewed = await authorizer.sign()
    assert renewed.headers == {"Authorization": f"Bearer {server.grants[0].access_tokens[-1]}"}
    assert server.count("refresh_token") == 2
    assert await reason(acme) is None


async def test_processes_that_renew_at_once_renew_once(acme: Customers, server: AuthorizationServer) -> None:
    await acme.authorized()
    call = await acme.find_customer()
    await acme.age(ends_at=time.time() - 5, obtained_at=time.time() - 3_000)
    async with (
        process(acme.database.dsn, acme.vault) as (_, one),
        process(acme.database.dsn, acme.vault) as (_, two),
        process(acme.database.dsn, acme.vault) as (_, three),
    ):
        results = await asyncio.gather(*(runner.run(acme.org, call, ASKED) for runner in (one, two, three) for _ in range(5)))
    assert {result.rows[0]["customer_name"] for result in results} == {"Ada Byron"}
    assert server.count("refresh_token") == 1
    assert not server.grants[0].void, "no spent refresh token was sent"
    stored = await acme.tokens()
    assert stored is not None
    assert stored.refresh_token == server.grants[0].refresh_tokens[-1]


async def test_a_token_that_is_refused_in_its_life_is_renewed_once_and_the_call_repeated(
    acme: Customers, server: AuthorizationServer
) -> None:
    await acme.authorized()
    call = await acme.find_customer()
    async with (
        process(acme.database.dsn, acme.vault) as (_, one),
        process(acme.database.dsn, acme.vault) as (_, two),
    ):
        for runner in (one, two):
            await runner.run(acme.org, call, ASKED)
        server.forget_access_tokens()
        results = await asyncio.gather(*(runner.run(acme.org, call, ASKED) for runner in (one, two) for _ in range(4)))
        assert {result.rows[0]["customer_name"] for result in results} == {"Ada Byron"}
        assert server.count("refresh_token") == 1


async def test_a_system_that_refuses_every_token_does_not_make_us_ask_for_ever(
    acme: Customers, server: AuthorizationServer
) -> None:
    await acme.authorized()
    call = await acme.find_customer()
    async with process(acme.database.dsn, acme.vault) as (_, runner):
        server.forget_access_tokens()
        server.admit_nobody = True
        for _ in range(5):
            with pytest.raises(CredentialsRefused):
                await runner.run(acme.org, call, ASKED)
    assert server.count("refresh_token") == 1


async def test_a_refresh_that_is_refused_asks_for_the_person_again(acme: Customers, server: AuthorizationServer) -> None:
    await acme.authorized()
    call = await acme.find_customer()
    await acme.age(ends_at=time.time() - 5, obtained_at=time.time() - 3_000)
    server.grants[0].void = True
    async with process(acme.database.dsn, acme.vault) as (_, runner):
        for _ in range(3):
            with pytest.raises(CredentialsRefused) as refused:
                await runner.run(acme.org, call, ASKED)
            assert refused.value.next_step
        assert server.count("refresh_token") == 1, "a dead refresh token is not sent again"
        connection = await acme.connection()
        assert (connection.status, connection.status_reason) == ("connected", "reauthorization_required")
        assert await acme.tokens() is None
        # A person agrees again, and this process goes on by itself.
        made = await acme.connect()
        assert made.oauth_url is not None
        assert (await acme.finish(await agree(server, made.oauth_url))).reason is None
        assert await reason(acme) is None
        assert (await runner.run(acme.org, call, ASKED)).rows == [{"customer_name": "Ada Byron"}]


async def test_without_a_refresh_token_a_person_is_asked_when_the_token_ends(
    acme: Customers, server: AuthorizationServer
) -> None:
    server.issue_refresh_tokens = False
    await acme.authorized()
    held = await acme.held()
    await acme.age(ends_at=time.time() + 30, obtained_at=time.time() - 3_000)
    assert (await current_tokens(held)).refresh_token is None
    assert await reason(acme) == "reauthorization_required", "said before it hurts"
    await acme.age(ends_at=time.time() - 5)
    with pytest.raises(CredentialsRefused):
        await current_tokens(held)
    assert server.count("refresh_token") == 0


async def test_a_client_that_is_refused_later_recovers_by_itself(acme: Customers, server: AuthorizationServer) -> None:
    await by_client(acme, server)
    held = await acme.held()
    await acme.age(ends_at=time.time() - 5, obtained_at=time.time() - 3_000)
    secret, server.clients["web client"] = server.clients["web client"], "changed"
    authorizer = OAuthAuthorizer(held)
    for _ in range(3):
        with pytest.raises(CredentialsRefused):
            await authorizer.sign()
    assert server.count("client_credentials") == 2, "asked once, then left in peace for a while"
    assert await reason(acme) == "credentials_refused"
    server.clients["web client"] = secret
    assert (await current_tokens(held)).access_token == server.grants[-1].access_tokens[-1]
    assert await reason(acme) is None


@pytest.mark.parametrize(
    ("misbehave", "failure"),
    [
        (breaks_off, BrokenOff),
        (says({"error": "temporarily_unavailable"}, 400), TokenServerBusy),
        (says(b"", 500), TokenServerBusy),
        (says(b"x" * (ANSWER_MOST + 1)), TooLarge),
        (says([]), TokenAnswerInvalid),
        (says({"access_token": "x", "token_type": "mac"}), TokenAnswerInvalid),
        (endless, TooLarge),
        (redirects("https://169.254.169.254/latest/meta-data/"), RedirectRefused),
        (redirects("https://127.0.0.1:1/token", 302), RedirectRefused),
    ],
)
async def test_a_server_that_misbehaves_costs_nothing_that_is_held(
    acme: Customers, server: AuthorizationServer, misbehave: Misbehaviour, failure: type[OutboundFailed]
) -> None:
    await acme.authorized()
    held = await acme.held()
    due = await acme.age(ends_at=time.time() + 30, obtained_at=time.time() - 3_000)
    server.misbehave = misbehave
    assert await current_tokens(held) == due, "it serves until it ends"
    over = await acme.age(ends_at=time.time() - 1)
    with pytest.raises(failure):
        await current_tokens(held)
    assert await acme.tokens() == over
    assert await reason(acme) is None
    server.misbehave = None
    assert (await current_tokens(held)).refresh_token == server.grants[0].refresh_tokens[-1]


async def test_a_server_that_never_answers_is_given_up(
    acme: Customers, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchbay.connectors.oauth.endpoints.TOKEN_S", 0.3)
    await acme.authorized()
    call = await acme.find_customer()
    await acme.age(ends_at=time.time() - 1, obtained_at=time.time() - 3_000)
    server.hold = asyncio.Event()
    async with process(acme.database.dsn, acme.vault) as (_, runner):
        with pytest.raises(CallRefused):
            await runner.run(acme.org, call, ASKED)


async def test_a_caller_who_hangs_up_does_not_end_the_renewal(acme: Customers, server: AuthorizationServer) -> None:
    await acme.authorized()
    await acme.age(ends_at=time.time() - 1, obtained_at=time.time() - 3_000)
    server.hold = asyncio.Event()
    authorizer = OAuthAuthorizer(await acme.held())
    gone, staying = (asyncio.ensure_future(authorizer.sign()) for _ in range(2))
    await server.holding.wait()
    gone.cancel()
    await asyncio.wait([gone])
    server.hold.set()
    assert (await staying).headers["Authorization"] == f"Bearer {server.grants[0].access_tokens[-1]}"
    assert server.count("refresh_token") == 1


async def test_new_tokens_survive_a_store_that_fails_once(
    acme: Customers, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old refresh token is spent when the store fails: what came for it is stored again, before it is used."""
    await acme.authorized()
    await acme.age(ends_at=time.time() - 1, obtained_at=time.time() - 3_000)
    held, written = await acme.held(), []
    store = renewal.write_tokens

    async def failing_once(session: AsyncSession, *more: Any) -> None:
        await store(session, *more)
        written.append(1)
        if len(written) == 1:
            with pytest.raises(SQLAlchemyError):
                await session.execute(text("SELECT 1/0"))
            await session.execute(text("SELECT 1"))

    monkeypatch.setattr(renewal, "write_tokens", failing_once)
    tokens = await current_tokens(held)
    assert len(written) == 2
    assert await acme.tokens() == tokens
    assert tokens.refresh_token == server.grants[0].refresh_tokens[-1]
    assert server.count("refresh_token") == 1


@pytest.mark.parametrize("stored", [True, False])
async def test_a_renewal_does_not_bring_back_what_was_disconnected(
    acme: Customers, server: AuthorizationServer, stored: bool
) -> None:
    await by_client(acme, server)
    await acme.age(ends_at=time.time() - 1, obtained_at=time.time() - 3_000)
    held = await acme.held()
    if not stored:  # then the renewal adds a row, which refers to the one that disconnecting holds
        async with acme.database.tenant(acme.org) as session:
            await delete_tokens(session, held.connection_id)
    server.hold = asyncio.Event()
    renewing = asyncio.ensure_future(current_tokens(held))
    await server.holding.wait()

    async def disconnect() -> None:
        async with acme.database.tenant(acme.org) as session:
            await connections.disconnect(session, kind=KIND)

    disconnecting = asyncio.ensure_future(disconnect())
    await asyncio.sleep(0.1)
    assert not disconnecting.done(), "it waits for the renewal"
    server.hold.set()
    await asyncio.gather(renewing, disconnecting)
    assert await acme.tokens() is None
    with pytest.raises(NotConnected):
        await current_tokens(held)


@pytest.mark.parametrize("well", [True, False])
async def test_disconnecting_gives_the_tokens_back(acme: Customers, server: AuthorizationServer, well: bool) -> None:
    await acme.authorized()
    tokens = await acme.tokens()
    assert tokens is not None
    async with acme.database.tenant(acme.org) as session:
        grant = await grant_of(session, acme.vault, KIND)
        await connections.disconnect(session, kind=KIND)
    assert await acme.tokens() is None, "gone here before anybody is told"
    server.misbehave = None if well else breaks_off
    assert await give_back(GUARD, grant) is well
    assert server.revoked == ([tokens.refresh_token, tokens.access_token] if well else [])


async def test_what_is_given_back_is_what_a_renewal_under_way_brings(acme: Customers, server: AuthorizationServer) -> None:
    await acme.authorized()
    await acme.age(ends_at=time.time() - 1, obtained_at=time.time() - 3_000)
    server.hold = asyncio.Event()
    renewing = asyncio.ensure_future(current_tokens(await acme.held()))
    await server.holding.wait()
    reading = asyncio.get_running_loop().create_future()

    async def disconnect() -> Grant | None:
        async with acme.database.tenant(acme.org) as session:
            reading.set_result(None)
            grant = await grant_of(session, acme.vault, KIND)
            await connections.disconnect(session, kind=KIND)
            return grant

    disconnecting = asyncio.ensure_future(disconnect())
    await reading
    await asyncio.sleep(0.05)
    server.hold.set()
    renewed, grant = await asyncio.gather(renewing, disconnecting)
    assert grant is not None
    assert grant.tokens == renewed
    assert await give_back(GUARD, grant) is True
    assert server.revoked[0] == server.grants[0].refresh_tokens[-1]


async def test_what_has_nothing_to_revoke_says_so(acme: Customers, server: AuthorizationServer) -> None:
    assert await give_back(GUARD, None) is None
    await by_client(acme, server)
    async with acme.database.tenant(acme.org) as session:
        grant = await grant_of(session, acme.vault, KIND)
        assert grant is not None
    assert await give_back(GUARD, grant) is False, "the definition names nowhere to say so"


async def test_tokens_stay_in_their_organization(acme: Customers, database: Database, server: AuthorizationServer) -> None:
    await acme.authorized()
    async with database.anonymous() as session:
        assert await session.scalar(text("SELECT count(*) FROM credentials")) == 0


async def test_schemes_without_tokens_need_no_authorizer(acme: Customers, server: AuthorizationServer, vault: Vault) -> None:
    definition = {**server.definition(), "auth": {"scheme": "bearer"}, "verify": None}
    made = await acme.connect(definition=definition, credentials={"token": "t"})
    async with acme.database.tenant(acme.org) as session:
        connection = await session.get(Connection, made.connection.id)
        assert connection is not None
        credentials = await read_credentials(session, acme.vault, connection)
    assert authorizer_for(acme.database, vault, GUARD, connection, credentials) is None
    assert authorizer_for(acme.database, vault, GUARD, connection, object()) is None
    assert (await static_authorizer(credentials.auth, credentials.secrets).sign()).headers == {"Authorization": "Bearer t"}
