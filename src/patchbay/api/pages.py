"""Cursor pagination. A cursor is opaque, and holds only for the organization, path and filters it was made for."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from starlette.requests import Request

from patchbay.api.platform import platform_of
from patchbay.api.visit import visit_of
from patchbay.errors import Finding, ValidationFailed
from patchbay.store.vault import Vault

T = TypeVar("T")
_MAC_BYTES = 16


class InvalidCursor(ValidationFailed):
    """This cursor is not one that this list gave out for these filters (invalid_cursor). Start again without it."""

    code, title = "invalid_cursor", "Invalid cursor"


@dataclass(frozen=True, slots=True)
class Page:
    """The page that was asked for: at most ``limit`` items, after the position ``after`` (None: from the start)."""

    limit: int
    after: str | None
    context: bytes
    vault: Vault

    def envelope(self, found: Sequence[T], *, position: Callable[[T], str], shown: Callable[[T], Any]) -> dict[str, Any]:
        """The response for ``found``, which holds one item more than ``limit`` when there is a next page."""
        items = found[: self.limit]
        cursor = _seal(position(items[-1]), self.context, self.vault) if len(found) > self.limit else None
        pagination = {"nextCursor": cursor, "limit": self.limit}
        return {"success": True, "data": [shown(item) for item in items], "pagination": pagination}

    def slice(self, items: Sequence[T], *, shown: Callable[[T], Any]) -> dict[str, Any]:
        """The response for a list that is whole in memory and keeps its order."""
        start = int(self.after or 0)
        numbered = list(enumerate(items[start : start + self.limit + 1], start + 1))
        return self.envelope(numbered, position=lambda item: str(item[0]), shown=lambda item: shown(item[1]))


async def _page(
    request: Request,
    cursor: Annotated[str | None, Query(max_length=1000, description="`pagination.nextCursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="How many items a page holds at most.")] = 25,
) -> Page:
    vault, visit = platform_of(request).vault, visit_of(request)
    filters = sorted((k, v) for k, v in request.query_params.multi_items() if k not in ("cursor", "limit"))
    context = json.dumps([visit.principal.org_id, visit.path, filters]).encode()
    return Page(limit, None if cursor is None else _open(cursor, context, vault), context, vault)


Paged = Annotated[Page, Depends(_page)]


def _seal(position: str, context: bytes, vault: Vault) -> str:
    payload = position.encode()
    return base64.urlsafe_b64encode(_mac(payload, context, vault) + payload).rstrip(b"=").decode()


def _open(cursor: str, context: bytes, vault: Vault) -> str:
    try:
        raw = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if hmac.compare_digest(mac, _mac(payload, context, vault)):
            return payload.decode()
    except (binascii.Error, UnicodeError):
        pass
    raise InvalidCursor(errors=[Finding("cursor", "invalid_cursor", "is not valid for this list and these filters")])


def _mac(payload: bytes, context: bytes, vault: Vault) -> bytes:
    return vault.keyed_hash(b"cursor\x00" + len(context).to_bytes(4) + context + payload)[:_MAC_BYTES]
