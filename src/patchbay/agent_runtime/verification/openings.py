"""Which way a caller is verified when a level is needed: the first that can be used, and for more than basic a second one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from patchbay.agent_runtime.guardrails.levels import LEVELS, level_at
from patchbay.agent_runtime.verification.checks import Check


class Opening(msgspec.Struct, frozen=True):
    """The check to carry out, and the level it gives."""

    check: Check
    grants: int


def choose(
    checks: Sequence[Check], needed: int, verified: Mapping[str, Any], now: float, *, usable: Callable[[Check], bool]
) -> Opening | None:
    """How to get a caller to the level ``needed``, or one step nearer to it; None when no check can be used.

    ``step_up`` is a check of its own level where one is configured, on top of a basic one where that is configured too. Else it
    is a basic check by another method than the one before; with one method only, that check again, made for this very action.
    """
    able = [check for check in checks if usable(check)]
    basics = [check for check in able if check.level == LEVELS["basic"]]
    ups = [check for check in able if check.level == LEVELS["step_up"]]
    have = level_at(verified, now)
    if needed <= LEVELS["basic"]:
        first = next(iter((*basics, *ups)), None)
        return Opening(first, first.level) if first is not None else None
    if have < LEVELS["basic"] and basics and (ups or len(basics) > 1):
        return Opening(basics[0], LEVELS["basic"])
    if ups:
        return Opening(ups[0], LEVELS["step_up"])
    if not basics:
        return None
    grants: Mapping[str, Any] = verified.get("grants") or {}
    before: Mapping[str, Any] = grants.get("basic") or {}
    other = next((check for check in basics if check.id != before.get("check")), basics[0])
    return Opening(other, LEVELS["step_up"])
