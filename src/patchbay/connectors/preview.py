"""What a call would do, shown to the person who binds it before anybody's caller depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from patchbay.errors import Unprocessable
from patchbay.schema_graph.call import CallResult
from patchbay.schema_graph.model import Effect


class PreviewRefused(Unprocessable):
    """This write may not be tried out: what it does could not be undone, or goes further than was accepted (preview_refused)."""

    code, title = "preview_refused", "Preview refused"

    def __init__(self, detail: str, *, hint: str = "Preview without execute.", unnamed: Sequence[str] = ()) -> None:
        hint = "Name each of them in acceptSideEffects, or preview without execute." if unnamed else hint
        super().__init__(detail, hint=hint, extensions={"sideEffects": list(unnamed)} if unnamed else None)


class Preview(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What a call would do, or did and undid.

    ``statement`` and ``parameters`` are a database call's; ``request`` is the exact request of an HTTP call with its secrets
    masked. ``current_row`` is the record an update would change, as far as the scoped view shows it. ``executed``: the call
    ran; a write was then rolled back. ``side_effects`` names what else would run with the write (triggers, rules): executing
    it needs each of them accepted by name.
    """

    effect: Effect
    executed: bool
    statement: str | None = None
    parameters: list[dict[str, Any]] = []
    request: dict[str, Any] | None = None
    current_row: dict[str, Any] | None = None
    side_effects: tuple[str, ...] = ()
    result: CallResult | None = None
    notes: tuple[str, ...] = ()


class PreviewOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to preview: whether to run a write and roll it back, and the side effects accepted by name for that."""

    execute: bool = False
    accept_side_effects: frozenset[str] = frozenset()
