"""What a logged-in role may do, as the connection test reports it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

MOST_NAMED = 10

Severity = Literal["severe", "warning", "info"]


class Excess(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One privilege too many: what it is, how many objects it is held on (the first few named), and how to take it away."""

    privilege: str
    severity: Severity
    message: str
    count: int
    on: tuple[str, ...]
    mend: tuple[str, ...]


class WriteAccess(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many tables and views the role may change, by the kind of change; the first few named."""

    insert: int
    update: int
    delete: int
    truncate: int
    on: tuple[str, ...]

    @property
    def any(self) -> bool:
        """Whether the role may change anything at all."""
        return bool(self.insert or self.update or self.delete or self.truncate)


def gravest_first(found: Iterable[Excess]) -> list[Excess]:
    """In the order in which they should be read."""
    order: dict[Severity, int] = {"severe": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda excess: order[excess.severity])
