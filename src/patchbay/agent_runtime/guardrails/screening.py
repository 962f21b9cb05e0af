"""What is said, looked at before anybody hears it: content rules and secrets, on whole texts and on streams.

A stream is let through only as far as nothing that may follow can make a violation of what has gone out. How far that is each
rule knows, because each spans a bounded number of words or characters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from patchbay.agent_runtime.guardrails.categories import CATEGORIES
from patchbay.agent_runtime.guardrails.phrases import Phrase, bare, match_at, read_pattern
from patchbay.agent_runtime.guardrails.policies import ContentRule, Escalation
from patchbay.agent_runtime.verification.comparing.spoken import words
from patchbay.agent_runtime.verification.masking import Masks, redaction

Action = Literal["redirect", "redact", "end"]
_UNSETTLED = 2


class Hit(msgspec.Struct, frozen=True):
    """A violation: where it stands, what is done about it and by which policy (None: a secret that recurs)."""

    start: int
    end: int
    action: Action
    instead: str
    rule: Rule | None = None


class Rule(msgspec.Struct, frozen=True):
    """A content rule, compiled."""

    policy_id: str
    action: Action
    message: str
    phrases: tuple[Phrase, ...]
    categories: tuple[str, ...]
    span: int

    def find(self, text: str) -> list[Hit]:
        """Every violation of this rule in ``text``."""
        hits = [self._hit(start, end) for start, end in find_phrases(self.phrases, text)]
        hits += [self._hit(*span) for name in self.categories for span in CATEGORIES[name].find(text)]
        return hits

    def settled(self, text: str) -> int:
        """Up to where nothing that may follow can begin a violation that was not found."""
        bounds = [len(text)]
        if self.phrases:
            said = words(text)
            first = len(said) - _UNSETTLED - self.span + 1
            bounds.append(said[max(first, 0)].start if said else len(text))
        if self.categories:
            bounds.append(max(0, len(text) - max(CATEGORIES[name].width for name in self.categories)))
        return min(bounds)

    def _hit(self, start: int, end: int) -> Hit:
        return Hit(start, end, self.action, redaction("content") if self.action == "redact" else self.message, self)


class _Finder(Protocol):
    def find(self, text: str) -> list[Hit]: ...

    def settled(self, text: str) -> int: ...


class _Secrets(msgspec.Struct, frozen=True):
    masks: Masks

    def find(self, text: str) -> list[Hit]:
        return [Hit(f.start, f.end, "redact", redaction(f.label)) for f in self.masks.find(text)]

    def settled(self, text: str) -> int:
        return self.masks.settled(text)


class Screened(msgspec.Struct, frozen=True):
    """What may be said of a text. ``stop`` is the violation at which it was cut off; ``hits`` are all that were met."""

    text: str
    hits: tuple[Hit, ...] = ()
    stop: Hit | None = None


class Screen:
    """One text on its way out. :meth:`push` gives what of it may be said by now, :meth:`end` the rest."""

    def __init__(self, rules: Sequence[Rule], masks: Masks | None = None) -> None:
        self._finders: tuple[_Finder, ...] = (*rules, *((_Secrets(masks),) if masks else ()))
        self._held = ""
        self.hits: list[Hit] = []
        self.stop: Hit | None = None

    @property
    def idle(self) -> bool:
        """Whether there is nothing to look for."""
        return not self._finders

    def push(self, piece: str) -> str:
        """Take the next piece of the text and give what may be said now. After a ``stop`` nothing may."""
        if self.idle:
            return piece
        if self.stop is not None:
            return ""
        self._held += piece
        return self._release(min(finder.settled(self._held) for finder in self._finders))

    def end(self) -> str:
        """The text is over: what is left of it that may be said."""
        return self._release(len(self._held)) if self.stop is None else ""

    def _release(self, settled: int) -> str:
        said, at = "", 0
        for hit in self._hits():
            if hit.start >= settled:
                break
            self.hits.append(hit)
            said += self._held[at : hit.start]
            if hit.action != "redact":
                self.stop, self._held = hit, ""
                return said
            said += hit.instead
            at = hit.end
        settled = max(settled, at)
        said += self._held[at:settled]
        self._held = self._held[settled:]
        return said

    def _hits(self) -> list[Hit]:
        """What was found, in order. What overlaps is one violation, which stops the text when either of the two does."""
        found = sorted(
            (hit for finder in self._finders for hit in finder.find(self._held)),
            key=lambda h: (h.start, h.action == "redact", -h.end),
        )
        kept: list[Hit] = []
        for hit in found:
            if not kept or hit.start >= kept[-1].end:
                kept.append(hit)
                continue
            before = kept[-1]
            worse = hit if before.action == "redact" else before
            kept[-1] = msgspec.structs.replace(worse, start=before.start, end=max(before.end, hit.end))
        return kept


def screened(text: str, rules: Sequence[Rule], masks: Masks | None = None) -> Screened:
    """A whole text, looked at at once."""
    screen = Screen(rules, masks)
    said = screen.push(text) + screen.end()
    return Screened(said, tuple(screen.hits), screen.stop)


def compile_rule(policy: ContentRule) -> Rule:
    """A content rule ready to be looked for."""
    phrases = (
        *(read_pattern(text, wild=False) for text in policy.phrases),
        *(read_pattern(text, wild=True) for text in policy.patterns),
    )
    return Rule(
        policy.id or "",
        policy.action,
        policy.message or "",
        phrases,
        tuple(policy.categories),
        max((phrase.span for phrase in phrases), default=0),
    )


def find_phrases(phrases: Sequence[Phrase], text: str) -> list[tuple[int, int]]:
    """Where any of the phrases stands in ``text``."""
    if not phrases:
        return []
    said = words(text)
    bares = [bare(word) for word in said]
    spans: list[tuple[int, int]] = []
    for phrase in phrases:
        for at in range(len(bares)):
            end = match_at(phrase, bares, at)
            if end is not None:
                spans.append((said[at].start, said[end - 1].end))
    return spans


def compile_trigger(policy: Escalation) -> Callable[[str], bool]:
    """Whether an utterance holds one of the phrases of an escalation."""
    phrases = tuple(read_pattern(text, wild=False) for text in policy.phrases)
    return lambda text: bool(find_phrases(phrases, text))
