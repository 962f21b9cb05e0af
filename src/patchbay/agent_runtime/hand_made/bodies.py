"""The bodies that make and change skills by hand. What ``executionConfig`` holds is its type's to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from patchbay.agent_runtime.bodies import Body, Name
from patchbay.agent_runtime.skills import SkillPatch, Stakes

MEMBERS = frozenset({"parametersSchema", "requiredParams", "executionConfig"})
"""What only a skill made by hand has."""
GATES = {"requires_verified_identity", "verification_level", "allowed_fields", "requires_confirmation", "stakes"}

Schema = Annotated[dict[str, Any], Field(description="The parameters, as a JSON Schema object.")]
Required = Annotated[list[str], Field(max_length=64)]
Config = Annotated[dict[str, Any], Field(description="What the type needs: `GET /skill-types` has the schema of each.")]


class HandMadeSkill(Body):
    """The body of ``POST …/skills``. Parameters come as a JSON Schema, as ``executionConfig.parameters``, or both."""

    name: Name
    description: Annotated[str, Field(max_length=2000)] = ""
    skill_type: Annotated[str, Field(max_length=40)]
    parameters_schema: Schema | None = None
    required_params: Required | None = None
    execution_config: Config
    enabled: bool = True
    requires_verified_identity: bool = False
    verification_level: Literal["basic", "step_up"] | None = None
    allowed_fields: list[str] | None = None
    requires_confirmation: bool | None = None
    stakes: Stakes | None = None


class HandMadePatch(SkillPatch):
    """What ``PATCH …/skills/{id}`` may change. Members of ``executionConfig`` that are sent replace those stored, and null takes
    one away; a header or query that comes back masked stays what it is.
    """

    parameters_schema: Schema | None = None
    required_params: Required | None = None
    execution_config: Config | None = None


def merged(stored: Mapping[str, Any], sent: Mapping[str, Any] | None) -> dict[str, Any]:
    """The stored members with those that were sent; null takes one away."""
    return {name: value for name, value in {**stored, **(sent or {})}.items() if value is not None}
