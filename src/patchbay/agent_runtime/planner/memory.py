"""What the planner keeps from turn to turn. It is stored with the conversation and never shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Memory(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``skill`` is the one being prepared, with the ``slots`` filled so far and the parameter it is ``asking`` for.

    ``choices`` are the skills the caller was asked to choose from, ``heard`` what they had said then. ``last`` and
    ``last_slots`` are what ran last. ``offer`` is what a yes would mean. ``by_caller`` names the slots taken from the channel.
    """

    skill: str | None = None
    slots: dict[str, Any] = {}
    asking: str | None = None
    tries: int = 0
    choices: list[str] = []
    heard: str = ""
    last: str | None = None
    last_slots: dict[str, Any] = {}
    offer: str | None = None
    by_caller: list[str] = []
    refused_caller: bool = False

    def cleared(self) -> Memory:
        """The same without what was in preparation."""
        return Memory(last=self.last, last_slots=self.last_slots, refused_caller=self.refused_caller)


def recalled(stored: Mapping[str, Any]) -> Memory:
    """The memory that was stored; an unreadable one is forgotten."""
    try:
        return msgspec.convert(dict(stored), Memory)
    except msgspec.ValidationError:
        return Memory()


def kept(memory: Memory) -> dict[str, Any]:
    """The memory as it is stored."""
    return msgspec.to_builtins(memory)
