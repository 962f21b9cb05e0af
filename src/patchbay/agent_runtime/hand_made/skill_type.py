"""What a type of skill is that is made by hand: reading what was asked for, freezing it into one call, and what it holds on to.

Saving is the same for all (:mod:`patchbay.agent_runtime.hand_made.saving`): the name, the gates, the review of a write, the order
in which things are stored. A type says what is its own. The call it freezes is one like any other: its inputs and their sources,
its effect and its outputs decide what the gates, the tool's schema, the receipt and the reports make of it. Who runs it is
registered with :class:`~patchbay.agent_runtime.running.SkillRunner` by the call's kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.tables import Skill
from patchbay.errors import Finding
from patchbay.schema_graph.call import FrozenCall
from patchbay.store.vault import Vault

CREATE = "POST /agents/{agentId}/skills"
"""The endpoint that makes skills by hand."""


class TypeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """How ``GET /skill-types`` tells of a type. ``create_with`` names the endpoint that makes a skill of it; ``schema`` is the
    JSON Schema of its ``executionConfig``.
    """

    type: str
    name: str
    description: str
    family: str
    create_with: str
    schema: Mapping[str, Any] | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a body asks of a skill beside its name and its gates.

    ``config`` is ``executionConfig``; in a change, the stored one with the members that were sent, without those sent as null.
    ``schema`` and ``required`` are ``parametersSchema`` and ``requiredParams``, which only a type that takes parameters is given.
    ``time_zone`` (IANA) and ``country`` (ISO 3166-1 alpha-2, or None) are the agent's.
    """

    org_id: str
    agent_id: str
    config: Mapping[str, Any]
    schema: Mapping[str, Any] | None = None
    required: Sequence[str] | None = None
    time_zone: str = "UTC"
    country: str | None = None


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """One skill's call, and what is stored and shown with it.

    The call's ``verification`` is set by the gates. ``config`` is ``executionConfig`` as it is stored and shown: it holds no
    secret. ``connection_id`` is the skill's own connection, of a type that has one; ``signing_secret`` is told once.
    """

    call: FrozenCall
    config: Mapping[str, Any]
    schema: Mapping[str, Any] | None = None
    required: Sequence[str] | None = None
    warnings: tuple[Finding, ...] = ()
    connection_id: str | None = None
    signing_secret: str | None = None


R = TypeVar("R")
K = TypeVar("K")


class HandMadeType(Protocol[R, K]):
    """One type of skill made by hand. It has no state of its own."""

    @property
    def entry(self) -> TypeEntry:
        """Its place in the catalogue."""
        ...

    @property
    def takes_parameters(self) -> bool:
        """Whether a body may bring ``parametersSchema`` and ``requiredParams``."""
        ...

    async def stored(self, session: AsyncSession, vault: Vault, row: Skill) -> K:
        """What a change starts from besides the stored ``executionConfig``: secrets, for instance. Read only."""
        ...

    async def read(self, runtime: Runtime, asked: Asked, stored: K | None) -> R:
        """What was asked for, checked. No transaction is open, so the outside may be looked at. ``stored``: None for a new skill.

        Raises :class:`~patchbay.errors.ValidationFailed` with every finding, their fields starting with ``executionConfig`` or
        ``parametersSchema``; and what reaching the outside raises.
        """
        ...

    async def freeze(self, session: AsyncSession, vault: Vault, row: Skill, read: R) -> Made:
        """The skill's call, in the transaction that stores it. ``row`` has its id, its slug and, in a change, what it was before;
        it is new when its ``call`` is None.
        """
        ...

    async def let_go(self, session: AsyncSession, agent_id: str, skill_id: str, *, used: str | None = None) -> None:
        """Give up what neither the draft (``used``: its connection; None once the skill is deleted) nor any version needs."""
        ...


AnyType = HandMadeType[Any, Any]
