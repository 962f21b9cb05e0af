"""A tool's outcome as whoever called it is told it: all that a model would know, and nothing that is for the receipt."""

from __future__ import annotations

from typing import Any

import msgspec

from patchbay.agent_runtime.conversation.model import ToolOutcome


class ToldOutcome(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """See :class:`~patchbay.agent_runtime.conversation.model.ToolOutcome`; ``conversation_id``: where it is recorded."""

    status: str
    code: str | None
    message: str | None
    rows: list[dict[str, Any]]
    row_count: int
    truncated: bool
    ambiguous: bool
    notes: tuple[str, ...]
    missing: tuple[str, ...]
    invalid: tuple[str, ...]
    conversation_id: str


_MEMBERS = tuple(name for name in ToldOutcome.__struct_fields__ if name in ToolOutcome.__struct_fields__)


def told(outcome: ToolOutcome) -> dict[str, Any]:
    """The members that both have."""
    return {name: getattr(outcome, name) for name in _MEMBERS}
