"""An operator who sends the curated providers' origins to servers of the test, and an organization that uses them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import httpx2
from pydantic import SecretStr

from patchbay.accounts.keys import create_key
from patchbay.accounts.organizations import ensure_organization
from patchbay.agent_runtime.skills import get_skill
from patchbay.api.app import create_app
from patchbay.api.platform import Platform, open_platform
from patchbay.connectors import catalog
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.schema_graph.canonical import unseal
from patchbay.settings import OAuthClient, Settings, StandIn
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import client_of
from tests.api.guides.conftest import Caller, Frames
from tests.servers.providers.provider import Provider

HOME = "https://patchbay.test"
CALLBACK = "/api/v1/integrations/oauth/callback"


@dataclass(frozen=True)
class Operator:
    """What the organization does through the API, and how its skills then run."""

    platform: Platform
    org_id: str
    http: httpx2.AsyncClient
    app: Any

    @property
    def caller(self) -> Caller:
        """A user of the API."""
        return Caller(self.http)

    async def connect(self, kind: str, body: Mapping[str, Any], *, agrees_at: Provider | None = None) -> dict[str, Any]:
        """Connect; a provider that wants a person's agreement gets it at ``agrees_at``."""
        made = await self.caller.ask("POST", f"/integrations/{kind}/connect", dict(body))
        if made["oauthUrl"] is None or agrees_at is None:
            return made
        context = ssl.create_default_context(cadata=agrees_at.ca)
        async with aiohttp.ClientSession() as out, out.get(made["oauthUrl"], allow_redirects=False, ssl=context) as answer:
            assert answer.status == 302, await answer.text()
            back = parse_qs(urlsplit(answer.headers["Location"]).query)
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=HOME) as browser:
            page = await browser.get(CALLBACK, params={name: values[0] for name, values in back.items()})
        assert page.status_code == 200, page.text
        return (await self.caller.ask("GET", "/integrations"))[0]

    async def agent(self, name: str = "Front desk", time_zone: str = "America/Toronto", country: str = "US") -> str:
        """A new agent."""
        body = {"name": name, "timeZone": time_zone, "defaultCountry": country}
        return (await self.caller.ask("POST", "/agents", body, status=201))["id"]

    async def provision(
        self, agent_id: str, kind: str, *actions: str, configuration: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The skills of actions; the key ones when none are named."""
        body = ({"actions": list(actions)} if actions else {}) | {"configuration": dict(configuration or {})}
        made = await self.caller.ask("POST", f"/agents/{agent_id}/integrations/{kind}/provision", body)
        return [one["skill"] for one in made]

    async def verified_by(self, agent_id: str, verifier: Mapping[str, Any], *fields: str) -> None:
        """Let callers be verified by a skill, which compares the fields."""
        config = {"method": "knowledge_based", "requiredFields": list(fields), "verifierSkillId": verifier["id"]}
        await self.caller.ask("PUT", f"/agents/{agent_id}/caller-verification", [config])

    async def publish(self, agent_id: str) -> None:
        """Make the agent live."""
        await self.caller.ask("POST", f"/agents/{agent_id}/publish", status=201)

    async def talk(self, agent_id: str, *turns: str, number: str | None = "+14155550132") -> Frames:
        """A conversation of the published agent with whoever rings from ``number``."""
        session = {} if number is None else {"callerNumber": number}
        return await self.caller.simulate(agent_id, transcript=list(turns), draftMode=False, session=session)

    async def call_of(self, agent_id: str, skill_id: str) -> FrozenCall:
        """The frozen call of a skill."""
        async with self.platform.database.tenant(self.org_id, read_only=True) as session:
            row = await get_skill(session, agent_id, skill_id)
            assert row.call is not None, row.warnings
            assert row.digest is not None
            return unseal(row.call, row.digest)

    async def run(
        self,
        agent_id: str,
        skill: Mapping[str, Any],
        arguments: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        time_zone: str = "America/Toronto",
        **facts: Mapping[str, Any],
    ) -> CallResult:
        """Run a skill's call as a conversation's engine does after its gates; ``facts`` are ``session`` and ``verified``."""
        call = await self.call_of(agent_id, skill["id"])
        context = CallContext(
            arguments=dict(arguments or {}),
            session=dict(facts.get("session", {})),
            verified=dict(facts.get("verified", {})),
            time_zone=time_zone,
            idempotency_key=key,
        )
        return await self.platform.runtime.runner.run(self.org_id, call, context)


@asynccontextmanager
async def operating(
    settings: Settings,
    database: Database,
    vault: Vault,
    stand_ins: Mapping[str, Provider],
    *,
    directory: Path,
    oauth: Mapping[str, tuple[str, str]] | None = None,
    packs_dir: Path | None = None,
) -> AsyncGenerator[Operator]:
    """A platform whose operator sends each origin to a server of the test. ``oauth`` has (client id, secret) by app."""
    sent: dict[str, StandIn] = {}
    for number, (origin, server) in enumerate(stand_ins.items()):
        authority = directory / f"ca{number}.pem"
        authority.write_text(server.ca)
        sent[origin] = StandIn(origin=server.url, ca_file=authority)
    clients = {app: OAuthClient(client_id=id_, client_secret=SecretStr(secret)) for app, (id_, secret) in (oauth or {}).items()}
    chosen = settings.model_copy(
        update={
            "egress_allow": "127.0.0.1/32", "rate_limit_per_minute": 100_000, "public_url": HOME, "stand_ins": sent,
            "oauth": clients, "packs_dir": packs_dir,
        }
    )  # fmt: skip
    organization = await ensure_organization(database, "Acme")
    _, secret = await create_key(database, vault, org_id=organization.id, name="test", scopes=("*",))
    try:
        async with open_platform(chosen, database=database, vault=vault) as platform:
            app = create_app(platform.settings, platform=platform)
            async with client_of(app, {"Authorization": f"Bearer {secret}"}) as http:
                yield Operator(platform, organization.id, http, app)
    finally:
        catalog.offer(())
