"""From a goal to a draft skill: the proposal of :mod:`patchbay.bindings.automap`, saved like any other binding, disabled.

A configured model may choose among the candidates. It is asked once, for a bounded time; whatever goes wrong with it, or with its
answer, leaves what was proposed without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Annotated, Any

import msgspec
import structlog
from pydantic import Field

from patchbay.agent_runtime.agent_draft import AgentDraft, ModelSettings, Persona
from patchbay.agent_runtime.agents import DuplicateName, get_agent
from patchbay.agent_runtime.binding_skills import save_binding
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.conversation.model import ModelRequest, TextDelta, UserMessage
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.ground import target_of
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.tables import Skill
from patchbay.bindings.automap.choosing import INSTRUCTIONS, LONGEST_ANSWER, Offer, offers, question, read_choice
from patchbay.bindings.automap.drafting import Choice
from patchbay.bindings.automap.explaining import Why
from patchbay.bindings.automap.goal import LONGEST, Goal
from patchbay.bindings.automap.proposing import NoValidBinding, Proposal, propose_from
from patchbay.bindings.automap.scoring import Ranking, understand
from patchbay.bindings.check import Target
from patchbay.connectors.connections import current, provider_of
from patchbay.connectors.snapshots import load_index, load_view
from patchbay.errors import Unprocessable
from patchbay.schema_graph.naming import singular_word, split_words
from patchbay.schema_graph.scoping import View

_log = structlog.get_logger(__name__)

MODEL_SECONDS = 15.0
"""How long a model may take to choose."""
_MOST_NAMES = 20
_ANSWER_TOKENS = 300


class AutoMapBody(Body):
    """A goal in plain language. ``toolName`` names the skill; without it the goal does."""

    goal: Annotated[str, Field(min_length=1, max_length=LONGEST, description="What the agent should be able to do.")]
    tool_name: (
        Annotated[str, Field(min_length=1, max_length=100, description="The skill's name, unique on the agent.")] | None
    ) = None


class AutoMapped(msgspec.Struct, frozen=True):
    """The saved draft, and why it was proposed."""

    skill: Skill
    why: Why


async def auto_map(
    runtime: Runtime,
    org_id: str,
    agent_id: str,
    kind: str,
    body: Any,
    *,
    name: str | None = None,
    provenance: Mapping[str, Any] | None = None,
    about: Collection[str] = (),
) -> AutoMapped:
    """Propose a binding for a goal and save it disabled. ``name`` is what the skill is called where that is free; there is one
    skill of a ``provenance``. ``about``: a proposal whose record is called by none of these words is none.

    Raises ``ValidationFailed`` (400), :class:`NoValidBinding` (422) with the reason and the nearest candidates,
    :class:`DuplicateName` (409) for a name that was asked for, and what reading the connection raises (404
    ``schema_not_discovered``, 409 ``integration_not_connected``).
    """
    asked = read_body(AutoMapBody, body)
    async with runtime.database.tenant(org_id, read_only=True) as session:
        agent = await get_agent(session, agent_id)
        await provider_of(session, kind)
        connection = await current(session, kind, connected=True)
        view = await load_view(session, connection)
        target = target_of(connection, agent, view)
        index = await load_index(session, connection)
    goal, ranking = await asyncio.to_thread(understand, asked.goal, view, index)
    choice = await _model_choice(runtime, agent_id, goal, ranking)
    proposal = await asyncio.to_thread(_proposed, goal, ranking, view, target, asked.tool_name, choice)
    if about and not _is_about(proposal, view, about):
        candidates = [msgspec.to_builtins(one) for one in proposal.why.alternatives]
        detail = f"The schema shows nothing that is called {_listed(about)} (no_valid_binding)."
        raise NoValidBinding(detail, extensions={"candidates": candidates})
    body = {**proposal.binding.to_json(), "toolName": name or proposal.binding.tool_name, "enabled": False}
    try:
        skill = await _save(
            runtime,
            org_id,
            agent_id,
            kind,
            body,
            renamed=asked.tool_name is None,
            provenance=provenance,
            settings={"autoMap": _kept(proposal.why, ranking, proposal.binding.operation)},
        )
    except Unprocessable as refusal:
        detail = f"{proposal.binding.operation} was proposed, but could not be proven: {refusal.detail} (no_valid_binding)"
        candidates = [msgspec.to_builtins(one) for one in proposal.why.alternatives]
        raise NoValidBinding(detail, hint=refusal.hint, errors=refusal.errors, extensions={"candidates": candidates}) from refusal
    return AutoMapped(skill, proposal.why)


def _kept(why: Why, ranking: Ranking, operation: str) -> dict[str, Any]:
    """What a skill keeps of why it was proposed: nothing that names another operation, for data scoping may block that later."""
    others = [one.profile.operation.name for one in ranking.scored if one.profile.operation.name not in operation]
    questions = [question for question in why.questions if not any(name in question for name in others)]
    return {"confidence": why.confidence, "why": why.why, "questions": questions}


def _is_about(proposal: Proposal, view: View, words: Collection[str]) -> bool:
    """Whether the record of the proposed operation is called by one of these words: in English the last word says what it is."""
    operation = view.operation(proposal.binding.operation)
    name = (operation.object if operation is not None else None) or ""
    return any(singular_word(last) in words for last in split_words(name)[-1:])


def _listed(words: Collection[str]) -> str:
    return " or ".join(repr(word) for word in words)


def _proposed(goal: Goal, ranking: Ranking, view: View, target: Target, tool_name: str | None, choice: Choice | None) -> Proposal:
    return propose_from(goal, ranking, view, target, tool_name=tool_name, choice=choice)


async def _save(
    runtime: Runtime,
    org_id: str,
    agent_id: str,
    kind: str,
    body: Mapping[str, Any],
    *,
    renamed: bool,
    provenance: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
) -> Skill:
    """Save the draft; a name that was not asked for gets a number where it is taken."""
    wanted: str = body["toolName"]
    for number in range(1, _MOST_NAMES + 1):
        name = wanted if number == 1 else f"{wanted[:95]} {number}"
        try:
            named = {**body, "toolName": name}
            return await save_binding(runtime, org_id, agent_id, kind, named, provenance=provenance, settings=settings)
        except DuplicateName:
            if not renamed or number == _MOST_NAMES:
                raise
    raise AssertionError("unreachable")


async def _model_choice(runtime: Runtime, agent_id: str, goal: Goal, ranking: Ranking) -> Choice | None:
    """What a configured model chooses; None without one, and for everything that is not a choice."""
    settings = runtime.settings
    if (settings.llm_base_url is None and settings.llm_api_key is None) or len(ranking.scored) < 2:
        return None
    offered = await asyncio.to_thread(offers, goal, ranking)
    try:
        async with asyncio.timeout(MODEL_SECONDS):
            answer = await _ask(runtime, agent_id, goal, offered)
    except Exception as error:  # whatever an endpoint sends: what works without it is not to fail because of it
        _log.warning("auto-map without the model", error=type(error).__name__)
        return None
    return read_choice(answer, offered)


async def _ask(runtime: Runtime, agent_id: str, goal: Goal, offered: list[Offer]) -> str:
    profile = AgentDraft(
        name="Auto-map",
        persona=Persona(name="the assistant that maps goals", role=INSTRUCTIONS),
        model_settings=ModelSettings(temperature=0.0, max_output_tokens=_ANSWER_TOKENS),
    )
    mapper = FrozenAgent(agent_id=agent_id, version_id=None, number=None, sha256="", profile=profile, skills=())
    request = ModelRequest(agent=profile, messages=(UserMessage(text=question(goal, offered)),), tools=())
    said: list[str] = []
    length = 0
    stream = runtime.models(mapper).stream(request)
    try:
        async for event in stream:
            if isinstance(event, TextDelta):
                said.append(event.text)
                length += len(event.text)
                if length > LONGEST_ANSWER:
                    break
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()  # so that no more of an endless answer is sent
    return "".join(said)
