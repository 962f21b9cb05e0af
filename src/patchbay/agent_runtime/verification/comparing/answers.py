"""Digits, numbers, addresses and free answers: how they are read from an utterance, and when two are the same."""

from __future__ import annotations

import re

from patchbay.agent_runtime.verification.comparing.spoken import digits, equal, plain, without_endings, words
from patchbay.schema_graph.phones import to_e164

_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
_LEAD = re.compile(
    r"^(?:(?:um+|uh+|er+|well|so|ok(?:ay)?|sure|yes|yeah|hi|hello|please)\b[\s,.!-]*)*"
    r"(?:(?:it|that|this|the answer|my [\w'’ -]{1,60}?|the [\w'’ -]{1,60}?|he|she|they|i)"
    r"\s*(?:['’]s|['’]m|['’]re| is| was| are| am| were)\b"
    r"(?: called| named)?|i (?:think|believe)(?: it['’]?s| it is)?|called)?[\s:,-]*",
    re.I,
)
_TAIL = re.compile(r"(?:[\s,]+(?:please|thanks|thank you|i think|i believe))*[\s.!?,;]*$", re.I)
_ARTICLES = frozenset({"a", "an", "the"})


def read_answer(text: str) -> str | None:
    """All of a free answer, without the words around it (``it's …``, ``my first pet was …``); None when nothing is left."""
    answer = _TAIL.sub("", _LEAD.sub("", " ".join(text.split()), count=1)).strip()
    return answer or _TAIL.sub("", " ".join(text.split())).strip() or None


def same_answer(said: str, stored: str) -> bool:
    """Whether two answers have the same words: case, accents, punctuation, articles and spelled-out digits aside."""
    mine, theirs = _bare(said), _bare(stored)
    return bool(mine) and equal(mine, theirs)


def _bare(text: str) -> str:
    found = [w.text.replace("'", "") for w in without_endings(words(text))]
    kept = [w for w in found if w not in _ARTICLES] or found
    return "".join(kept)


def read_digits(text: str) -> str | None:
    """The digits of a PIN or a code, said in any way; None when there are none."""
    return digits(text) or None


def same_digits(said: str, stored: object) -> bool:
    """Whether the digits are the same. A number kept as an integer has lost its leading zeros: they are not counted there."""
    mine = digits(said)
    if isinstance(stored, int) and not isinstance(stored, bool):
        return bool(mine) and stored >= 0 and equal(str(stored).zfill(len(mine)), mine)
    theirs = digits(str(stored))
    return bool(mine) and equal(mine, theirs)


def read_code(text: str) -> str | None:
    """An account, customer or order number: the run of letters and digits with at least two digits in it, canonical."""
    said = words(text)
    best: list[str] = []
    run: list[str] = []
    for word in said:
        if word.number or len(word.text) <= 3:
            run.append(word.text.upper())
            continue
        best, run = max(best, _trimmed(run), key=_figures), []
    best = max(best, _trimmed(run), key=_figures)
    return "".join(best) if _figures(best) > 1 else None


def _figures(run: list[str]) -> int:
    return sum(len(part) for part in run if part.isdigit())


def _trimmed(run: list[str]) -> list[str]:
    """A run without the small words before its first digit (``it is``, ``my``): letters of a code stand next to it."""
    first = next((i for i, part in enumerate(run) if part.isdigit()), len(run))
    last = next((i for i in range(len(run) - 1, -1, -1) if run[i].isdigit()), -1)
    start = first
    while start > 0 and run[start - 1] not in _SMALL_WORDS:
        start -= 1
    end = last + 1
    while end < len(run) and run[end] not in _SMALL_WORDS:
        end += 1
    return run[start:end]


_SMALL_WORDS = frozenset(
    [
        "IT",
        "IS",
        "ITS",
        "IT'S",
        "MY",
        "THE",
        "AND",
        "NO",
        "NR",
        "ID",
        "AN",
        "SO",
        "UM",
        "UH",
        "OK",
        "YES",
        "OF",
        "TO",
        "FOR",
        "HI",
    ]
)


def same_code(said: str, stored: object) -> bool:
    """Whether two numbers have the same letters and digits, spacing, dashes and case aside."""
    mine, theirs = _alnum(said), _alnum(str(stored))
    return bool(mine) and equal(mine, theirs)


def _alnum(text: str) -> str:
    return "".join(w.text.upper().replace("'", "") for w in words(text))


def read_email(text: str) -> str | None:
    """The e-mail address in ``text``, written or spoken (``ada at example dot com``)."""
    if match := _EMAIL.search(text):
        return match[0].rstrip(".").lower()
    spoken = re.sub(r"\s+(?:at)\s+", "@", plain(text), count=1)
    spoken = re.sub(r"\s*\bdot\b\s*", ".", spoken)
    match = _EMAIL.search(re.sub(r"\s*\b(?:underscore)\b\s*", "_", spoken))
    return match[0].rstrip(".") if match else None


def same_email(said: str, stored: object) -> bool:
    """Whether two addresses are the same, case aside."""
    mine = read_email(said) or said
    return equal(mine.strip().casefold(), str(stored).strip().casefold())


def same_phone(said: str, stored: object, country: str | None) -> bool:
    """Whether both read as one full E.164 number; without a country only numbers with their code do."""
    mine, theirs = to_e164(said, country), to_e164(str(stored), country)
    return mine is not None and theirs is not None and equal(mine, theirs)
