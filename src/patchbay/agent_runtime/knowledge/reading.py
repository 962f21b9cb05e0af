"""What a source holds right now: fetched, loaded or taken as it was given, then read and cut where that can harm nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from patchbay.accounts.uploads import read_upload
from patchbay.agent_runtime.knowledge.content.task import ReadContent, read_faqs, read_file, read_text
from patchbay.agent_runtime.knowledge.failures import ReadingTimedOut, ReadingTooLarge
from patchbay.agent_runtime.knowledge.fetching import fetch_page
from patchbay.agent_runtime.knowledge.taking import Taken
from patchbay.connectors.worker import HeavyWorkTimedOut, HeavyWorkTooLarge, run_heavy
from patchbay.egress.guard import EgressGuard
from patchbay.store.database import Database

READ_S = 30.0
MEMORY_MB = 768
AT_ONCE_HERE = 20_000
"""Characters of plain text that are cut in a few milliseconds, hence here; all else goes to the worker process."""


class Reading(msgspec.Struct, frozen=True):
    """What was read, and what its server said to ask with next time."""

    read: ReadContent
    etag: str | None = None
    modified: str | None = None


class Reader:
    """Reads sources. Of the worker processes it takes one at a time, so that discoveries find one free."""

    def __init__(self, database: Database, guard: EgressGuard) -> None:
        self._database = database
        self._guard = guard
        self._one = asyncio.Semaphore(1)

    async def read(self, taken: Taken) -> Reading | None:
        """What ``taken`` holds; None when its server says that nothing has changed. Raises a PatchbayError."""
        given = taken.given or {}
        match taken.kind:
            case "text":
                return Reading(await self._text(given["text"]))
            case "faq":
                return Reading(await self._faqs([(faq["question"], faq["answer"]) for faq in given["faqs"]]))
            case "file":
                async with self._database.tenant(taken.org_id, read_only=True) as session:
                    upload = await read_upload(session, taken.upload_id or "")
                return Reading(await self._apart(read_file, upload.content, upload.content_type, upload.name))
            case _:
                return await self._page(taken)

    async def _page(self, taken: Taken) -> Reading | None:
        known = (taken.etag, taken.modified) if taken.index_id is not None else (None, None)
        fetched = await fetch_page(self._guard, taken.url or "", etag=known[0], modified=known[1])
        if fetched is None:
            return None
        read = await self._apart(read_file, fetched.content, fetched.content_type, fetched.name)
        return Reading(read, fetched.etag, fetched.modified)

    async def _text(self, text: str) -> ReadContent:
        return read_text(text) if len(text) <= AT_ONCE_HERE else await self._apart(read_text, text)

    async def _faqs(self, faqs: list[tuple[str, str]]) -> ReadContent:
        length = sum(len(question) + len(answer) for question, answer in faqs)
        return read_faqs(faqs) if length <= AT_ONCE_HERE else await self._apart(read_faqs, faqs)

    async def _apart(self, fn: Callable[..., ReadContent], *args: Any) -> ReadContent:
        async with self._one:
            try:
                return await run_heavy(fn, *args, timeout_s=READ_S, memory_mb=MEMORY_MB)
            except HeavyWorkTimedOut:
                raise ReadingTimedOut from None
            except HeavyWorkTooLarge:
                raise ReadingTooLarge from None
