"""The pre-publish report on the wire: models that document it and hold its shape."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from patchbay.api.drift_shown import DriftReason
from patchbay.api.envelope import Shown
from patchbay.schema_graph.call import Guarantee, Source
from patchbay.schema_graph.drift import Status
from patchbay.schema_graph.model import Effect

Level = Literal["none", "basic", "step_up"]


class ToldField(Shown):
    """A field by the agent's own name."""

    leaf: str
    type: str
    description: str | None


class WillSay(Shown):
    """What one skill tells."""

    skill_id: str
    name: str
    description: str
    fields: list[ToldField]
    whatever: bool = Field(description="Whatever the endpoint answers is told, for it declares no fields.")
    level: Level = Field(description="How well the caller has to be verified.")
    paused: bool
    text: str


class WontSay(Shown):
    """Something the agent does not say."""

    kind: Literal["never_do", "content_rule", "field_withheld", "verification_required", "data_scoping"]
    text: str
    skill_id: str | None
    leaves: list[str]


class FlowConnection(Shown):
    """Where data goes."""

    id: str
    kind: str
    label: str
    host: str | None


class FlowInput(Shown):
    """What a skill sends: from whom it comes, and as what it goes."""

    param: str
    source: Source
    key: str | None = Field(description="The fact of the session, or of verification.")
    to: str = Field(description="The arguments or columns that are given it, or a part of it, with commas between them.")
    required: bool


class FlowOutput(Shown):
    """What comes back, and from which field."""

    leaf: str
    from_: str = Field(alias="from")
    optional: bool


class DataFlow(Shown):
    """Which fields one skill sends where."""

    skill_id: str
    name: str
    connection: FlowConnection | None
    operation: str | None
    effect: Effect
    guarantee: Guarantee | None
    inputs: list[FlowInput]
    outputs: list[FlowOutput]
    whatever: bool = Field(description="Whatever the endpoint answers comes back, for it declares no fields.")
    verifier: bool = Field(description="It checks what callers say; no model is told of it.")
    blocked: bool = Field(description="Data scoping blocks something it uses: it is refused, and nothing of it is shown.")


class ActiveGuardrail(Shown):
    """A policy that is on."""

    id: str | None
    policy_type: str
    name: str | None
    text: str
    skills: list[str] | None = Field(description="The skills it is about; null for the conversation as a whole.")


class VerificationWay(Shown):
    """A way to verify a caller."""

    id: str | None
    method: str
    required_fields: list[str]
    verifier_skill_id: str | None
    verifier: str | None
    level: Level
    step_up_for: list[str]
    works: bool


class Learnable(Shown):
    """What an unverified caller can learn from one skill."""

    skill_id: str
    name: str
    fields: list[ToldField]
    whatever: bool = Field(description="Whatever the endpoint answers is told, for it declares no fields.")
    never: list[str] = Field(description="Members that are told in no case, where whatever else comes is.")
    whose: Literal["own", "anyones", "everyones", "no_ones"]
    why: str
    paused: bool


class WriteShown(Shown):
    """A skill that changes data."""

    skill_id: str
    name: str
    published: bool
    reviewed: bool
    confirmed_first: bool | None = Field(description="Whether the caller confirms the exact arguments; null when not published.")
    stakes: Literal["low", "medium", "high"] | None
    guarantee: Guarantee | None


class CoveredSource(Shown):
    """A source of knowledge. `follows`: a live conversation answers from what it says at the time."""

    source_id: str
    label: str
    follows: bool


class UnreadShown(CoveredSource):
    """A source that has not been read."""

    status: str


class Coverage(Shown):
    """What the agent knows beside its skills: anyone may be told it."""

    sources: int = Field(description="How many the draft has.")
    indexed: list[CoveredSource] = Field(description="Those that were read: a version published now answers from them.")
    unread: list[UnreadShown] = Field(description="Those that were not: a version published now goes without them.")
    text: str


class ReportedDrift(Shown):
    """How the system a skill uses has changed."""

    skill_id: str
    name: str
    status: Status
    paused: bool
    reasons: list[DriftReason]


class ReportWarning(Shown):
    """Something to know before publishing."""

    code: str
    message: str
    hint: str | None
    skill_id: str | None


class PrepublishReport(Shown):
    """What the agent will do once it is published, computed from what would be frozen."""

    summary: str
    will_say: list[WillSay]
    wont_say: list[WontSay]
    data_flows: list[DataFlow]
    guardrails: list[ActiveGuardrail]
    caller_verification: list[VerificationWay]
    unverified_caller_can_learn: list[Learnable]
    writes: list[WriteShown]
    knowledge: Coverage
    drift: list[ReportedDrift]
    warnings: list[ReportWarning]
