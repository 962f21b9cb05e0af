"""Values that are words: names, enum values, titles, and the plain answer to a plain question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from patchbay.agent_runtime.planner.words import STOPWORDS, split_words, stem
from patchbay.schema_graph.call import CallInput

Found = tuple[Any, tuple[int, int]]

_WORD = r"[^\W\d_][\w'’.-]*"
_CAPITAL = r"[^\W\d_a-z][\w'’-]*"
_NAME = re.compile(
    rf"\b(?:my name is|name's|the name is|name is|this is|i am|i'm|it's|under the name(?: of)?|on behalf of|for)\s+"
    rf"((?:{_CAPITAL})(?:\s+(?:{_CAPITAL}|van|von|de|der|den|la|le|bin|al)){{0,4}})",
    re.I,
)
_SAID_NAME = re.compile(rf"\b(?:my|the|last|first|full) ?name(?: is|'s)\s+({_WORD}(?:\s+{_WORD}){{0,3}})", re.I)
_QUOTED = re.compile(r"[\"“«]([^\"”»]{1,200})[\"”»]|(?<!\w)['‘]([^'’]{2,200})['’](?!\w)")
_CALLED = re.compile(rf"\b(?:called|named|titled|entitled)\s+({_WORD}(?:\s+[\w'’.-]+){{0,6}})", re.I)
_CAPITALS = re.compile(rf"(?<![.!?]\s)(?<!^)\b{_CAPITAL}(?:\s+(?:of|the|and|in|to|a|{_CAPITAL}))*")
_FILLER = re.compile(
    r"^(?:(?:um+|uh+|er+|well|so|actually|maybe|ok(?:ay)?|sure|yes|yeah|hi|hello|hey|please)[\s,.!-]+)*"
    r"(?:(?:it|that|this|the \w+|my \w+(?: \w+)?|he|she)(?:'s| is| was| would be| should be)\s+"
    r"|i(?:'m| am)\s+|i think (?:it's )?|for\s+)?",
    re.I,
)
_TRAILING = re.compile(r"(?:[\s,]+(?:please|thanks|thank you|i think|if possible))*[\s.!?,;]*$", re.I)
_STOPS = re.compile(r"[,.;!?|]|\s+(?:please|and|with|on|at|by|my|is|are|for|today|tomorrow|thanks)\b|$", re.I)
_MANY_WORDS = 12


def find_enum(choices: Sequence[str], text: str) -> Found | None:
    """The choice that is said: as it is written, else by the stems of its words; the longest wins."""
    for choice in sorted(choices, key=len, reverse=True):
        spoken = r"[\s_-]+".join(map(re.escape, re.split(r"[\s_-]+", choice.strip())))
        if spoken and (match := re.search(rf"(?<!\w){spoken}(?!\w)", text, re.I)):
            return choice, match.span()
    said = {stem(match[0].lower()): match.span() for match in re.finditer(r"[A-Za-z]+", text)}
    for choice in choices:
        words = [stem(word) for word in split_words(choice)]
        if words and all(word in said for word in words):
            spans = [said[word] for word in words]
            return choice, (min(s[0] for s in spans), max(s[1] for s in spans))
    return None


def find_name(text: str) -> Found | None:
    """A person's name after words that announce one."""
    if match := _SAID_NAME.search(text):
        cut = _cut(match[1])
        return cut, (match.start(1), match.start(1) + len(cut))
    for match in _NAME.finditer(text):
        words = match[1].split()
        if words[0][:1].isupper() and words[0].lower() not in STOPWORDS:
            kept = match[1] if all(w[:1].isupper() or len(w) < 4 for w in words) else _capitals_only(words)
            return kept, (match.start(1), match.start(1) + len(kept))
    return None


def find_marked(text: str) -> Found | None:
    """Free text that is marked as such: quoted, or after ``called``."""
    if match := _QUOTED.search(text):
        return (match[1] or match[2]).strip(), match.span()
    if match := _CALLED.search(text):
        cut = _cut(match[1])
        return cut, (match.start(), match.start(1) + len(cut))
    return None


def find_phrase(one: CallInput, text: str) -> Found | None:
    """A title or other free text: after the parameter's own name, or a run of capitals inside the sentence."""
    own = {stem(w) for w in split_words(one.param)} - {"nam"}
    for match in re.finditer(r"[A-Za-z]+", text):
        if stem(match[0].lower()) in own and (after := _after(text, match.end())) is not None:
            return after
    if match := _CAPITALS.search(text):
        words = match[0].split()
        if words[0].lower() not in STOPWORDS:
            kept = _trimmed(match[0].strip())
            return kept, (match.start(), match.start() + len(kept))
    return None


def whole_answer(text: str) -> Found | None:
    """All of a short answer, without the words around it."""
    answer = _TRAILING.sub("", _FILLER.sub("", text.strip(), count=1)).strip(" |\"'“”")
    if not answer or "|" in answer or len(answer.split()) > _MANY_WORDS or text.strip().endswith("?"):
        return None
    start = text.find(answer)
    return answer, (start, start + len(answer))


def _after(text: str, start: int) -> Found | None:
    """What stands after the parameter's name, when it looks like a value: a capital or a digit begins it."""
    match = re.match(r"\s*(?:is|:|=|of|called|number|named)?\s*", text[start:], re.I)
    begin = start + (match.end() if match else 0)
    value = _trimmed(_cut(text[begin:]))
    if not value or not (value[0].isupper() or value[0].isdigit()) or value.split()[0].lower() in STOPWORDS:
        return None
    return value, (begin, begin + len(value))


def _trimmed(value: str) -> str:
    """A value that begins with a capital ends with one, or with a number: the words after it belong to the sentence."""
    words = value.split()
    while len(words) > 1 and words[0][:1].isupper() and words[-1].islower():
        words.pop()
    return " ".join(words) if words else value


def _cut(text: str) -> str:
    match = _STOPS.search(text)
    return text[: match.start()].strip() if match else text.strip()


def _capitals_only(words: Sequence[str]) -> str:
    kept: list[str] = []
    for word in words:
        if not word[:1].isupper():
            break
        kept.append(word)
    return " ".join(kept)
