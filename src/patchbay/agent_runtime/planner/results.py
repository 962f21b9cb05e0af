"""What the planner makes of a tool's outcome."""

from __future__ import annotations

from patchbay.agent_runtime.conversation.model import ToolOutcome, ToolSpec
from patchbay.agent_runtime.conversation.tools import HANDED_OFF
from patchbay.agent_runtime.knowledge.quoting import relevant
from patchbay.agent_runtime.planner import asking, facts
from patchbay.agent_runtime.planner.answers import MOST_SAID
from patchbay.agent_runtime.planner.dialogue import Say, Scene, Step
from patchbay.agent_runtime.planner.memory import Memory
from patchbay.agent_runtime.planner.reading import read_out
from patchbay.agent_runtime.planner.slots import kind_of
from patchbay.agent_runtime.planner.words import listed
from patchbay.schema_graph.call import CallInput

_MOST_TRIES = 3
_PASSING = frozenset({"source_unavailable", "source_timeout", "source_busy", "scoping_unconfirmed", "deadline"})


def after(tool: ToolSpec, outcome: ToolOutcome, memory: Memory, scene: Scene) -> Step:
    """The next step after ``tool`` came to ``outcome``."""
    if outcome.missing or outcome.invalid:
        return _ask_again(tool, outcome, memory)
    if outcome.status != "succeeded":
        return _refused(outcome, memory)
    done = memory.cleared()
    done.last, done.last_slots = tool.slug, dict(memory.slots)
    if outcome.code == HANDED_OFF:
        return Say(text=outcome.message or "I'm putting you through.", memory=done)
    preface = facts.acknowledged(memory.by_caller, tool.inputs)
    if outcome.ambiguous:
        return _ambiguous(tool, outcome, memory, done)
    if outcome.row_count == 0 and outcome.truncated:
        return Say(text="I found it, but it is too long to read out.", memory=done, unanswered=True)
    if outcome.row_count == 0 and tool.searches:
        return Say(text="I'm sorry, I don't know that.", memory=done, unanswered=True)
    if outcome.row_count == 0:
        return _nothing(tool, memory, done)
    if tool.searches:
        return Say(text=_quoted(outcome, memory, scene), memory=done)
    told = read_out(tool, outcome, now=scene.now)
    return Say(text=preface + (told[:1].lower() + told[1:] if preface and told.startswith("The ") else told), memory=done)


def _quoted(outcome: ToolOutcome, memory: Memory, scene: Scene) -> str:
    """What the best passage of a search says to what was asked; the gates may have left out any of its fields."""
    row, asked = outcome.rows[0], " ".join(map(str, memory.slots.values()))
    heading, passage = (str(row.get(leaf) or "") for leaf in ("heading", "passage"))
    return relevant(asked, heading, passage, scene.agent.primary_language, most=MOST_SAID) or "I found it, but I may not say it."


def _ask_again(tool: ToolSpec, outcome: ToolOutcome, memory: Memory) -> Step:
    param = (*outcome.missing, *outcome.invalid)[0]
    one = next(i for i in tool.model_inputs() if i.param == param)
    again = param in outcome.invalid
    memory.slots = {p: v for p, v in memory.slots.items() if p not in outcome.invalid}
    memory.refused_caller = memory.refused_caller or param in memory.by_caller
    memory.by_caller = [p for p in memory.by_caller if p not in outcome.invalid]
    memory.skill, memory.asking, memory.tries = tool.slug, param, memory.tries + again
    if memory.tries >= _MOST_TRIES:
        told = f"I still can't use that as {asking.thing(one)}, so I can't look it up."
        return Say(text=told, memory=memory.cleared(), unanswered=True)
    return Say(text=asking.once_more(one, outcome.message) if again else asking.question(one), memory=memory)


def _refused(outcome: ToolOutcome, memory: Memory) -> Step:
    done = memory.cleared()
    done.last, done.last_slots = memory.skill, dict(memory.slots)
    told = outcome.message or "I can't look that up right now."
    if outcome.code in _PASSING:
        done.offer = "retry"
        told = told if "?" in told else f"{told} Shall I try again?"
    return Say(text=f"I'm sorry. {told}", memory=done, unanswered=True)


def _ambiguous(tool: ToolSpec, outcome: ToolOutcome, memory: Memory, done: Memory) -> Step:
    told = "I found more than one record for that, so I can't tell which one is meant."
    other = next((i for i in tool.model_inputs() if i.param not in memory.slots), None)
    if other is not None:
        memory.asking, memory.skill = other.param, tool.slug
        return Say(text=f"{told} {asking.question(other)}", memory=memory)
    one = _identity(tool, memory)
    if one is None:
        return Say(text=told, memory=done, unanswered=True)
    done.skill, done.asking = tool.slug, one.param
    done.slots = {p: v for p, v in memory.slots.items() if p != one.param}
    done.last_slots = {p: v for p, v in done.last_slots.items() if p != one.param}
    return Say(text=f"{told} Is there another value for {asking.thing(one)} that I can try?", memory=done, unanswered=True)


def _nothing(tool: ToolSpec, memory: Memory, done: Memory) -> Step:
    given = [str(memory.slots[i.param]) for i in tool.model_inputs() if i.param in memory.slots]
    told = f"I couldn't find anything for {listed(given)}." if given else "I couldn't find anything."
    one = _identity(tool, memory)
    if one is None:
        return Say(text=told, memory=done)
    done.skill, done.asking = tool.slug, one.param
    done.slots = {p: v for p, v in memory.slots.items() if p != one.param}
    done.last_slots = dict(done.slots)
    done.refused_caller = done.refused_caller or one.param in memory.by_caller
    return Say(text=f"{told} If you would like to try again, could you tell me {asking.thing(one)} once more?", memory=done)


def _identity(tool: ToolSpec, memory: Memory) -> CallInput | None:
    """The parameter that says whose record it is, as far as one can tell: what kind it has, else the first one given."""
    given = [i for i in tool.model_inputs() if i.param in memory.slots]
    return next((i for i in given if kind_of(i) in ("phone", "email", "id", "uuid")), given[0] if given else None)
