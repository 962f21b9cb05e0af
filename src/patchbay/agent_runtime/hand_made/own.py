"""What Patchbay does itself, without a connected system behind it: a mail, a text message, a transfer, a place on a map.

Such a skill's call is an :class:`~patchbay.schema_graph.call.OwnCall` whose kind says what is done and whose settings say how; a
runner of that kind does it. It has no connection, so nothing of it needs to be sealed elsewhere or given up.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.hand_made.skill_type import Made
from patchbay.agent_runtime.tables import Skill
from patchbay.connectors.refusals import CallNotSupported, CallRefused
from patchbay.schema_graph.arguments import prepare_inputs
from patchbay.schema_graph.call import (
    FORMAT_VERSION,
    CallContext,
    CallInput,
    CallResult,
    Caps,
    Column,
    FrozenCall,
    Guarantee,
    Output,
    OwnCall,
)
from patchbay.schema_graph.model import Effect, FieldType
from patchbay.store.vault import Vault

DEADLINE_MS = 12_000


class OwnSettings(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """Base of what an own call is frozen with."""


S = TypeVar("S", bound=OwnSettings)


class NotConfigured(CallRefused):
    """What this skill sends by is not configured on this server, so nothing was sent."""

    code, status, title = "channel_not_configured", 503, "Not configured"
    layer = "source"
    say = "I can't send that from here, so I haven't."


class Connectionless:
    """The part of a :class:`~patchbay.agent_runtime.hand_made.skill_type.HandMadeType` that is the same for all of these."""

    async def stored(self, session: AsyncSession, vault: Vault, row: Skill) -> None:
        """Nothing but what is shown."""

    async def freeze(self, session: AsyncSession, vault: Vault, row: Skill, read: Made) -> Made:
        """What was read is all there is."""
        return read

    async def let_go(self, session: AsyncSession, agent_id: str, skill_id: str, *, used: str | None = None) -> None:
        """It holds on to nothing."""


def own_call(
    kind: str,
    settings: OwnSettings,
    inputs: Sequence[CallInput],
    outputs: Mapping[str, tuple[FieldType, str]],
    *,
    effect: Effect,
    guarantee: Guarantee | None = None,
) -> FrozenCall:
    """The call of a kind. ``outputs`` are its leaves with their types and descriptions."""
    return FrozenCall(
        format_version=FORMAT_VERSION,
        connection_id="",
        kind=kind,
        operation=kind,
        effect=effect,
        body=OwnCall(settings=msgspec.to_builtins(settings)),
        inputs=tuple(inputs),
        outputs=tuple(Output(leaf, Column(kind, leaf, type, type), told) for leaf, (type, told) in outputs.items()),
        touches=(),
        caps=Caps(deadline_ms=DEADLINE_MS),
        slice=(),
        slice_fingerprint=kind,
        guarantee=guarantee,
    )


def settings_of(call: FrozenCall, type: type[S]) -> S:
    """What the call was frozen with. Raises CallNotSupported for a call of another kind."""
    if not isinstance(call.body, OwnCall):
        raise CallNotSupported
    try:
        return msgspec.convert(dict(call.body.settings), type)
    except msgspec.ValidationError:
        raise CallNotSupported from None


def values_of(call: FrozenCall, context: CallContext) -> dict[str, Any]:
    """The values of the call's inputs by parameter, checked."""
    return prepare_inputs(call)(context)


class Clock:
    """How long a run took."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def rows(self, rows: list[dict[str, Any]]) -> CallResult:
        """A result of the rows a search found."""
        took = (time.perf_counter() - self._started) * 1000
        return CallResult(rows=rows, row_count=len(rows), duration_ms=took)

    def result(self, row: Mapping[str, Any], *, done: bool = False, notes: tuple[str, ...] = ()) -> CallResult:
        """A result of one row; ``done``: a write that took effect."""
        took = (time.perf_counter() - self._started) * 1000
        return CallResult(rows=[dict(row)], row_count=1, notes=notes, duration_ms=took, outcome="done" if done else None)
