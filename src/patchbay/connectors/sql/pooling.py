"""Whether something between us and a server lends its sessions out, and what that does to ours."""

from __future__ import annotations

from typing import Literal

import msgspec

PoolMode = Literal["direct", "session", "transaction"]


class Pooling(msgspec.Struct, frozen=True):
    """``direct``: each connection is a server session. ``session``: something is in between, sessions stay whole.
    ``transaction``: sessions do not stay whole; ``evidence`` says how that was seen.
    """

    mode: PoolMode
    evidence: Literal["changed_backend", "shared_backend", "lost_setting"] | None = None
