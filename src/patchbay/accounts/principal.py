"""Who is asking."""

from __future__ import annotations

import msgspec

from patchbay.accounts.scopes import EVERYTHING


class Principal(msgspec.Struct, frozen=True):
    """The organization and key behind a request. ``label`` is the key's name, for people."""

    org_id: str
    key_id: str
    label: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the key holds ``scope``."""
        return scope in self.scopes or EVERYTHING in self.scopes
