"""Finding a proven secret again where it must not stand: in what is said later, in either direction, and in what is shown.

A secret is wiped as soon as it was checked. What stays are keyed hashes of the forms it can be written in, so that a text can be
searched for it without it being kept; nobody who reads them without the master key learns anything from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from patchbay.agent_runtime.verification.comparing.spoken import Word, plain, without_endings, words

Hasher = Callable[[bytes], bytes]
_SKIPPED = frozenset({"of", "the", "and"})
_UNSETTLED = 2
"""How many words at the end of a text may still become another one: ``twenty`` before ``one``, ``double`` before ``five``."""
MOST_MASKS = 400


class Found(msgspec.Struct, frozen=True):
    """Where a secret stands in a text, and what it is called."""

    start: int
    end: int
    label: str


class _Unit(msgspec.Struct, frozen=True):
    char: str
    start: int
    end: int
    opens: bool
    closes: bool


class Masks:
    """The secrets of one conversation, to be looked for."""

    def __init__(self, stored: Iterable[Mapping[str, Any]], hasher: Hasher, conversation_id: str) -> None:
        self._hash = _keyed(hasher, conversation_id)
        self._figures: dict[int, dict[str, str]] = {}
        self._words: dict[int, dict[str, str]] = {}
        for mask in stored:
            of = self._figures if mask["figures"] else self._words
            of.setdefault(int(mask["length"]), {})[str(mask["hash"])] = str(mask["label"])
        self._longest = max([*self._figures, *self._words], default=0)

    def __bool__(self) -> bool:
        return self._longest > 0

    def find(self, text: str) -> list[Found]:
        """Every place where a secret stands, in order, none overlapping another."""
        units = _units(words(text))
        chars, runs = "".join(u.char for u in units), _runs_of_figures(units)
        found: list[Found] = []
        at = 0
        while at < len(units):
            hit = self._at(units, chars, runs[at], at)
            if hit is None:
                at += 1
                continue
            length, label = hit
            found.append(Found(units[at].start, max(u.end for u in units[at : at + length]), label))
            at += length
        return found

    def settled(self, text: str) -> int:
        """Up to where nothing that may still follow ``text`` can make a secret begin that was not found."""
        said = words(text)
        units = _units(said[:-_UNSETTLED])
        first = len(units) - self._longest + 1
        if first <= 0:
            return units[0].start if units else (said[0].start if said else len(text))
        return units[first].start if first < len(units) else units[-1].end

    def masked(self, text: str) -> str:
        """``text`` with every secret in it replaced."""
        for hit in reversed(self.find(text)):
            text = f"{text[: hit.start]}{redaction(hit.label)}{text[hit.end :]}"
        return text

    def masked_value(self, value: Any) -> Any:
        """A JSON value with every secret in its texts and numbers replaced; names of members stay."""
        if isinstance(value, str):
            return self.masked(value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            text = str(value)
            return self.masked(text) if self.find(text) else value
        if isinstance(value, Mapping):
            return {k: self.masked_value(v) for k, v in cast(Mapping[str, Any], value).items()}
        if isinstance(value, list | tuple):
            return [self.masked_value(v) for v in cast(Sequence[Any], value)]
        return value

    def _at(self, units: Sequence[_Unit], chars: str, figures: int, at: int) -> tuple[int, str] | None:
        """The longest secret that begins at the unit ``at``, where so many ``figures`` stand in a row."""
        best: tuple[int, str] | None = None
        for length, known in self._figures.items():
            if (
                length <= figures
                and (best is None or length > best[0])
                and (label := known.get(self._hash(chars[at : at + length])))
            ):
                best = length, label
        for length, known in self._words.items() if units[at].opens else ():
            if at + length > len(units) or not units[at + length - 1].closes or (best is not None and length <= best[0]):
                continue
            if label := known.get(self._hash(chars[at : at + length])):
                best = length, label
        return best


def redaction(label: str) -> str:
    """What stands in the place of a secret."""
    return f"[redacted:{label}]"


def mask_entries(forms: Iterable[str], label: str, hasher: Hasher, conversation_id: str) -> list[dict[str, Any]]:
    """The masks of a secret, as they are stored in a conversation's state."""
    keyed = _keyed(hasher, conversation_id)
    return [
        {"label": label, "length": len(form), "figures": form.isdigit(), "hash": keyed(form)} for form in sorted(forms) if form
    ]


def _keyed(hasher: Hasher, conversation_id: str) -> Callable[[str], str]:
    prefix = f"mask\x00{conversation_id}\x00".encode()
    return lambda form: hasher(prefix + form.encode("utf-8", "replace"))[:12].hex()


def _runs_of_figures(units: Sequence[_Unit]) -> list[int]:
    """For each unit, how many figures stand in a row from it on."""
    runs = [0] * len(units)
    for at in range(len(units) - 1, -1, -1):
        if units[at].char.isdigit():
            runs[at] = 1 + (runs[at + 1] if at + 1 < len(units) else 0)
    return runs


def _units(said: Sequence[Word]) -> list[_Unit]:
    """The letters and digits of the words, each with where it stands. A spoken number's digits all stand where its word does."""
    units: list[_Unit] = []
    for word in without_endings(said):
        text = plain(word.text).replace("'", "")
        if text in _SKIPPED or not text:
            continue
        apart = word.written and len(text) == word.end - word.start
        for n, char in enumerate(text):
            start, end = (word.start + n, word.start + n + 1) if apart else (word.start, word.end)
            units.append(_Unit(char, start, end, n == 0, n == len(text) - 1))
    return units
