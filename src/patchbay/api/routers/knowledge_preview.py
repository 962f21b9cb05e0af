"""Previewing what an agent finds in its knowledge."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from pydantic import Field
from starlette.requests import Request

from patchbay.agent_runtime.knowledge.previewing import KnowledgeQuery, preview_knowledge
from patchbay.api.access import KnowledgeWrite
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, Shown, enveloped
from patchbay.api.paths import LongAgentId
from patchbay.api.platform import platform_of
from patchbay.api.presence import while_present
from patchbay.api.problems import problems
from patchbay.api.routing import door_router

router = door_router("/agents/{agentId}/knowledge/preview", tag="knowledge")


class ChunkShown(Shown):
    """A passage that covers some of the question."""

    source_id: str
    label: str = Field(description="The source's label.")
    heading: str = Field(description="The headings above the passage, or the question it answers.")
    text: str
    score: float = Field(description="How much of the question it covers, from 0 to 1.")


class KnowledgeFound(Shown):
    """What the agent would find."""

    chunks: list[ChunkShown] = Field(description="Best first; none where no passage has anything of the question.")
    top_score: float = Field(description="The best score, 0 without chunks. From 0.5 on, the question counts as covered.")


@router.post(
    "", response_model=ApiResponse[KnowledgeFound], summary="Preview knowledge search", responses=problems(400, 404, 413, 415)
)
async def preview_knowledge_search(
    principal: KnowledgeWrite, request: Request, agent_id: LongAgentId, body: Annotated[Any, Documented(KnowledgeQuery), Body()]
) -> Any:
    """The passages the agent's draft would find for a question, with how much of it each covers. Looks in all sources, or in
    those of `sourceIds`; one that has not been read yet has none. Saves nothing.
    """
    work = preview_knowledge(platform_of(request).runtime, principal.org_id, agent_id, body)
    found = await while_present(request, work)
    chunks = [
        {"sourceId": one.source_id, "label": one.label, "heading": one.heading, "text": one.text, "score": one.score}
        for one in found.passages
    ]
    return enveloped({"chunks": chunks, "topScore": found.top_score})
