"""Packs on the wire."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from patchbay.api.envelope import Shown


class ActionParameter(Shown):
    """What the caller is asked for."""

    name: str
    description: str | None
    required: bool


class ActionSetting(Shown):
    """What an operator decides. Required ones have to be given before the skill can run."""

    name: str
    label: str
    type: str
    description: str | None
    required: bool
    default: Any


class ActionShown(Shown):
    """Something a provider can do for an agent."""

    slug: str
    name: str
    description: str
    key: bool = Field(description="Provisioned when a request names no actions.")
    effect: Literal["read", "write"]
    parameters: list[ActionParameter]
    configuration: list[ActionSetting]
    verification_level: Literal["none", "basic", "step_up"]


class PresetShown(Shown):
    """A ready skill: an action, or for a database the goal that a binding is proposed for."""

    slug: str
    name: str
    description: str
    action: str | None
    goal: str | None
    effect: Literal["read", "write"] | None
    parameters: list[ActionParameter]


class GuidanceShown(Shown):
    """What whoever builds an agent on the provider should know."""

    behaviour: list[str]
    identifying_callers: list[str]
    not_possible: list[str]


class PackShown(Shown):
    """A provider's Connector Pack."""

    kind: str
    version: str
    name: str
    presets: list[PresetShown]
    guidance: GuidanceShown
