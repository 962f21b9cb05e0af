"""Reviewing writes: a skill that changes data is enabled by a person who has seen exactly what it does.

What they vouch for is the digest over the frozen call, what the skill is called and says it does, and when it asks the caller
first. Whoever changes any of it takes the review back with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.tables import Skill
from patchbay.errors import Conflict, Unprocessable
from patchbay.schema_graph.canonical import canonical_json, sha256_hex


class ReviewNeeded(Unprocessable):
    """A skill that changes data is enabled by a review (review_required): send review {digest, note} with enabled true."""

    code, title = "review_required", "Review required"


class ReviewStale(Conflict):
    """The skill is no longer the one that was reviewed (review_stale); look at it again and send its current reviewDigest."""

    code, title = "review_stale", "Review stale"


class NotConfigured(Unprocessable):
    """Something has still to be decided before this skill can run (configuration_missing); its warnings say what."""

    code, title = "configuration_missing", "Configuration missing"


class Reviewer(msgspec.Struct, frozen=True):
    """Who reviews: the authenticated principal. ``label`` is for people."""

    type: str
    id: str
    label: str


def review_digest(skill: Skill) -> str | None:
    """The SHA-256, in hex, over what a reviewer of this skill vouches for; None for a skill without a call."""
    if skill.digest is None:
        return None
    settings = skill.settings or {}
    vouched = {
        "call": skill.digest,
        "name": skill.name,
        "description": skill.description,
        "requiresConfirmation": settings.get("requiresConfirmation"),
        "stakes": settings.get("stakes"),
    }
    return sha256_hex(canonical_json(vouched))


def writes(skill: Skill) -> bool:
    """Whether the skill's call changes data."""
    return skill.call is not None and unseal_call(skill.call, skill.digest or "", skill.name).effect == "write"


def is_reviewed(skill: Skill) -> bool:
    """Whether somebody vouched for the skill as it is now."""
    return skill.review is not None and skill.review.get("digest") == review_digest(skill)


def note_review(skill: Skill, review: Mapping[str, Any], reviewer: Reviewer | None) -> None:
    """Keep who vouched for the skill as it is now. Raises :class:`ReviewStale` when they looked at another one."""
    if review["digest"] != review_digest(skill):
        raise ReviewStale(extensions={"reviewDigest": review_digest(skill)})
    skill.review = {
        "digest": review["digest"],
        "note": review.get("note"),
        "by": msgspec.to_builtins(reviewer),
        "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def check_enabled(skill: Skill) -> None:
    """Raises :class:`ReviewNeeded` for a write that nobody vouched for as it is, and :class:`NotConfigured` for a skill that has
    no call yet.
    """
    if skill.call is None:
        raise NotConfigured(hint="PATCH the skill's executionConfig.")
    if writes(skill) and not is_reviewed(skill):
        raise ReviewNeeded(extensions={"reviewDigest": review_digest(skill)})


def check_enabled_writes(skills: Iterable[Skill]) -> None:
    """Raises as :func:`check_enabled` does, for the first skill that is enabled and may not be."""
    for skill in skills:
        if skill.enabled:
            check_enabled(skill)


def disable_unreviewed(skill: Skill) -> None:
    """Take a write off that has changed since somebody vouched for it."""
    if skill.enabled and writes(skill) and not is_reviewed(skill):
        skill.enabled = False
        skill.binding = {**skill.binding, "enabled": False} if skill.binding is not None else None
