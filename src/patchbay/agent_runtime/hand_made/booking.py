"""``booking``: open times and appointments on a system of the owner's own, such as a table of appointments in their database.

The owner binds what the system has: a read of what is taken, and what inserts, moves or takes away an appointment. The reviewed
recipes (:mod:`patchbay.agent_runtime.recipes.appointments` says what each part takes and returns) compose them into one call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.binding_skills import GroundMoved
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.ground import read_ground
from patchbay.agent_runtime.hand_made.skill_type import CREATE, Asked, Made, TypeEntry
from patchbay.agent_runtime.provisioning.freezing import FrozenDraft, freeze_parts
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.tables import Skill
from patchbay.connectors.connections import current, provider_of
from patchbay.errors import Finding
from patchbay.store.vault import Vault

BOOKING = "booking"
_RECIPES: Mapping[str, str] = {
    "check_availability": "availability", "book": "book", "reschedule": "reschedule", "cancel": "cancel",
}  # fmt: skip


class BookingConfig(Body):
    """``parts`` are bindings on the connected ``kind``, by the names the action knows them under; ``settings`` are the action's:
    working hours, time zone, length of an appointment, and so on (docs/skills.md).
    """

    action: Literal["check_availability", "book", "reschedule", "cancel"]
    kind: Annotated[str, Field(min_length=1, max_length=64)]
    parts: Annotated[dict[str, dict[str, Any]], Field(min_length=1, max_length=6)]
    settings: dict[str, Any] = Field(default_factory=dict[str, Any])


class ReadBooking(msgspec.Struct, frozen=True):
    """A booking as it was asked for, frozen. ``runtime`` and the rest are what it is held against when it is stored."""

    config: BookingConfig
    frozen: FrozenDraft
    runtime: Runtime
    agent_id: str


class BookingType:
    """See :class:`~patchbay.agent_runtime.hand_made.skill_type.HandMadeType`."""

    entry = TypeEntry(
        type=BOOKING,
        name="Booking",
        description="Looks for open times on a connected system of your own, and books, moves or cancels an appointment.",
        family="db_query",
        create_with=CREATE,
        schema=BookingConfig.model_json_schema(by_alias=True),
    )
    takes_parameters = False

    async def stored(self, session: AsyncSession, vault: Vault, row: Skill) -> None:
        """A change starts from nothing beside the stored configuration."""

    async def read(self, runtime: Runtime, asked: Asked, stored: None) -> ReadBooking:
        """Check, compile and prove the parts, and freeze them into one call. Raises ValidationFailed, RecipeInvalid, and what
        saving a binding raises.
        """
        config = read_body(BookingConfig, asked.config, at="executionConfig")
        async with runtime.database.tenant(asked.org_id, read_only=True) as session:
            await provider_of(session, config.kind)
            await current(session, config.kind, connected=True)
        bodies = {name: {"toolName": name, **body} for name, body in config.parts.items()}
        frozen = await freeze_parts(
            runtime, asked.org_id, asked.agent_id, config.kind, bodies, _RECIPES[config.action], config.settings
        )
        return ReadBooking(config, frozen, runtime, asked.agent_id)

    async def freeze(self, session: AsyncSession, vault: Vault, row: Skill, read: ReadBooking) -> Made:
        """The call, while what it was proven on is as it was. Raises GroundMoved."""
        for operation, ground in read.frozen.grounds:
            if not ground.same(await read_ground(session, read.runtime, read.agent_id, read.config.kind, operation)):
                raise GroundMoved
        return Made(
            call=read.frozen.call,
            config=read.config.model_dump(by_alias=True),
            warnings=tuple(msgspec.convert(one, Finding) for one in read.frozen.warnings),
            connection_id=read.frozen.call.connection_id,
        )

    async def let_go(self, session: AsyncSession, agent_id: str, skill_id: str, *, used: str | None = None) -> None:
        """It has no connection of its own."""
