"""Which skill an utterance is about: words weighed by where they stand in a skill and how rare they are among the skills."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from patchbay.agent_runtime.conversation.model import ToolSpec
from patchbay.agent_runtime.planner.words import same_sense, stems

ENOUGH = 1.6
"""The least score at which a skill is meant."""
MARGIN = 1.25
"""How many times better the best must be than the next, else the caller is asked."""
_SHARED = 0.3
"""What a word weighs that all of several skills share: it tells what the agent is about, not which skill is meant."""

_TIMES = frozenset({"date", "time", "datetime"})
_AMOUNTS = frozenset({"decimal", "number", "integer"})
_QUESTIONS = (
    (re.compile(r"\b(when|what (time|day|date)|how (long|soon))\b", re.I), _TIMES),
    (re.compile(r"\b(how (much|many)|what('s| is) the (price|cost|total))\b", re.I), _AMOUNTS),
)


class Match(msgspec.Struct, frozen=True):
    """A skill, how well it fits, and how many words of the utterance it has."""

    tool: ToolSpec
    score: float
    words: int


def rank(utterance: str, tools: Sequence[ToolSpec]) -> list[Match]:
    """The skills that fit, best first."""
    said = list(dict.fromkeys(stems(utterance)))
    profiles = [_profile(_description(tool)) for tool in tools]
    rarity = {word: _rarity(word, profiles) for word in said}
    found: list[Match] = []
    for tool, profile in zip(tools, profiles, strict=True):
        score = sum(rarity[word] * _weight(word, profile) for word in said)
        if score and _answers(utterance, tool):
            score += 1.0
        fit = sum(max(rarity[word], 1.0) * _weight(word, profile) for word in said)
        if max(fit, score) >= ENOUGH:
            found.append(Match(tool, score, sum(1 for word in said if _weight(word, profile))))
    return sorted(found, key=lambda m: (-m.score, m.tool.slug))


def decided(matches: Sequence[Match]) -> Match | None:
    """The skill that is meant, or None when several fit about as well."""
    if not matches or (len(matches) > 1 and matches[0].score < MARGIN * matches[1].score):
        return None
    return matches[0]


def _answers(utterance: str, tool: ToolSpec) -> bool:
    """Whether the kind of question fits the kind of answer: *when* asks for a date."""
    kinds = {output.said_type for output in tool.outputs}
    return any(question.search(utterance) and kinds & types for question, types in _QUESTIONS)


def _weight(word: str, profile: tuple[tuple[str, float], ...]) -> float:
    return max((weight * same_sense(word, other) for other, weight in profile), default=0.0)


def _rarity(word: str, profiles: Sequence[tuple[tuple[str, float], ...]]) -> float:
    having = sum(1 for profile in profiles if _weight(word, profile) > 0)
    if having == len(profiles) > 1:
        return _SHARED
    return 1.0 + math.log((1 + len(profiles)) / (1 + having)) if having else 0.0


def _description(tool: ToolSpec) -> tuple[tuple[str, float], ...]:
    """The texts of a skill with their weights."""
    texts = [(tool.name, 3.0), (tool.slug, 3.0), (tool.description, 1.5)]
    texts += [(output.leaf, 2.0) for output in tool.outputs]
    texts += [(output.column.object, 2.0) for output in tool.outputs if not output.column.via]
    texts += [(one.param, 1.0) for one in tool.model_inputs()]
    texts += [(one.description or "", 0.7) for one in tool.model_inputs()]
    return tuple(texts)


@lru_cache(maxsize=1024)
def _profile(texts: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    weights: dict[str, float] = {}
    for text, weight in texts:
        for word in stems(text):
            weights[word] = max(weights.get(word, 0.0), weight)
    return tuple(weights.items())
