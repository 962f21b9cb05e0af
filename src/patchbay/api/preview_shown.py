"""A preview on the wire. :mod:`patchbay.agent_runtime.previews` makes it; these models only document it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from pydantic import Field

from patchbay.agent_runtime.previews import Previewed
from patchbay.api.envelope import Shown


class RowsShown(Shown):
    """What a call returns."""

    rows: list[dict[str, Any]]
    row_count: int
    truncated: bool
    ambiguous: bool
    notes: list[str]
    duration_ms: float
    outcome: Literal["done"] | None = Field(description="Of a write that was run, and here undone.")


class PreviewShown(Shown):
    """What a call would do."""

    effect: Literal["read", "write"]
    executed: bool = Field(description="It was run; a write was then rolled back.")
    statement: str | None = Field(description="A database's statement, with placeholders.")
    parameters: list[dict[str, Any]] = Field(description="What fills the placeholders.")
    request: dict[str, Any] | None = Field(description="The exact request to an HTTP system, its secrets masked.")
    current_row: dict[str, Any] | None = Field(description="The record an update would change.")
    side_effects: list[str] = Field(description="What else the table does on a write; executing needs each accepted by name.")
    result: RowsShown | None
    notes: list[str]
    warnings: list[dict[str, Any]] = Field(description="What to know about the binding: `field`, `code`, `message`, `hint`.")


def preview_json(previewed: Previewed) -> dict[str, Any]:
    """A preview as :class:`PreviewShown` documents it."""
    shown: dict[str, Any] = msgspec.to_builtins(previewed.preview)
    return {**shown, "warnings": msgspec.to_builtins(previewed.warnings)}
