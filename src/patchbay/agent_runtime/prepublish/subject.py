"""What a report is about: the document that publishing would freeze, and what is known beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.prepublish.standing import Standing, standing_of, tellable, verifications
from patchbay.schema_graph.call import FrozenCall, Output


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
    (they use what data scoping blocks now). ``places`` by connection id; the draft's ``writes``.
    """

    places: Mapping[str, Place] = {}
    drift: Mapping[str, Mapping[str, Any]] = {}
    warnings: Mapping[str, list[Mapping[str, Any]]] = {}
    blocked: frozenset[str] = frozenset()
    writes: tuple[Unpublished, ...] = ()


class SkillSubject(msgspec.Struct, frozen=True):
    """One skill that would be published. ``verifier``: it checks what callers say, and no model is told of it."""

    document: Mapping[str, Any]
    call: FrozenCall
    standing: Standing
    verifier: bool
    blocked: bool
    drift: Mapping[str, Any] | None
    warnings: tuple[Mapping[str, Any], ...]
    place: Place | None

    @property
    def id(self) -> str:
        """The skill's id."""
        return self.document["id"]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.document["name"]

    @property
    def paused(self) -> bool:
        """Whether it is refused until the system it uses is as it was, or its binding is mended."""
        return bool((self.drift or {}).get("paused"))

    @property
    def told(self) -> tuple[Output, ...]:
        """The outputs that somebody may be told, at whatever level; none while data scoping blocks the skill."""
        outputs = () if self.blocked else tellable(self.document, self.call)
        return tuple(o for o in outputs if o.leaf not in self.standing.never)

    @property
    def learnable(self) -> tuple[Output, ...]:
        """The outputs that an unverified caller may be told."""
        if self.blocked or self.verifier or self.standing.gated:
            return ()
        return tuple(o for o in tellable(self.document, self.call) if o.leaf not in self.standing.withheld)


class Subject(msgspec.Struct, frozen=True):
    """The whole of it."""

    document: Mapping[str, Any]
    skills: tuple[SkillSubject, ...]
    known: Known

    @property
    def offered(self) -> tuple[SkillSubject, ...]:
        """The skills a model is told of."""
        return tuple(skill for skill in self.skills if not skill.verifier)


def subject_of(document: Mapping[str, Any], known: Known) -> Subject:
    """The subject in a document as :func:`~patchbay.agent_runtime.freezing.draft_document` makes it."""
    verifiers = {str(config.get("verifierSkillId")) for config in verifications(document)}
    skills: list[SkillSubject] = []
    for skill in document["skills"]:
        call = unseal_call(skill["call"]["document"].encode(), skill["call"]["digest"], skill["name"])
        skills.append(
            SkillSubject(
                document=skill,
                call=call,
                standing=standing_of(document, skill, call),
                verifier=skill["id"] in verifiers or skill["slug"] in verifiers,
                blocked=skill["id"] in known.blocked,
                drift=known.drift.get(skill["id"]),
                warnings=tuple(known.warnings.get(skill["id"], ())),
                place=known.places.get(call.connection_id),
            )
        )
    return Subject(document, tuple(skills), known)
