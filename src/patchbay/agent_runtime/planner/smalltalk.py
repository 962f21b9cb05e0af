"""What is said around a request: hello, thanks, goodbye, what can you do, let me talk to a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from patchbay.agent_runtime.agent_draft import AgentDraft
from patchbay.agent_runtime.conversation.model import ToolSpec
from patchbay.agent_runtime.planner.words import listed

Talk = Literal["greeting", "thanks", "goodbye", "capabilities", "how_are_you", "who", "yes", "no"]

_PATTERNS: tuple[tuple[Talk, re.Pattern[str]], ...] = (
    (
        "capabilities",
        re.compile(
            r"\b(what (?:can|do) you (?:do|help)|how can you help|what (?:are|is) (?:you able|your (?:options|skills))|help)\b",
            re.I,
        ),
    ),
    (
        "who",
        re.compile(
            r"\b(who are you|what(?:'s| is) your name|are you (?:a |an )?(?:robot|bot|human|real|ai|person|machine))\b", re.I
        ),
    ),
    ("how_are_you", re.compile(r"\bhow (?:are you|is it going|'s it going|do you do)\b", re.I)),
    (
        "goodbye",
        re.compile(r"\b(good ?bye|bye|see you|that(?:'s| is| will be) all|nothing else|have a (?:good|nice|great))\b", re.I),
    ),
    ("thanks", re.compile(r"\b(thanks?(?: you)?|cheers|much appreciated|great|perfect|wonderful)\b", re.I)),
    ("greeting", re.compile(r"^\s*(hi|hello|hey|good (?:morning|afternoon|evening)|greetings|howdy)\b", re.I)),
    ("no", re.compile(r"^\s*(no|nope|nah)\b", re.I)),
    ("yes", re.compile(r"^\s*(yes|yeah|yep|sure|ok(?:ay)?|please do|go ahead|of course)\b", re.I)),
)


def talk(said: str) -> Talk | None:
    """The small talk in ``said``, or None."""
    return next((name for name, pattern in _PATTERNS if pattern.search(said)), None)


def reply(name: Talk, agent: AgentDraft, tools: Sequence[ToolSpec]) -> str:
    """What to say to it."""
    called = agent.persona.name or agent.name
    match name:
        case "greeting":
            return agent.greeting or f"Hello, this is {called}. How can I help you?"
        case "thanks":
            return "You're welcome. Is there anything else I can do for you?"
        case "goodbye":
            return "Thank you, goodbye."
        case "capabilities":
            return capabilities(tools)
        case "how_are_you":
            return "I'm doing well, thank you. How can I help you?"
        case "who":
            return f"I'm {called}, an automated assistant. How can I help you?"
        case "no":
            return "All right. Is there anything else I can do for you?"
        case "yes":
            return "What can I do for you?"


def capabilities(tools: Sequence[ToolSpec]) -> str:
    """What the agent's skills let it do, in a sentence."""
    skills = [t.name[:1].lower() + t.name[1:] if t.name[1:2].islower() else t.name for t in tools if t.skill_id]
    if not skills:
        return "I can't look anything up here yet, but I can note that you would like to speak to a person."
    return f"Here is what I can do: {listed(_as_action(s) for s in skills)}."


def _as_action(name: str) -> str:
    words = name.rstrip(".").split("_") if "_" in name else [name.rstrip(".")]
    return " ".join(words)
