"""Looking up what a caller said in what the agent knows: once a turn, in memory, before a model is asked."""

from __future__ import annotations

from typing import Any

from patchbay.agent_runtime.conversation.model import Knowledge, Reference
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.knowledge.known import Pins
from patchbay.agent_runtime.knowledge.searching import Found, Retrieved
from patchbay.agent_runtime.services import Runtime
from patchbay.schema_graph.call import KNOWLEDGE, OwnCall

MOST_PASSAGES = 4
"""So many passages go to a model."""
MOST_CHARACTERS = 6_000
"""So many characters of them together."""
_MOST_QUERY = 500


async def retrieve(runtime: Runtime, org_id: str, agent: FrozenAgent, said: str, level: int) -> Retrieved:
    """The passages that cover what was said, among what a caller of this level may be told."""
    pins = open_to(agent, level)
    return await runtime.library.retrieve(runtime.database, org_id, pins, said, limit=MOST_PASSAGES)


def open_to(agent: FrozenAgent, level: int) -> Pins:
    """What a caller of this level is answered from. A source that a search skill names is told by that skill alone while its
    gates would not let the caller by.
    """
    withheld: set[str] = set()
    for skill in agent.offered:
        if skill.call.kind == KNOWLEDGE and isinstance(skill.call.body, OwnCall):
            gate = agent.gates.of(skill.id)
            if gate.off is not None or gate.level > level or not gate.limits[level].shows("passage"):
                withheld.update(skill.call.body.settings.get("sourceIds") or ())
    return {source: pin for source, pin in agent.answers_from.items() if source not in withheld}


def retrieval_data(said: str, found: Retrieved) -> dict[str, Any]:
    """The ``kb_retrieval`` event. ``said`` is what may be kept of the caller's words; the passages are named, not repeated."""
    return {
        "query": said[:_MOST_QUERY],
        "passages": [
            {"sourceId": one.source_id, "indexId": one.index_id, "passage": one.number, "score": one.score}
            for one in found.passages
        ],
        "topScore": found.top_score,
        "covered": found.covered,
    }


def told(found: Retrieved) -> Knowledge:
    """What a model is given of it: whole passages as long as there is room, the first one cut where it is too long alone."""
    left, passages = MOST_CHARACTERS, list[Reference]()
    for one in found.passages:
        size = len(one.heading) + len(one.text)
        if size > left and passages:
            break
        passages.append(_reference(one, left))
        left -= size
    return Knowledge(passages=tuple(passages), covered=found.covered)


def _reference(one: Found, left: int) -> Reference:
    return Reference(label=one.label, heading=one.heading[:left], text=one.text[:left], score=one.score)
