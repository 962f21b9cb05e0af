"""A passage as sentences and lines."""

from __future__ import annotations

import re

_ABBREVIATED = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|no|nr|vs|etc|approx|ca|inc|co|ltd|jr|sr|dept|est|e\.g|i\.e|z\.b|bzw|str|tel|min|max|incl|inkl|sra?|av)"
    r"|\b[A-Za-z]|\b[ap]\.m)\.$",
    re.I,
)
_END = re.compile(r"[.!?…](?:[\"'”’)\]]*)(?=\s)")
_LINE = re.compile(r"\s*\n\s*")


def sentences(text: str) -> list[str]:
    """The sentences in their order; a line is one at least. A point in ``$4.50``, ``a.m.`` or ``Dr.`` ends none."""
    found: list[str] = []
    for line in _LINE.split(text):
        start = 0
        for match in _END.finditer(line):
            piece = line[start : match.end()]
            if _ABBREVIATED.search(piece.rstrip("\"'”’)]")) and not _begins(line, match.end()):
                continue
            found.append(piece.strip())
            start = match.end()
        found.append(line[start:].strip())
    return [one for one in found if one]


def _begins(line: str, at: int) -> bool:
    """Whether a sentence begins after ``9 p.m.``: a title or an initial is followed by a capital as well."""
    rest = line[at:].lstrip()
    return line[:at].rstrip().lower().endswith((".m.", "a.m", "p.m")) and rest[:1].isupper()
