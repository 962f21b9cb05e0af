"""From the draft of an action to one frozen call, proven on the connected system."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.ground import Ground, prove_binding, read_ground
from patchbay.agent_runtime.recipes.freezing import freeze_recipe
from patchbay.agent_runtime.services import Runtime
from patchbay.bindings.model import Binding, parse_binding
from patchbay.packs.drafts import Draft
from patchbay.schema_graph.call import FrozenCall


class FrozenDraft(msgspec.Struct, frozen=True):
    """The call of a draft and what it was proven on. ``binding`` is that of an action which is one binding."""

    call: FrozenCall
    binding: Binding | None
    grounds: tuple[tuple[str, Ground], ...]
    warnings: list[dict[str, Any]]

    async def still_holds(self, session: AsyncSession, runtime: Runtime, agent_id: str, kind: str) -> bool:
        """Whether what it was proven on is as it was."""
        for operation, ground in self.grounds:
            if not ground.same(await read_ground(session, runtime, agent_id, kind, operation)):
                return False
        return True


async def freeze_draft(runtime: Runtime, org_id: str, agent_id: str, kind: str, draft: Draft) -> FrozenDraft:
    """Check, compile and prove every binding of the draft; no transaction is open while the live system is asked.

    Raises what saving a binding raises, and RecipeInvalid.
    """
    calls: dict[str, FrozenCall] = {}
    grounds: list[tuple[str, Ground]] = []
    warnings: list[dict[str, Any]] = []
    binding: Binding | None = None
    for name, body in draft.parts.items():
        binding = parse_binding(body)
        async with runtime.database.tenant(org_id, read_only=True) as session:
            ground = await read_ground(session, runtime, agent_id, kind, binding.operation)
        proven = await prove_binding(runtime, binding, ground)
        calls[name] = proven.call
        grounds.append((binding.operation, ground))
        warnings += [msgspec.to_builtins(warning) for warning in proven.warnings]
    if draft.recipe is None:
        return FrozenDraft(calls["call"], binding, tuple(grounds), warnings)
    call = freeze_recipe(draft.recipe, draft.settings, calls, verification=draft.action.verification)
    return FrozenDraft(call, None, tuple(grounds), warnings)
