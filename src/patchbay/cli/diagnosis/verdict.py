"""What one check found."""

from __future__ import annotations

from typing import Literal

import msgspec


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of a check: ``hint`` says what to do about it."""

    id: str
    title: str
    status: Literal["passed", "warning", "failed", "skipped"]
    message: str
    hint: str | None = None
