"""What a recipe would do: its reads run, and it ends before the first thing it would write, which is shown."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from patchbay.agent_runtime.recipes.running import RecipeRunner, RunningParts
from patchbay.agent_runtime.services import Runner
from patchbay.connectors.preview import Preview
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.store.database import Database

PreviewPart = Callable[[FrozenCall, CallContext], Awaitable[Preview]]


class _WouldWrite(Exception):
    """The recipe has come to what it would write."""

    def __init__(self, part: str, preview: Preview) -> None:
        self.part = part
        self.preview = preview


async def preview_recipe(
    calls: Runner, database: Database, org_id: str, call: FrozenCall, context: CallContext, preview_part: PreviewPart
) -> Preview:
    """``preview_part`` shows what one part would do. Raises what running the recipe raises before it writes."""

    class Previewing(RunningParts):
        async def run(self, name: str, arguments: Mapping[str, Any]) -> CallResult:
            part = self.part(name)
            if part.effect == "read":
                return await super().run(name, arguments)
            raise _WouldWrite(name, await preview_part(part, self.context_of(name, arguments)))

        @asynccontextmanager
        async def held(self, resource: str) -> AsyncGenerator[None]:
            yield

    try:
        result = await RecipeRunner(calls, database, parts=Previewing).run(org_id, call, context)
    except _WouldWrite as stopped:
        note = f"Everything before it was read; this is what the part {stopped.part!r} would send first."
        return msgspec.structs.replace(stopped.preview, notes=(*stopped.preview.notes, note))
    return Preview(effect=call.effect, executed=call.effect == "read", result=result)
