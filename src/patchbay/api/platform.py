"""The composition root: everything one process needs, opened in order and closed in reverse."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

if TYPE_CHECKING:
    from patchbay.accounts.leases import KeyLeases
    from patchbay.agent_runtime.direct_calls import DirectCalls
    from patchbay.agent_runtime.knowledge.ingestion import Ingestion
    from patchbay.agent_runtime.services import ModelFactory, Runtime
    from patchbay.api.mcp.host import McpHost
    from patchbay.connectors.runtime import CallRunner
    from patchbay.egress.guard import EgressGuard
    from patchbay.packs.model import Pack
    from patchbay.settings import Settings
    from patchbay.store.database import Database
    from patchbay.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Platform:
    """The services of one process."""

    settings: Settings
    database: Database
    vault: Vault
    guard: EgressGuard
    runner: CallRunner
    runtime: Runtime
    leases: KeyLeases
    direct_calls: DirectCalls
    packs: Mapping[str, Pack]
    install_holder: str | None
    """The organization that holds what was installed at a provider and nobody has claimed; None where no provider of this
    installation does that.
    """
    mcp: McpHost
    knowledge: Ingestion


@asynccontextmanager
async def open_platform(
    settings: Settings, *, database: Database | None = None, vault: Vault | None = None, models: ModelFactory | None = None
) -> AsyncGenerator[Platform]:
    """Open the platform that ``settings`` describe; it does not migrate.

    A ``database`` or ``vault`` that is handed in stays the caller's: it is not closed here. ``models`` replaces the models that
    the settings name (tests and benchmarks bring their own).
    """
    from patchbay.accounts.leases import KeyLeases
    from patchbay.accounts.organizations import ensure_organization
    from patchbay.agent_runtime.conversation.models import open_models
    from patchbay.agent_runtime.direct_calls import DirectCalls
    from patchbay.agent_runtime.drift.judging import judge_connection
    from patchbay.agent_runtime.hand_made.runners import own_runners
    from patchbay.agent_runtime.knowledge.ingestion import Ingestion
    from patchbay.agent_runtime.knowledge.searching import Library
    from patchbay.agent_runtime.lost_writes import LostWrites
    from patchbay.agent_runtime.recipes.running import RecipeRunner
    from patchbay.agent_runtime.remote_tools import RemoteTools
    from patchbay.agent_runtime.running import SkillRunner
    from patchbay.agent_runtime.services import Runtime
    from patchbay.api.mcp.host import McpHost
    from patchbay.connectors import catalog
    from patchbay.connectors.geocoding.configured import open_geocoder
    from patchbay.connectors.installs import HOLDER
    from patchbay.connectors.runtime import CallRunner
    from patchbay.connectors.sms.carrier import Carrier
    from patchbay.connectors.smtp.mailer import Mailer
    from patchbay.egress.guard import EgressGuard
    from patchbay.packs.installing import client_of
    from patchbay.packs.known import load_packs, provider_of_pack
    from patchbay.schema_graph.call import MCP, RECIPE
    from patchbay.store.database import Database
    from patchbay.store.vault import Vault

    packs = load_packs(settings.packs_dir)
    catalog.offer(provider_of_pack(pack) for pack in packs.values())
    async with AsyncExitStack() as stack:
        if database is None:
            database = await Database.open(settings)
            stack.push_async_callback(database.close)
        vault = vault or Vault.load(settings)
        guard = EgressGuard(settings.egress_networks)
        runner = CallRunner(database, vault, guard)
        runner.drift.judge = judge_connection
        await runner.start()
        stack.push_async_callback(runner.stop)
        models = models or await stack.enter_async_context(open_models(settings))
        carrier = Carrier.from_settings(settings, guard)
        if carrier is not None:
            stack.push_async_callback(carrier.close)
        geocoder = await stack.enter_async_context(open_geocoder(settings, guard))
        mailer = Mailer.from_settings(settings, guard)
        library = Library()
        own = own_runners(database, mailer, carrier, geocoder, library)
        remote_tools = RemoteTools(runner, database, vault, guard, judge_connection)
        stack.push_async_callback(remote_tools.close)
        skill_runner = SkillRunner(runner, {RECIPE: RecipeRunner(runner, database), MCP: remote_tools, **own})
        runtime = Runtime(
            database,
            vault,
            guard,
            skill_runner,
            models,
            settings,
            sms=carrier,
            mail=mailer,
            geocoder=geocoder,
            own=own,
            library=library,
        )
        stack.push_async_callback(runtime.drain)
        holder = None
        if any(client_of(pack, settings) is not None for pack in packs.values()):
            holder = (await ensure_organization(database, HOLDER)).id
        leases = KeyLeases(database, vault, limit=settings.rate_limit_per_minute)
        stack.push_async_callback(leases.close)
        direct_calls = DirectCalls(runtime)
        stack.push_async_callback(direct_calls.close)
        mcp = McpHost(runtime)
        stack.push_async_callback(mcp.close)
        lost_writes = LostWrites(runtime)
        lost_writes.start()
        stack.push_async_callback(lost_writes.stop)
        knowledge = Ingestion(database, guard)
        knowledge.start()
        stack.push_async_callback(knowledge.stop)
        yield Platform(settings, database, vault, guard, runner, runtime, leases, direct_calls, packs, holder, mcp, knowledge)


def platform_of(connection: HTTPConnection) -> Platform:
    """The platform behind this request."""
    return connection.app.state.platform
