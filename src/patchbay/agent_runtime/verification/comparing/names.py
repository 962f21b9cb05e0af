"""People's names, compared by agreed rules of spelling: case, accents, titles, hyphens and apostrophes, and whether the given or
the family name comes first. Nicknames are other names.
"""

from __future__ import annotations

import re

from patchbay.agent_runtime.verification.comparing.spoken import plain

_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "dr",
        "doctor",
        "prof",
        "professor",
        "sir",
        "dame",
        "lord",
        "lady",
        "rev",
        "reverend",
        "herr",
        "frau",
        "mme",
        "mlle",
        "don",
        "dona",
    ]
)
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "Ä": "ae", "Ö": "oe", "Ü": "ue", "Ø": "oe", "Å": "aa"}
)
_WORD = re.compile(r"[^\W_]+")


def same_name(said: str, stored: str) -> bool:
    """Whether two spellings are one name. A part that only one of them has (a middle name) makes it another."""
    mine, theirs = _forms(said), _forms(stored)
    return bool(mine and theirs and mine & theirs)


def _forms(name: str) -> frozenset[str]:
    """The name's letters in every order that only moves names from the front to the back, in each way to write umlauts."""
    made: set[str] = set()
    for spelled in {plain(name), plain(name.translate(_UMLAUTS))}:
        parts = _WORD.findall(spelled.replace("'", "").replace(".", " "))
        while len(parts) > 1 and parts[0] in _TITLES:
            parts = parts[1:]
        made |= {"".join(parts[n:] + parts[:n]) for n in range(len(parts))}
    made.discard("")
    return frozenset(made)
