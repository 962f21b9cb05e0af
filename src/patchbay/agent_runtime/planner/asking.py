"""The questions the planner asks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from patchbay.agent_runtime.conversation.model import ToolSpec
from patchbay.agent_runtime.planner.words import humanized, listed
from patchbay.bindings.parameters import BY_NAME
from patchbay.schema_graph.call import CallInput

_THEIRS = re.compile(
    r"^(?:the |a )?(?:calling |current )?(?:caller|customer|client|patient|user|guest|visitor|person)(?:'s|’s|s')?(?: own)? ",
    re.I,
)
_CALLER_WORDS = re.compile(r"^(caller|customer|client|patient|user|guest|visitor)\s+", re.I)
_NOUN_PHRASE = re.compile(r"^(the|a|an|your|their|any)\b", re.I)
_INSTRUCTION = re.compile(r"^(ask|find|get|use|look|enter|must|should|required|optional|if|when|this)\b", re.I)


def thing(one: CallInput) -> str:
    """A parameter as something to ask for: ``your phone number``, from its description where that is short."""
    canonical = BY_NAME.get(one.param)
    text = " ".join((one.description or (canonical.description if canonical else "")).split()).rstrip(".")
    first = re.split(r"(?<=[a-z])\. |; | \(", text)[0]
    if not first or len(first.split()) > 14 or _INSTRUCTION.match(first):
        name = _named(one, humanized(one.param))
        owned = _CALLER_WORDS.sub("your ", name)
        return owned if owned != name else f"the {name}"
    if _THEIRS.match(first):
        return _THEIRS.sub("your ", first)
    if _NOUN_PHRASE.match(first):
        return first[:1].lower() + first[1:]
    return f"the {first[:1].lower() + first[1:] if first[1:2].islower() else first}"


def question(one: CallInput) -> str:
    """How to ask for a parameter."""
    if one.said_enum and len(one.said_enum) <= 8:
        return f"Which {humanized(one.param)}: {listed((c.replace('_', ' ') for c in one.said_enum), last='or')}?"
    if one.said_type == "boolean":
        return f"Is that a yes or a no for {thing(one)}?"
    return f"Could you tell me {thing(one)}?"


def once_more(one: CallInput, why: str | None) -> str:
    """How to ask again after a value that does not work."""
    reason = f" {why}" if why else ""
    return f"I can't use that as {thing(one)}.{reason} Could you give it to me again?"


def which(tools: Sequence[ToolSpec]) -> str:
    """How to ask which of several skills is meant."""
    return f"Which would you like: {listed((action(t) for t in tools), last='or')}?"


def action(tool: ToolSpec) -> str:
    """A skill's name inside a sentence."""
    name = humanized(tool.name) if "_" in tool.name else tool.name.rstrip(".")
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def _named(one: CallInput, name: str) -> str:
    return f"{name} number" if one.codec == "phone" and name.endswith(("phone", "mobile", "cell")) else name
