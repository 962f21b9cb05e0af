"""An organization that connects the customers' API behind a local authorization server, and a browser to agree with."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from sqlalchemy import select, text, update

from patchbay.accounts.organizations import ensure_organization
from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors import connecting, connections, discovery
from patchbay.connectors.connecting import Connected
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.oauth.authorization import Finished, finish
from patchbay.connectors.oauth.renewal import Held
from patchbay.connectors.oauth.stored_tokens import read_tokens, write_tokens
from patchbay.connectors.oauth.tokens import Tokens
from patchbay.connectors.proving import prove
from patchbay.connectors.runtime import CallRunner
from patchbay.connectors.snapshots import load_view
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.connectors.tables import Connection, OAuthState
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.servers.authorization_server import AuthorizationServer

GUARD = EgressGuard([ip_network("127.0.0.1/32")])
HOME = "https://patchbay.test"
SECRETS = {"clientId": "web client", "clientSecret": "s3cret/+%&"}
KIND = "acme_crm"
BINDING = {
    "toolName": "Find a customer",
    "description": "Find a customer by their number and say the name.",
    "operation": "getCustomer",
    "inputs": [{"param": "customer_id", "arg": "id", "required": True}],
    "projection": [{"path": ["name"], "leaf": "customer_name"}],
    "enabled": True,
}
ASKED = CallContext(arguments={"customer_id": "c1"}, time_zone="America/Toronto")


async def agree(server: AuthorizationServer, oauth_url: str) -> dict[str, str]:
    """Open the URL as a person's browser does; the parameters it comes back with."""
    context = ssl.create_default_context(cadata=server.ca)
    async with aiohttp.ClientSession() as browser, browser.get(oauth_url, allow_redirects=False, ssl=context) as answer:
        assert answer.status == 302
        back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"{HOME}/api/v1/integrations/oauth/callback"
    return {name: values[0] for name, values in parse_qs(back.query).items()}


@dataclass
class Customers:
    """One organization and the server whose API it connects."""

    database: Database
    vault: Vault
    org: str
    server: AuthorizationServer

    async def connect(self, guard: EgressGuard = GUARD, **body: Any) -> Connected:
        async with self.database.tenant(self.org) as session:
            return await connecting.connect(
                self.database, session, self.vault, guard, org_id=self.org, kind=KIND, body=body, public_url=HOME
            )

    async def begin(self, **auth: Any) -> str:
        """Connect with a client of the organization's own; the URL to agree at."""
        made = await self.connect(definition=self.server.definition(**auth), credentials=SECRETS)
        assert made.oauth_url is not None
        return made.oauth_url

    async def finish(self, back: dict[str, str], vault: Vault | None = None) -> Finished:
        """What happens when a browser comes back with these parameters."""

        async def recorded(*_: object) -> None: ...

        return await finish(
            self.database,
            vault or self.vault,
            GUARD,
            state=back["state"],
            code=back.get("code"),
            error=back.get("error"),
            issuer=back.get("iss"),
            recorded=recorded,
        )

    async def authorized(self, **auth: Any) -> Connection:
        """Connected, after a person agreed."""
        return await self.agreed(await self.begin(**auth))

    async def agreed(self, oauth_url: str) -> Connection:
        """A person opens the URL and agrees."""
        finished = await self.finish(await agree(self.server, oauth_url))
        assert finished.reason is None
        return await self.connection()

    async def connection(self) -> Connection:
        async with self.database.tenant(self.org, read_only=True) as session:
            return await connections.current(session, KIND)

    async def tokens(self) -> Tokens | None:
        async with self.database.tenant(self.org, read_only=True) as session:
            found = await session.scalar(select(Connection).where(Connection.replaced_at.is_(None)))
            assert found is not None
            return await read_tokens(session, self.vault, found.id)

    async def age(self, **times: float | None) -> Tokens:
        """Move the stored tokens' times, as if they had passed."""
        import msgspec

        tokens = await self.tokens()
        assert tokens is not None
        aged = msgspec.structs.replace(tokens, **times)
        connection = await self.connection()
        async with self.database.tenant(self.org) as session:
            await write_tokens(session, self.vault, connection.id, self.org, aged)
        return aged

    async def expire_states(self) -> None:
        async with self.database.owner(self.org) as session:
            await session.execute(update(OAuthState).values(expires_at=text("now() - interval '1 second'")))

    async def held(self, database: Database | None = None) -> Held:
        """What a process needs to keep the tokens good."""
        database = database or self.database
        async with database.tenant(self.org, read_only=True) as session:
            connection = await connections.current(session, KIND)
            credentials = await read_credentials(session, self.vault, connection)
        assert isinstance(credentials, HttpCredentials)
        return Held(database, self.vault, GUARD, self.org, connection.id, credentials)

    async def find_customer(self) -> FrozenCall:
        """Discover the API and freeze a call on it."""
        await discovery.discover(self.database, self.vault, GUARD, org_id=self.org, kind=KIND)
        async with self.database.tenant(self.org, read_only=True) as session:
            connection = await connections.current(session, KIND, connected=True)
            view = await load_view(session, connection)
            credentials = await read_credentials(session, self.vault, connection)
        target = Target(connection_id=connection.id, kind=view.kind, time_zone=None, default_country=None, agent_country=None)
        checked = check(parse_binding(BINDING), view, target)
        return (await prove(compile_plan(checked.plan, view), view, credentials=credentials, guard=GUARD)).call


async def customers(database: Database, vault: Vault, server: AuthorizationServer, name: str = "Acme") -> Customers:
    return Customers(database, vault, (await ensure_organization(database, name)).id, server)


@asynccontextmanager
async def process(dsn: str, vault: Vault) -> AsyncGenerator[tuple[Database, CallRunner]]:
    """What one more server process has of its own."""
    database = Database.at(dsn)
    runner = CallRunner(database, vault, GUARD)
    await runner.start()
    try:
        yield database, runner
    finally:
        await runner.stop()
        await database.close()
