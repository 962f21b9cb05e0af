"""The sentences of a passage that answer a question, as they stand there."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.agent_runtime.knowledge.asking import read_question
from patchbay.agent_runtime.knowledge.sentences import sentences
from patchbay.agent_runtime.knowledge.terms import terms

_AS_GOOD = 0.8
"""How near the best line of a list of prices another must come to be asked for as well."""


class _Words:
    """The terms of a few sentences."""

    def __init__(self, held: Sequence[frozenset[str]]) -> None:
        self.vocabulary = sorted({term for one in held for term in one if term.isalpha()})
        self._all = frozenset(term for one in held for term in one)

    def __contains__(self, term: str) -> bool:
        return term in self._all


def relevant(question: str, heading: str, body: str, language: str, *, most: int) -> str:
    """The sentences of ``body`` that cover a question, with those between and behind them, in at most ``most`` characters.

    All of a passage that is short enough is given, for what stands together belongs together; but of a list of prices only the
    lines that are asked for.
    """
    lines = sentences(body)
    if not lines:
        return ""
    held = [frozenset(terms(line, language)) for line in lines]
    words = _Words([*held, frozenset(terms(heading, language))])
    units = read_question(question, language, words)
    weights = [sum(1 for one in held if one & {term for term, _ in unit.terms}) for unit in units]
    scores = [
        sum(
            unit.factor / (1 + weight) * max((quality for term, quality in unit.terms if term in one), default=0.0)
            for unit, weight in zip(units, weights, strict=True)
        )
        for one in held
    ]
    best = max(range(len(lines)), key=lambda at: (scores[at], -at))
    if len(lines) > 2 and sum("@price" in one for one in held) > len(lines) / 2:
        asked = [line for line, score in zip(lines, scores, strict=True) if score >= _AS_GOOD * scores[best]]
        if len(_joined(asked)) <= most:
            return _joined(asked)
    whole = _joined(lines)
    return whole if len(whole) <= most else _around(lines, scores, best, most)


def _around(lines: Sequence[str], scores: Sequence[float], best: int, most: int) -> str:
    """The best sentence and its neighbours, the better of the two sides first, as long as there is room."""
    first = last = best
    said = _cut(lines[best], most)
    while len(said) < most:
        before = scores[first - 1] if first > 0 else -1.0
        after = scores[last + 1] if last + 1 < len(lines) else -1.0
        if max(before, after) < 0:
            break
        wider = (first - 1, last) if before > after else (first, last + 1)
        longer = _joined(lines[wider[0] : wider[1] + 1])
        if len(longer) > most:
            break
        first, last = wider
        said = longer
    return said


def _joined(lines: Sequence[str]) -> str:
    """Lines as sentences, one after the other."""
    return " ".join(line if line[-1] in ".!?…:;,)" else f"{line}." for line in (one.lstrip("-*•· ") for one in lines) if line)


def _cut(line: str, most: int) -> str:
    """A sentence that is too long alone, up to the last word there is room for; a number is never cut in two."""
    whole = _joined([line])
    return whole if len(whole) <= most else f"{whole[: most - 1].rsplit(' ', 1)[0].rstrip(',;:')}…"
