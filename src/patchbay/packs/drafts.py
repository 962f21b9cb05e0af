"""From an action and what an operator decided to the draft of a skill. Saves nothing and asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.errors import Finding, NotFound, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.packs.filling import configured, fill, missing
from patchbay.packs.model import Action, Pack


class ActionUnknown(NotFound):
    """The provider offers no such action (action_unknown)."""

    code, title = "action_unknown", "Unknown action"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A skill that could be made. ``parts`` are bodies of bindings by name: of an action with a binding the one ``call``, of a
    recipe its parts, and ``recipe`` is then its name. They are empty while something is ``missing``. ``configuration`` is what
    holds.
    """

    action: Action
    version: str
    configuration: Mapping[str, Any]
    missing: tuple[str, ...]
    parts: Mapping[str, Mapping[str, Any]]
    recipe: str | None
    settings: Mapping[str, Any]


def draft_of(pack: Pack, action: Action, given: Mapping[str, Any], *, field: str = "executionConfig") -> Draft:
    """The draft of an action. Raises ValidationFailed for what was ``given`` wrongly, with fields under ``field``."""
    findings: list[Finding] = []
    holds = configured(action.configuration, given, findings, field)
    if findings:
        raise ValidationFailed("The configuration is not valid.", errors=findings)
    lacking = missing(action.configuration, holds)
    parts: dict[str, Mapping[str, Any]] = {}
    settings: Mapping[str, Any] = {}
    if not lacking:
        whole = {"call": action.binding} if action.binding is not None else action.parts
        parts = {name: _body(action, fill(binding, holds)) for name, binding in whole.items()}
        settings = fill(action.settings, holds)
    return Draft(
        action=action,
        version=pack.identity.version,
        configuration=holds,
        missing=lacking,
        parts=parts,
        recipe=action.recipe,
        settings=settings,
    )


def find_action(pack: Pack, slug: str) -> Action:
    """The action of a slug. Raises :class:`ActionUnknown`."""
    found = pack.action(slug)
    if found is None:
        raise ActionUnknown(hint=did_you_mean(slug[:64], [one.slug for one in pack.actions]))
    return found


def provenance_of(pack: Pack, *, action: str | None = None, preset: str | None = None) -> dict[str, Any]:
    """What a skill made from a pack keeps of where it is from: ``{kind, version, action}`` or ``{kind, version, preset}``."""
    made_of = {"action": action} if action is not None else {"preset": preset}
    return {"kind": pack.kind, "version": pack.identity.version, **made_of}


def _body(action: Action, binding: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a binding as a person would send it."""
    body: dict[str, Any] = {"toolName": action.name, "description": action.description, **binding}
    if action.verification != "none":
        body |= {"requiresVerifiedIdentity": True, "verificationLevel": action.verification}
    for name, value in (
        ("allowedFields", list(action.allowed_fields) if action.allowed_fields is not None else None),
        ("requiresConfirmation", action.requires_confirmation),
        ("stakes", action.stakes),
    ):
        if value is not None and action.recipe is None:
            body[name] = value
    return body
