"""Actions and packs on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from patchbay.packs.model import Action, Guidance, Pack, Preset, Setting


def action_json(action: Action) -> dict[str, Any]:
    """An action: what the caller is asked for, and what an operator decides."""
    return {
        "slug": action.slug,
        "name": action.name,
        "description": action.description,
        "key": action.key,
        "effect": action.effect,
        "parameters": _parameters(action),
        "configuration": [_setting_json(setting) for setting in action.configuration],
        "verificationLevel": action.verification,
    }


def pack_json(pack: Pack) -> dict[str, Any]:
    """The Connector Pack: its preset skills and the guidance."""
    return {
        "kind": pack.kind,
        "version": pack.identity.version,
        "name": pack.identity.name,
        "presets": [_preset_json(preset, pack) for preset in pack.presets],
        "guidance": _guidance_json(pack.guidance or Guidance()),
    }


def _guidance_json(guidance: Guidance) -> dict[str, Any]:
    return {
        "behaviour": list(guidance.behaviour),
        "identifyingCallers": list(guidance.identifying_callers),
        "notPossible": list(guidance.not_possible),
    }


def _preset_json(preset: Preset, pack: Pack) -> dict[str, Any]:
    action = pack.action(preset.action) if preset.action is not None else None
    return {
        "slug": preset.slug,
        "name": preset.name,
        "description": preset.description,
        "action": preset.action,
        "goal": preset.goal,
        "effect": action.effect if action is not None else None,
        "parameters": _parameters(action) if action is not None else [],
    }


def _parameters(action: Action) -> list[dict[str, Any]]:
    if action.recipe is not None:
        return [{"name": one.name, "description": one.description, "required": one.required} for one in action.parameters]
    inputs = cast("list[Mapping[str, Any]]", (action.binding or {}).get("inputs", []))
    return [
        {"name": one["param"], "description": one.get("description"), "required": bool(one.get("required", False))}
        for one in inputs
        if one.get("source", "model") == "model"
    ]


def _setting_json(setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "label": setting.label,
        "type": setting.type,
        "description": setting.description,
        "required": setting.needed,
        "default": None if setting.needed else setting.default,
    }
