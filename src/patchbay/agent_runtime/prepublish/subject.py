"""What a report is about: the agent that publishing would freeze, as the engine would run it, and what is known beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.agent_runtime.freezing import seal_document, thaw
from patchbay.agent_runtime.frozen import FrozenAgent, FrozenSkill
from patchbay.agent_runtime.guardrails.gates import SkillGate
from patchbay.agent_runtime.guardrails.levels import LEVELS
from patchbay.agent_runtime.knowledge.known import UnreadSource
from patchbay.agent_runtime.verification.checks import Check
from patchbay.schema_graph.call import Column, FrozenCall, Output

_HIGHEST = max(LEVELS.values())


class Place(msgspec.Struct, frozen=True, rename="camel"):
    """Where a skill's data goes: a connection by its label, host and type. ``blocked`` counts the tables and columns that data
    scoping blocks there.
    """

    connection_id: str
    kind: str
    label: str
    host: str | None
    blocked: int


class Unpublished(msgspec.Struct, frozen=True):
    """A write of the draft, enabled or not."""

    skill_id: str
    name: str
    enabled: bool
    reviewed: bool


class Known(msgspec.Struct, frozen=True):
    """What is known beside the document. By skill id: ``drift`` as shown, ``warnings`` of the last proof, ``blocked`` skills
    (they use what data scoping blocks now). ``places`` by connection id; the draft's ``writes``; ``texts``: a carrier is
    configured; ``unread``: sources of knowledge that a version goes without.
    """

    places: Mapping[str, Place] = {}
    drift: Mapping[str, Mapping[str, Any]] = {}
    warnings: Mapping[str, list[Mapping[str, Any]]] = {}
    blocked: frozenset[str] = frozenset()
    writes: tuple[Unpublished, ...] = ()
    texts: bool = False
    unread: tuple[UnreadSource, ...] = ()


class Told(msgspec.Struct, frozen=True):
    """What of a result may be told at one level. ``whatever``: every leaf that comes, for none is declared; ``never`` these."""

    outputs: tuple[Output, ...] = ()
    whatever: bool = False
    never: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.outputs) or self.whatever


class SkillSubject(msgspec.Struct, frozen=True):
    """One skill that would be published, and its gate; None for a verifier: it checks what callers say, and no model is told of
    it.
    """

    skill: FrozenSkill
    gate: SkillGate | None
    blocked: bool
    drift: Mapping[str, Any] | None
    warnings: tuple[Mapping[str, Any], ...]
    place: Place | None

    @property
    def id(self) -> str:
        """The skill's id."""
        return self.skill.id

    @property
    def name(self) -> str:
        """What it is called."""
        return self.skill.name

    @property
    def call(self) -> FrozenCall:
        """What it runs."""
        return self.skill.call

    @property
    def verifier(self) -> bool:
        """Whether it checks what callers say."""
        return self.gate is None

    @property
    def level(self) -> int:
        """How well its caller has to be verified."""
        return self.gate.level if self.gate is not None else 0

    @property
    def paused(self) -> bool:
        """Whether it is refused until the system it uses is as it was, or its binding is mended."""
        return bool((self.drift or {}).get("paused"))

    @property
    def told(self) -> Told:
        """What somebody may be told, at whatever level; of a verifier, what the engine is. Nothing while scoping blocks it."""
        if self.blocked:
            return Told()
        if self.gate is None:
            return Told(tuple(o for o in self.call.outputs if not o.hidden), whatever=self.call.open_ended)
        return _told(self.call, self.gate, _HIGHEST)

    @property
    def learnable(self) -> Told:
        """What an unverified caller may be told."""
        return _told(self.call, self.gate, 0) if self.open and self.gate is not None else Told()

    @property
    def open(self) -> bool:
        """Whether it runs for a caller whom nobody has verified."""
        return not self.blocked and self.gate is not None and self.gate.off is None and self.gate.level == 0


def _told(call: FrozenCall, gate: SkillGate, level: int) -> Told:
    limited = gate.limits[level]
    if not call.open_ended:
        return Told(gate.outputs(call.outputs, level))
    if limited.leaves is None:
        return Told(whatever=True, never=tuple(sorted(limited.denied)))
    named = [leaf for leaf in sorted(limited.leaves) if limited.shows(leaf)]
    return Told(tuple(Output(leaf, Column(call.kind, leaf, "json", "json")) for leaf in named))


class Subject(msgspec.Struct, frozen=True):
    """The whole of it."""

    agent: FrozenAgent
    skills: tuple[SkillSubject, ...]
    known: Known

    @property
    def offered(self) -> tuple[SkillSubject, ...]:
        """The skills a model is told of."""
        return tuple(skill for skill in self.skills if not skill.verifier)

    def find(self, named: str) -> SkillSubject | None:
        """The skill of that id or slug."""
        return next((s for s in self.skills if named in (s.id, s.skill.slug)), None)

    def works(self, check: Check) -> bool:
        """Whether a check can be carried out: its verifier runs, and a code can be sent where it needs one."""
        verifier = self.find(check.verifier.id)
        runs = verifier is not None and not verifier.blocked and not verifier.paused
        return runs and (check.method != "otp_sms" or self.known.texts)


def subject_of(document: Mapping[str, Any], known: Known) -> Subject:
    """The subject in a document as :func:`~patchbay.agent_runtime.freezing.draft_document` makes it.

    Raises what :func:`~patchbay.agent_runtime.freezing.thaw` raises: what cannot be run is not reported on.
    """
    agent = thaw(*seal_document(document), version_id=None, number=None)
    offered = {skill.id for skill in agent.offered}
    skills = tuple(
        SkillSubject(
            skill=skill,
            gate=agent.gates.of(skill.id) if skill.id in offered else None,
            blocked=skill.id in known.blocked,
            drift=known.drift.get(skill.id),
            warnings=tuple(known.warnings.get(skill.id, ())),
            place=known.places.get(skill.call.connection_id),
        )
        for skill in agent.skills
    )
    return Subject(agent, skills, known)
