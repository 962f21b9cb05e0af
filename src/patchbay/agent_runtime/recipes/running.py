"""Running recipes: each part through the ordinary runner, with all that holds for a call there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import Any

import msgspec
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from patchbay.agent_runtime.recipes.freezing import read_settings
from patchbay.agent_runtime.recipes.known import RECIPES
from patchbay.agent_runtime.recipes.recipe import AnyRecipe, Findable, RecipeInvalid, RecipeSettings
from patchbay.agent_runtime.services import Runner
from patchbay.connectors.refusals import CallNotSupported, CallRefused, SourceTimeout
from patchbay.schema_graph.arguments import prepare_inputs
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall, RecipeCall
from patchbay.store.database import Database

AT_ONCE = 4
"""Recipes that write at once in one process. Each may hold some of the database's pooled connections while its parts need
others: more of them together could leave none for anybody.
"""
WAIT_S = 5.0
"""How long a resource is waited for."""
_AWAY = (SQLAlchemyError, OSError)
_log = structlog.get_logger(__name__)
_WAIT = text(f"SET LOCAL lock_timeout = '{int(WAIT_S * 1000)}ms'")
_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended(:resource, 0))")


class Busy(CallRefused):
    """Somebody else is changing the same thing right now, so nothing was changed."""

    code, title = "resource_busy", "Busy"
    layer = "source"
    next_step = "Ask again in a moment."
    say = "Somebody else is changing that right now. Please try again in a moment."


class RecipeRunner:
    """Runs the calls of kind ``recipe``. ``calls`` runs their ``parts``."""

    def __init__(
        self,
        calls: Runner,
        database: Database,
        recipes: Mapping[str, AnyRecipe] = RECIPES,
        *,
        parts: type[RunningParts] | None = None,
    ) -> None:
        self._calls = calls
        self._database = database
        self._recipes = recipes
        self._parts = parts or RunningParts
        self._writing = asyncio.Semaphore(AT_ONCE)

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """The recipe's result. Raises what validating the arguments and what running a part raises, and :class:`SourceTimeout`
        when the whole takes too long and has written nothing.
        """
        recipe, settings, body = self._known(call)
        started = time.perf_counter()
        values = prepare_inputs(call)(context)
        parts = self._parts(self._calls, self._database, org_id, body.parts, context)
        try:
            async with asyncio.timeout(call.caps.deadline_ms / 1000), self._writing if call.effect == "write" else nullcontext():
                result = await recipe.run(settings, values, parts, context)
        except TimeoutError:
            if parts.wrote:
                raise  # nobody knows what became of it
            raise SourceTimeout from None
        return msgspec.structs.replace(result, duration_ms=(time.perf_counter() - started) * 1000)

    async def settle(self, org_id: str, call: FrozenCall, context: CallContext) -> bool:
        """Whether a run that nobody saw the end of is found done, by reading alone. False where that cannot be told. Raises as
        running does.
        """
        recipe, settings, body = self._known(call)
        if not isinstance(recipe, Findable):
            return False
        parts = RunningParts(self._calls, self._database, org_id, body.parts, context)
        return await recipe.found_done(settings, prepare_inputs(call)(context), parts, context)

    def _known(self, call: FrozenCall) -> tuple[AnyRecipe, RecipeSettings, RecipeCall]:
        """The recipe of a call and its settings. Raises CallNotSupported."""
        body = call.body
        recipe = self._recipes.get(body.recipe) if isinstance(body, RecipeCall) else None
        settings = None if recipe is None or not isinstance(body, RecipeCall) else read_settings(recipe, body.settings, [])
        if recipe is None or settings is None or not isinstance(body, RecipeCall):
            raise CallNotSupported
        return recipe, settings, body


class RunningParts:
    """See :class:`~patchbay.agent_runtime.recipes.recipe.Parts`. ``wrote``: a part that writes has been begun."""

    def __init__(
        self, calls: Runner, database: Database, org_id: str, parts: Mapping[str, FrozenCall], context: CallContext
    ) -> None:
        self._calls = calls
        self._database = database
        self._org_id = org_id
        self._parts = parts
        self._context = context
        self.wrote = False

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def takes(self, name: str) -> frozenset[str]:
        """What a part takes from the model."""
        call = self._parts.get(name)
        return frozenset(one.param for one in call.inputs if one.source == "model") if call is not None else frozenset()

    async def run(self, name: str, arguments: Mapping[str, Any]) -> CallResult:
        """Run one part."""
        call = self.part(name)
        self.wrote = self.wrote or call.effect == "write"
        return await self._calls.run(self._org_id, call, self.context_of(name, arguments))

    def part(self, name: str) -> FrozenCall:
        """The call of a part. Raises RecipeInvalid."""
        call = self._parts.get(name)
        if call is None:
            raise RecipeInvalid(f"There is no part {name!r} (recipe_invalid).")
        return call

    def context_of(self, name: str, arguments: Mapping[str, Any]) -> CallContext:
        """What a run of a part brings along; arguments that are None are not given."""
        given = {param: value for param, value in arguments.items() if value is not None}
        return msgspec.structs.replace(self._context, arguments=given, idempotency_key=f"{self.key()}_{name}")

    @asynccontextmanager
    async def held(self, resource: str) -> AsyncGenerator[None]:
        """Hold a resource by a lock of the platform's database, which a killed process gives back."""
        (connection_id,) = {call.connection_id for call in self._parts.values()}
        async with AsyncExitStack() as holding:
            try:
                session = await holding.enter_async_context(self._database.tenant(self._org_id))
                await session.execute(_WAIT)
                await session.execute(_HOLD, {"resource": f"{connection_id}\x1f{resource}".replace("\x00", "")})
            except _AWAY:
                raise Busy from None
            given_back = holding.pop_all()
            try:
                yield
            finally:
                # A lock that cannot be given back is none any more: what was done while it was thought to be held is as it is.
                try:
                    await given_back.aclose()
                except _AWAY as error:
                    _log.warning("a held resource was lost", error=type(error).__name__)

    def key(self) -> str:
        """What names this run of the whole."""
        return self._context.idempotency_key or "unkeyed"
