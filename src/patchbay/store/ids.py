"""Identifiers: a short prefix that says what it is, then a ULID in lower case. They sort by the time they were made."""

from __future__ import annotations

import os
import re
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_ULID = re.compile(rf"[0-7][{_ALPHABET}]{{25}}")
_lock = threading.Lock()
_last: list[int] = [0, 0]


def new_id(prefix: str) -> str:
    """A fresh identifier such as ``agt_01jd…``; within one process, later ones are greater."""
    with _lock:
        exact = time.time_ns()
        now = exact // 1_000_000
        if now > _last[0]:
            _last[0], _last[1] = now, int.from_bytes(os.urandom(9)) << 7
        else:
            _last[1] += 1 + (exact & 255)
        when, which = _last[0], _last[1]
    # Thirteen pairs of characters, written out: this is called several times for each call of a skill.
    p, low, high = _PAIRS, which & 0xFFFFFFFFFF, (which >> 40) & 0xFFFFFFFFFF
    return (
        f"{prefix}_{p[when >> 40]}{p[when >> 30 & 1023]}{p[when >> 20 & 1023]}{p[when >> 10 & 1023]}{p[when & 1023]}"
        f"{p[high >> 30]}{p[high >> 20 & 1023]}{p[high >> 10 & 1023]}{p[high & 1023]}"
        f"{p[low >> 30]}{p[low >> 20 & 1023]}{p[low >> 10 & 1023]}{p[low & 1023]}"
    )


def made_at(identifier: str, prefix: str) -> float | None:
    """When an identifier with this ``prefix`` says it was made, in seconds since 1970; None when it is not one."""
    head, _, ulid = identifier.partition("_")
    if head != prefix or _ULID.fullmatch(ulid) is None:
        return None
    milliseconds = 0
    for character in ulid[:10]:
        milliseconds = milliseconds * 32 + _ALPHABET.index(character)
    return milliseconds / 1000
