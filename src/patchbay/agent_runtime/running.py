"""Running every frozen call of a skill: on a connected system by the connectors, the other kinds by what does them here."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.agent_runtime.services import Runner, SettlingRunner
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall


class SkillRunner:
    """The one way to run a skill's call. ``own`` are the runners of the kinds that no connected system is behind."""

    def __init__(self, calls: SettlingRunner, own: Mapping[str, Runner]) -> None:
        self._calls = calls
        self._own = own

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """The result of ``call``; every refusal is a :class:`~patchbay.errors.PatchbayError`."""
        return await self._own.get(call.kind, self._calls).run(org_id, call, context)

    async def settle(self, org_id: str, call: FrozenCall, context: CallContext) -> bool:
        """Whether a write that nobody saw the end of is found done. Of what is done here, only some can tell."""
        runner = self._own.get(call.kind, self._calls)
        return isinstance(runner, SettlingRunner) and await runner.settle(org_id, call, context)
