"""The nearest valid names to one that is not: the hint behind every "did you mean"."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str], *, most: int = 3) -> list[str]:
    """Up to ``most`` of ``candidates`` that look like ``name``, best first, compared without regard to case."""
    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(candidate.casefold(), candidate)
    wanted = name.casefold()
    close = difflib.get_close_matches(wanted, folded, n=most, cutoff=0.6)
    inside = [c for c in folded if wanted and wanted in c and c not in close] if len(wanted) > 2 else []
    return [folded[c] for c in (close + sorted(inside, key=len))[:most]]


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """A sentence with the nearest names, or None when nothing is near."""
    near = nearest(name, candidates)
    return f"Did you mean {' or '.join(repr(n) for n in near)}?" if near else None
