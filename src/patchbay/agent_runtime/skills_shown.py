"""Skills as they are shown. Data scoping holds here too: a binding made before something was blocked still names it.

Such a skill keeps its binding, so that unblocking brings it back, but shows none of it until then, nor what was found when it
was proven; in their place stands a warning that says why. Its calls are refused (:mod:`patchbay.connectors.runtime`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.drift.shown import drift_of, without_reasons
from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.tables import Skill
from patchbay.agent_runtime.wire import skill_json
from patchbay.connectors.refusals import ScopedOut
from patchbay.connectors.scoping import scoped_out
from patchbay.errors import Finding, PatchbayError
from patchbay.schema_graph.call import FrozenCall

_WITHHELD = Finding(
    "binding",
    "scoped_out",
    "Data scoping no longer permits what this skill reads: it is refused when called, and its binding is not shown.",
    ScopedOut.next_step,
)


async def show_skill(session: AsyncSession, skill: Skill) -> dict[str, Any]:
    """One skill on the wire."""
    (shown,) = await show_skills(session, [skill])
    return shown


async def show_skills(session: AsyncSession, skills: Sequence[Skill]) -> list[dict[str, Any]]:
    """Skills on the wire, in their order."""
    calls = {row.id: (row.call, row.digest or "") for row in skills if row.call is not None}
    withheld = await withheld_calls(session, calls)
    drift = await drift_of(session, skills)
    shown = [skill_json(row, drift.get(row.id)) for row in skills]
    return [_without_binding(one) if one["id"] in withheld else one for one in shown]


async def withheld_calls(session: AsyncSession, sealed: Mapping[str, tuple[bytes, str]]) -> set[str]:
    """Of sealed calls (document, digest) by any name, those that touch what is blocked now. One that cannot be read is too."""
    calls: dict[str, FrozenCall] = {}
    for name, (document, digest) in sealed.items():
        try:
            calls[name] = unseal_call(document, digest, name)
        except PatchbayError:
            continue
    return (sealed.keys() - calls.keys()) | await scoped_out(session, calls)


def _without_binding(shown: dict[str, Any]) -> dict[str, Any]:
    drift = shown["drift"]
    return {
        **shown,
        "binding": None,
        "autoMap": None,
        "warnings": [msgspec.to_builtins(_WITHHELD)],
        "drift": None if drift is None else without_reasons(drift),
    }
