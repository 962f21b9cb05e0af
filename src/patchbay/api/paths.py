"""The parameters in paths."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

AgentId = Annotated[str, Path(alias="id", description="The agent's id.")]
LongAgentId = Annotated[str, Path(alias="agentId", description="The agent's id.")]
VersionId = Annotated[str, Path(alias="versionId", description="The version's id.")]
SkillId = Annotated[str, Path(alias="id", description="The skill's id or slug.")]
SourceId = Annotated[str, Path(alias="id", description="The source's id.")]
SessionId = Annotated[str, Path(alias="id", description="The chat session's id.")]
ConversationId = Annotated[str, Path(alias="id", description="The conversation's id.")]
Kind = Annotated[str, Path(alias="kind", description="The provider, such as `postgres`.")]
VariableName = Annotated[str, Path(alias="name", max_length=200, description="The variable's name; case counts.")]
ObjectName = Annotated[str, Path(alias="object", description="The object's name or slug, percent-encoded.")]
