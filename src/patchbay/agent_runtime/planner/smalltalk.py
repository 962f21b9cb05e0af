"""What is said around a request: hello, thanks, goodbye, what can you do, let me talk to a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from patchbay.agent_runtime.agent_draft import AgentDraft
from patchbay.agent_runtime.conversation.model import ToolSpec
from patchbay.agent_runtime.planner.words import listed

Talk = Literal["greeting", "thanks", "goodbye", "capabilities", "how_are_you", "who", "yes", "no"]

_PERSON = (
    r"(?:human(?: being)?|(?:real|live|actual) (?:person|human|agent|someone)|person|agent|representative|rep|operator|manager"
    r"|supervisor|receptionist|somebody|someone|staff(?: member)?|advisor|team member|customer service)"
)
_HAND_OFF = re.compile(
    rf"\b(?:speak|talk|chat)(?:ing)? (?:to|with) (?:an? |the |your |some )?{_PERSON}\b"
    rf"|\b(?:transfer|connect|put) me (?:through )?(?:to|with|over to)\b|\bput me through\b"
    rf"|\b(?:get|give|want|need|like|prefer) (?:me )?(?:to (?:speak|talk) (?:to|with) )?(?:an? |the )?"
    rf"(?:human(?: being)?|(?:real|live|actual) (?:person|human|agent)|representative|operator|manager|supervisor)\b"
    rf"|^\s*(?:an? )?{_PERSON}(?:,? please)?[.!]*\s*$",
    re.I,
)
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
_CANCEL = re.compile(r"\b(never ?mind|forget (?:it|about it)|cancel that|stop|skip (?:it|that)|leave it)\b", re.I)
_UNKNOWN = re.compile(
    r"\b(?:i )?(?:don't|do not|dont|can't|cannot) (?:know|have|remember|recall)\b|\bno idea\b|\bnot sure\b", re.I
)


def wants_person(said: str) -> bool:
    """Whether the caller asks for a person."""
    return bool(_HAND_OFF.search(said))


def wants_to_stop(said: str) -> bool:
    """Whether the caller drops what was being asked."""
    return bool(_CANCEL.search(said))


def does_not_know(said: str) -> bool:
    """Whether the caller does not have what was asked for."""
    return bool(_UNKNOWN.search(said))


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
