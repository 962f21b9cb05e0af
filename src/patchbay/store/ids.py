"""Identifiers: a short prefix that says what it is, then a ULID in lower case. They sort by the time they were made."""

from __future__ import annotations

import os
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_lock = threading.Lock()
_last: list[int] = [0, 0]


def new_id(prefix: str) -> str:
    """A fresh identifier such as ``agt_01jd…``; within one process, later ones are greater."""
    with _lock:
        now = time.time_ns() // 1_000_000
        if now > _last[0]:
            _last[0], _last[1] = now, int.from_bytes(os.urandom(9)) << 7
        else:
            _last[1] += 1 + os.urandom(1)[0]
        value = (_last[0] << 80) | (_last[1] & ((1 << 80) - 1))
    return f"{prefix}_" + "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
