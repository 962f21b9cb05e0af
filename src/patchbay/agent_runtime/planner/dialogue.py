"""What the planner does next: call a skill, ask, or say something. A pure function of what was said and what it remembers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from patchbay.agent_runtime.agent_draft import AgentDraft
from patchbay.agent_runtime.conversation import utterances
from patchbay.agent_runtime.conversation.model import Knowledge, ToolSpec
from patchbay.agent_runtime.planner import answers, asking, facts, smalltalk
from patchbay.agent_runtime.planner.matching import ENOUGH, decided, rank
from patchbay.agent_runtime.planner.memory import Memory
from patchbay.agent_runtime.planner.slots import fill, kind_of
from patchbay.agent_runtime.planner.words import split_words

_MOST_TRIES = 3
_MOST_ASKED = 500
_FOLLOW_UP = re.compile(r"^\W*(?:and|what about|how about|try|no,? (?:it'?s|try)|it'?s|for|sorry|i mean|actually)\b", re.I)
_LOOSE = frozenset({"text", "name", "boolean", "number"})


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner can see: the agent, its tools, the channel's facts, the time in the agent's zone, and what was found in
    the agent's knowledge for what the caller just said.
    """

    agent: AgentDraft
    tools: tuple[ToolSpec, ...]
    session: Mapping[str, Any]
    now: datetime
    knowledge: Knowledge | None = None

    def answer(self, said: str) -> str | None:
        """What the agent's knowledge has to say to it."""
        return answers.answer(said, self.knowledge, self.agent.primary_language)

    def tool(self, slug: str | None) -> ToolSpec | None:
        """The skill of that slug."""
        return next((t for t in self.skills() if t.slug == slug), None)

    def skills(self) -> tuple[ToolSpec, ...]:
        """The tools that are skills."""
        return tuple(t for t in self.tools if t.skill_id)

    def hands_off(self) -> bool:
        """Whether a person can be asked for."""
        return self.agent.handoff.enabled


class Say(msgspec.Struct, frozen=True, kw_only=True):
    """Say ``text``. ``unanswered``: the agent could not help."""

    text: str
    memory: Memory
    unanswered: bool = False


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Run the skill ``slug``."""

    slug: str
    arguments: dict[str, Any]
    memory: Memory


class HandOff(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for a person."""

    reason: str
    memory: Memory


Step = Say | Call | HandOff


def respond(said: str, memory: Memory, scene: Scene) -> Step:
    """The next step after the caller said something."""
    if utterances.wants_person(said):
        named = decided(rank(said, [tool for tool in scene.skills() if tool.transfers]))
        return start(named.tool, said, memory, scene) if named is not None else _hand_off(said, memory, scene)
    if memory.offer is not None and (step := _offered(said, memory, scene)) is not None:
        return step
    if memory.choices and (tool := _chosen(said, memory, scene)) is not None:
        return start(tool, f"{memory.heard} {said}", memory, scene)
    pending = scene.tool(memory.skill)
    if pending is not None and memory.asking is not None:
        return _answered(said, pending, memory, scene)
    return _fresh(said, memory, scene)


def start(tool: ToolSpec, said: str, memory: Memory, scene: Scene, given: Mapping[str, Any] | None = None) -> Step:
    """Prepare a skill with what was said, what was said before, and what the channel knows."""
    inputs = tool.model_inputs()
    slots = _carried(tool, memory)
    if tool.searches:
        values: dict[str, Any] = {one.param: said[:_MOST_ASKED] for one in inputs}
    else:
        values = dict(given) if given is not None else _fill(said, tool, scene)
    own = {} if memory.refused_caller else facts.from_channel(said, inputs, scene.session, asked=None)
    own = {k: v for k, v in own.items() if k not in values and k not in slots}
    fresh = memory.cleared()
    fresh.skill, fresh.slots, fresh.by_caller = tool.slug, {**slots, **own, **values}, list(own)
    return proceed(tool, fresh, scene)


def proceed(tool: ToolSpec, memory: Memory, scene: Scene) -> Step:
    """Call the skill when it has what it needs, else ask for the first thing that is missing."""
    inputs = tool.model_inputs()
    missing = [i for i in inputs if i.required and i.param not in memory.slots]
    if not missing and inputs and not memory.slots:
        missing = list(inputs[:1])
    if missing:
        memory.asking = missing[0].param
        return Say(text=asking.question(missing[0]), memory=memory)
    memory.asking, memory.tries = None, 0
    return Call(slug=tool.slug, arguments=dict(memory.slots), memory=memory)


def _fresh(said: str, memory: Memory, scene: Scene) -> Step:
    matches = rank(said, scene.skills())
    best = decided(matches)
    known = scene.answer(said)
    if known is not None and matches and answers.rather_known(said, best):
        return Say(text=known, memory=memory.cleared())
    if best is not None:
        return start(best.tool, said, memory, scene)
    if matches:
        close = [m.tool for m in matches[:3]]
        asked = memory.cleared()
        asked.choices, asked.heard = [t.slug for t in close], said
        return Say(text=asking.which(close), memory=asked)
    last = scene.tool(memory.last)
    if last is not None and (values := _follow_up(said, last, scene)):
        return start(last, said, memory, scene, given=values)
    if (tool := _only_taker(said, scene)) is not None:
        return start(tool, said, memory, scene)
    if known is not None:
        return Say(text=known, memory=memory.cleared())
    if (name := smalltalk.talk(said)) is not None:
        return Say(text=_small(name, scene), memory=memory.cleared())
    return _cannot(memory, scene)


def _answered(said: str, tool: ToolSpec, memory: Memory, scene: Scene) -> Step:
    asked = memory.asking
    if utterances.wants_to_stop(said):
        return Say(text="No problem. Is there anything else I can do for you?", memory=memory.cleared())
    one = next((i for i in tool.model_inputs() if i.param == asked), None)
    if one is None:
        return _fresh(said, memory.cleared(), scene)
    other = decided(rank(said, scene.skills()))
    if other is not None and other.tool.slug != tool.slug and other.score >= ENOUGH + 1 and len(split_words(said)) > 3:
        return start(other.tool, said, memory, scene)
    if utterances.does_not_know(said):
        return _without(tool, one.param, memory, scene)
    values = _fill(said, tool, scene, asked=asked)
    own = facts.from_channel(said, [one], scene.session, asked=asked)
    own = {k: v for k, v in own.items() if k not in values}
    talked = smalltalk.talk(said)
    aside = answers.asks_about(said) and kind_of(one) in _LOOSE if asked in values else answers.asks(said)
    if aside and (known := scene.answer(said)) is not None:
        return Say(text=f"{known} {asking.question(one)}", memory=memory)
    if asked in own or (
        asked in values and not (talked in ("thanks", "goodbye", "capabilities", "no") and kind_of(one) in _LOOSE)
    ):
        memory.slots = {**memory.slots, **own, **values}
        memory.by_caller = [p for p in [*memory.by_caller, *own] if p not in values]
        return proceed(tool, memory, scene)
    if talked in ("no", "goodbye", "thanks"):
        return Say(text=smalltalk.reply(talked, scene.agent, scene.tools), memory=memory.cleared())
    memory.slots, memory.tries = {**memory.slots, **values}, memory.tries + 1
    if memory.tries >= _MOST_TRIES:
        return _without(tool, one.param, memory, scene)
    return Say(text=f"Sorry, I didn't catch that. {asking.question(one)}", memory=memory)


def _without(tool: ToolSpec, param: str, memory: Memory, scene: Scene) -> Step:
    """The caller cannot give what is needed: go on with another parameter, or offer a person."""
    one = next(i for i in tool.model_inputs() if i.param == param)
    if not one.required and memory.slots:
        return proceed(tool, memory, scene)
    told = f"Without {asking.thing(one)} I can't {asking.action(tool)}."
    cleared = memory.cleared()
    if scene.hands_off():
        cleared.offer = "person"
        return Say(text=f"{told} Would you like to speak to a person?", memory=cleared, unanswered=True)
    return Say(text=told, memory=cleared, unanswered=True)


def _offered(said: str, memory: Memory, scene: Scene) -> Step | None:
    """What a yes or no to an offer means; None when it is neither."""
    offer, memory.offer = memory.offer, None
    answer = smalltalk.talk(said)
    if answer == "yes" and offer == "person":
        return _hand_off(said, memory, scene)
    if answer == "yes" and offer == "retry" and (tool := scene.tool(memory.last)) is not None:
        memory.skill, memory.slots = tool.slug, dict(memory.last_slots)
        return proceed(tool, memory, scene)
    if answer == "no":
        return Say(text=smalltalk.reply("no", scene.agent, scene.tools), memory=memory.cleared())
    return None


def _chosen(said: str, memory: Memory, scene: Scene) -> ToolSpec | None:
    tools = [t for t in map(scene.tool, memory.choices) if t is not None]
    memory.choices = []
    for number, word in enumerate(("first", "second", "third")):
        if number < len(tools) and word in split_words(said):
            return tools[number]
    matches = rank(said, tools)
    return matches[0].tool if matches and (len(matches) == 1 or matches[0].score > matches[1].score) else None


def _follow_up(said: str, tool: ToolSpec, scene: Scene) -> dict[str, Any]:
    """Values for another run of the same skill: “and for 555-0102?”."""
    values = _fill(said, tool, scene)
    if _FOLLOW_UP.search(said):
        return values
    kinds = {i.param: kind_of(i) for i in tool.model_inputs()}
    return {p: v for p, v in values.items() if kinds[p] not in _LOOSE} if len(split_words(said)) <= 8 else {}


def _only_taker(said: str, scene: Scene) -> ToolSpec | None:
    """The one skill that takes what was given, when only a value was given: “my number is 555-0102”."""
    takers: list[ToolSpec] = []
    for tool in scene.skills():
        kinds = {i.param: kind_of(i) for i in tool.model_inputs() if i.required}
        if any(kinds.get(p) in ("phone", "email", "uuid", "id") for p in _fill(said, tool, scene)):
            takers.append(tool)
    return takers[0] if len(takers) == 1 else None


def _carried(tool: ToolSpec, memory: Memory) -> dict[str, Any]:
    """Who the caller is does not change from one question to the next."""
    who = {i.param for i in tool.model_inputs() if kind_of(i) in ("phone", "email", "name")}
    before = {**memory.last_slots, **memory.slots}
    return {p: v for p, v in before.items() if p in who}


def _fill(said: str, tool: ToolSpec, scene: Scene, *, asked: str | None = None) -> dict[str, Any]:
    inputs = tool.model_inputs()
    country = next((i.country for i in inputs if i.country), None) or scene.agent.default_country
    return fill(said, inputs, now=scene.now, country=country, asked=asked)


def _hand_off(said: str, memory: Memory, scene: Scene) -> Step:
    if scene.hands_off():
        return HandOff(reason=" ".join(said.split())[:200], memory=memory.cleared())
    told = "I'm sorry, I can't bring in a person here."
    return Say(text=f"{told} {smalltalk.capabilities(scene.tools)}", memory=memory.cleared(), unanswered=True)


def _cannot(memory: Memory, scene: Scene) -> Step:
    skills: Sequence[ToolSpec] = scene.skills()
    offer = " If you would rather speak to a person, just say so." if scene.hands_off() else ""
    told = f" {smalltalk.capabilities(scene.tools)}" if skills else ""
    sorry = "I'm sorry, I can't help with that." if scene.knowledge is None else "I'm sorry, I don't know that."
    return Say(text=f"{sorry}{told}{offer}", memory=memory.cleared(), unanswered=True)


def _small(talked: smalltalk.Talk, scene: Scene) -> str:
    """The reply to small talk. An agent that has knowledge and no skills can do more than its skills say."""
    if talked == "capabilities" and scene.knowledge is not None and not scene.skills():
        return f"I can answer questions about {scene.agent.name}. What would you like to know?"
    return smalltalk.reply(talked, scene.agent, scene.tools)
