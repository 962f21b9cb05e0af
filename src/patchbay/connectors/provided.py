"""What a curated provider is connected with, in the place of a definition that an organization writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.connectors.definition import Definition


class Provided(msgspec.Struct, frozen=True, kw_only=True):
    """``credentials`` are those that the definition's scheme asks for. ``scoping`` is what a connection that is new begins with.
    ``version`` is the pack's.
    """

    definition: Definition
    credentials: Mapping[str, Any]
    label: str
    version: str
    scoping: Mapping[str, Any] = {}
