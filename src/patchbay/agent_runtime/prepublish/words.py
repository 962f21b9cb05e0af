"""Words of the report."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str], *, none: str = "nothing") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *front, last = names or (none,)
    return f"{', '.join(front)} and {last}" if front else last


def counted(number: int, one: str, several: str | None = None) -> str:
    """``1 skill``, ``2 skills``."""
    return f"{number} {one if number == 1 else several or one + 's'}"
