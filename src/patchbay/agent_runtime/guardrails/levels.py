"""How well a caller is known: ``none`` < ``basic`` < ``step_up``, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEVELS: dict[str, int] = {"none": 0, "basic": 1, "step_up": 2}
LEVEL_NAMES: tuple[str, ...] = tuple(LEVELS)


def level_at(verified: Mapping[str, Any], now: float) -> int:
    """The level that holds at ``now`` (seconds since the epoch), of a conversation's verified state."""
    grants: Mapping[str, Any] = verified.get("grants") or {}
    return max((LEVELS[name] for name, grant in grants.items() if grant["until"] > now), default=0)


def facts_at(verified: Mapping[str, Any], now: float) -> dict[str, Any]:
    """What is proven of the caller at ``now``: nothing once every verification has expired."""
    return dict(verified.get("facts") or {}) if level_at(verified, now) else {}
