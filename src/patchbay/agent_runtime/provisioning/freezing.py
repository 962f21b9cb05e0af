"""From the draft of an action to one frozen call, proven on the connected system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.ground import Ground, prove_binding, read_ground
from patchbay.agent_runtime.recipes.freezing import freeze_recipe
from patchbay.agent_runtime.services import Runtime
from patchbay.bindings.model import Binding, parse_binding
from patchbay.packs.drafts import Draft
from patchbay.schema_graph.call import FrozenCall, VerificationLevel


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
    level = draft.action.verification
    return await freeze_parts(runtime, org_id, agent_id, kind, draft.parts, draft.recipe, draft.settings, verification=level)


async def freeze_parts(
    runtime: Runtime,
    org_id: str,
    agent_id: str,
    kind: str,
    parts: Mapping[str, Mapping[str, Any]],
    recipe: str | None,
    settings: Mapping[str, Any],
    *,
    verification: VerificationLevel = "none",
) -> FrozenDraft:
    """One call of these bodies of bindings: of the one ``call``, or as the ``recipe`` composes them. Raises as above."""
    calls: dict[str, FrozenCall] = {}
    grounds: list[tuple[str, Ground]] = []
    warnings: list[dict[str, Any]] = []
    binding: Binding | None = None
    for name, body in parts.items():
        binding = parse_binding(body)
        async with runtime.database.tenant(org_id, read_only=True) as session:
            ground = await read_ground(session, runtime, agent_id, kind, binding.operation)
        proven = await prove_binding(runtime, binding, ground)
        calls[name] = proven.call
        grounds.append((binding.operation, ground))
        warnings += [msgspec.to_builtins(warning) for warning in proven.warnings]
    if recipe is None:
        return FrozenDraft(calls["call"], binding, tuple(grounds), warnings)
    call = freeze_recipe(recipe, settings, calls, verification=verification)
    return FrozenDraft(call, None, tuple(grounds), warnings)
