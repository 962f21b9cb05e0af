"""Drift on the wire: models that document it and hold its shape."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from patchbay.api.envelope import Shown
from patchbay.api.times import Stamp
from patchbay.schema_graph.drift import Status


class DriftReason(Shown):
    """One thing that changed."""

    status: Status
    code: str
    message: str
    object: str | None
    field: str | None
    leaves: list[str] = Field(description="The outputs it is about, by the agent's own names.")


class RemapChange(Shown):
    """One member of the binding, by its place in it: what it says, and what it would say."""

    field: str
    before: Any
    after: Any


class Suggestion(Shown):
    """A binding that follows a likely rename. Nothing is changed by itself."""

    binding: dict[str, Any] = Field(description="Send it as `binding` of `PATCH …/skills/{id}`.")
    changes: list[RemapChange]
    confidence: float = Field(description="How likely the renames are, from 0 to 1.")


class SkillDrift(Shown):
    """What the connected system's schema of today, and what live calls met, mean to a skill."""

    status: Status
    paused: bool = Field(description="Broken: it is refused when called, live or in the draft, until it is mended.")
    reasons: list[DriftReason]
    suggestion: Suggestion | None
    judged_at: Stamp | None


class ObservedMismatch(Shown):
    """What live calls met since the last discovery that is not what the schema says."""

    leaf: str | None = Field(description="The output; null where the whole call was refused.")
    count: int
    first_at: Stamp
    last_at: Stamp


class DriftedSkill(SkillDrift):
    """One skill on the connection. A live call that differs from the draft's is an entry of its own."""

    agent_id: str
    skill_id: str
    name: str
    draft: bool
    live: bool = Field(description="Whether callers reach this very call now.")
    observed: list[ObservedMismatch]


class DriftEvent(Shown):
    """A skill whose status changed."""

    id: str
    type: str
    agent_id: str | None
    skill_id: str | None
    at: Stamp
    data: dict[str, Any] = Field(description="`name`, `status`, `was`, `worse`, and `draft` and `live`: the status of each.")


class ConnectionDrift(Shown):
    """Every skill on a connection, and the last events."""

    kind: str
    fingerprint: str | None = Field(description="Of the schema they are judged by; null before the first discovery.")
    discovered_at: Stamp | None
    skills: list[DriftedSkill]
    events: list[DriftEvent]
