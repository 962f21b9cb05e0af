"""Answering from knowledge: a few sentences of the passage that covers the question best, as they stand there."""

from __future__ import annotations

import re

from patchbay.agent_runtime.conversation.model import Knowledge, Reference
from patchbay.agent_runtime.knowledge.quoting import relevant
from patchbay.agent_runtime.planner.matching import Match

MOST_SAID = 360
"""So many characters of a passage are said."""
_BEFORE = (
    r"^\W*(?:(?:hi|hello|hey|ok|okay|so|and|but|um|uh|well|sorry|please|actually|yes|no|oh|by the way|wait|quick question)\W+)*"
)
_ABOUT = (
    r"what|what's|whats|when|when's|where|where's|wheres|which|who|who's|whos|why|how|how's|is|are|do|does|did|has|was|tell me"
    r"|wann|wo|wie|was kostet|welche\w*|gibt|haben sie|quel\w*|quand|combien|est-ce|avez|cuanto|cuánto|dónde|qué|cuándo|hay"
)
_ASKS = re.compile(rf"\?\s*$|{_BEFORE}(?:{_ABOUT}|can|could|will|would|have|may|kann|können)\b", re.I)
_ASKS_ABOUT = re.compile(rf"{_BEFORE}(?:{_ABOUT})\b", re.I)
_OWN = re.compile(r"\b(?:my|mine|i|i'm|i've|i'd|i'll|me|our|we|us)\b", re.I)


def asks(said: str) -> bool:
    """Whether the caller asks something, as far as one can tell from how it is put."""
    return bool(_ASKS.search(said))


def asks_about(said: str) -> bool:
    """Whether the caller asks for a fact, and not whether they may have something: that may as well be a wish."""
    return bool(_ASKS_ABOUT.search(said))


def answer(said: str, knowledge: Knowledge | None, language: str) -> str | None:
    """What to say to a question that the agent's knowledge covers, or None where it does not."""
    if knowledge is None or not knowledge.covered:
        return None
    best: Reference = knowledge.passages[0]
    return relevant(said, best.heading, best.text, language, most=MOST_SAID) or None


def rather_known(said: str, match: Match | None) -> bool:
    """Whether what knowledge covers is rather a question about the business than a wish that ``match`` serves (None: that several
    skills may serve): the caller asks, speaks of nothing of their own, and touches the skill by one word only.
    """
    return asks(said) and not _OWN.search(said) and (match is None or match.words <= 1)
